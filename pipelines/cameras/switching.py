"""A camera with two streams: its main stream, and under overload its smaller sub-stream.

The stream that is to come is connected while the other one still gives frames, so no frame is missed and the
camera stays live; one that cannot be had changes nothing. A sub-stream of another shape than the main stream
shows another part of the room, or the same squeezed: zones and privacy masks would lie in the wrong place, so
not one of its pictures is given.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipelines.cameras.policy import first_frame_s
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.image import I420
    from pipelines.cameras.source import Source, SourceSpec

logger = logging.getLogger(__name__)

POLL_S: Final = 0.1
RETRY_S: Final = 60.0
"""How long a stream that could not be had is left alone."""
CLOSE_TIMEOUT_S: Final = 2.0
"""How long `close` waits for connections that end in threads of their own."""
MAX_SHAPE: Final = 0.03
"""By how much the shape (width / height) of a sub-stream may differ: cameras round sides to 16 px."""


def same_shape(main: tuple[int, int], sub: tuple[int, int]) -> bool:
    """Return whether two sizes, (width, height) in square pixels, have the same shape within MAX_SHAPE.

    >>> same_shape((1920, 1080), (640, 352)), same_shape((1920, 1080), (640, 480))
    (True, False)
    """
    if not all(main + sub):
        return False
    one, other = main[0] * sub[1], main[1] * sub[0]
    return max(one, other) <= (1 + MAX_SHAPE) * min(one, other)


def sub_stream(spec: SourceSpec, address: str) -> SourceSpec:
    """Return what is needed to read a camera's sub-stream: all as of its main stream but the address."""
    return replace(spec, source=address, track=1)


class StreamTrial:
    """Connects a stream in a thread of its own, until its first frame, a failure, or `cancel`.

    size: of that frame, (width, height), once `take` has returned the source.
    """

    def __init__(
        self, spec: SourceSpec, open_source: Callable[[SourceSpec], Source], timeout_s: float
    ) -> None:
        self._spec, self._open, self._timeout_s = spec, open_source, timeout_s
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._source: Source | None = None
        self.failure, self.cause, self.size = "", Cause.UNKNOWN, (0, 0)
        self._thread = threading.Thread(target=self._run, name=f"stream-{spec.camera}", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether neither a frame nor a failure has come yet."""
        return self._thread.is_alive()

    def take(self) -> Source | None:
        """Return the connected source, once; None where there is none."""
        with self._lock:
            source, self._source = self._source, None
            return source

    def cancel(self) -> threading.Thread:
        """Give the stream up, without a wait; return the thread that ends."""
        self._cancelled.set()
        if (source := self.take()) is not None:
            source.close()
        return self._thread

    def _run(self) -> None:
        source: Source | None = None
        try:
            source = self._open(self._spec)
            began = time.monotonic()
            while not self._cancelled.is_set():
                if source.wait(POLL_S):
                    pixels = source.take()
                    self.size = pixels.width, pixels.height
                    with self._lock:
                        if not self._cancelled.is_set():
                            self._source, source = source, None
                    break
                answered = source.answered
                if time.monotonic() - began > first_frame_s(self._timeout_s, answered=answered):
                    raise SourceLost(Cause.NO_PICTURE if answered else Cause.TIMEOUT)
        except SourceLost as lost:
            self.failure, self.cause = lost.cause.value, lost.cause
        except Exception:
            self.failure = "unexpected error"
            logger.exception("camera %s: unexpected error", self._spec.camera)
        finally:
            if source is not None:
                source.close()


class SwitchingSource:
    """A `Source` that gives the main stream, or the sub-stream while that is wanted. Used by one thread.

    The sub-stream's pictures are brought to the size of the main stream's: tracks, held masks, zones and
    recordings go on as if nothing had changed. Where the stream is lost, so is this source, and the next one
    begins with the main stream. A picture of another shape than the main stream's is withheld; the sub-stream
    is then left alone until the camera connects anew or its main stream changes its size.
    """

    def __init__(
        self,
        spec: SourceSpec,
        sub_source: str,
        open_source: Callable[[SourceSpec], Source],
        *,
        wanted: Callable[[], bool],
        on_change: Callable[[bool], None] = lambda _: None,
        on_refusal: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the main stream. Raises SourceLost.

        sub_source: address of the sub-stream, with the login of the main one. wanted: whether it is wanted
        now. on_change: called with whether it is in use, as that changes. on_refusal: called with whether it
        is left alone because of its shape, as that changes.
        """
        self._spec, self._sub = spec, sub_stream(spec, sub_source)
        self._open, self._wanted, self._clock = open_source, wanted, clock
        self._on_change, self._on_refusal = on_change, on_refusal
        self._source = open_source(spec)
        self._is_sub = False
        self._size: tuple[int, int] | None = None
        self._is_refused = False
        self._picked: I420 | None = None
        self._trial: StreamTrial | None = None
        self._closing: threading.Thread | None = None
        self._retry_at = 0.0
        self._withheld = self._undecoded = 0
        on_change(False)
        on_refusal(False)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the next frame of the stream that is in use; see `Source`."""
        self._consider()
        if not self._source.wait(timeout_s):
            return False
        if self._is_sub:
            self._picked = self._pick()
            return self._picked is not None
        return True

    def _pick(self) -> I420 | None:
        """Return the sub-stream's frame; None where its shape forbids that it is shown."""
        pixels = self._source.take()
        if self._size is None or not same_shape(self._size, (pixels.width, pixels.height)):
            self._refuse((pixels.width, pixels.height))
            self._withheld += 1
            return None
        return pixels

    def take(self) -> I420:
        """Copy out the frame, in the size of the main stream; see `Source`."""
        picked, self._picked = self._picked, None
        if picked is not None and self._size is not None:
            return picked.scaled(*self._size)
        pixels = self._source.take()
        size = pixels.width, pixels.height
        if self._is_refused and size != self._size:
            self._is_refused = False
            self._on_refusal(False)
        self._size = size
        return pixels

    def take_withheld(self) -> int:
        """Return how many pictures were withheld; see `Source`."""
        count, self._withheld = self._withheld + self._source.take_withheld(), 0
        return count

    def take_undecoded(self) -> int:
        """Return how many pictures were left out; see `Source`."""
        count, self._undecoded = self._undecoded + self._source.take_undecoded(), 0
        return count

    @property
    def answered(self) -> bool:
        """Whether video has begun to come; see `Source`."""
        return self._source.answered

    def close(self) -> None:
        """Close what is open; see `Source`."""
        ending = [self._trial.cancel()] if self._trial is not None else []
        ending += [self._closing] if self._closing is not None else []
        self._on_change(False)
        self._source.close()
        until = time.monotonic() + CLOSE_TIMEOUT_S
        for thread in ending:
            thread.join(max(0.0, until - time.monotonic()))
        if any(thread.is_alive() for thread in ending):
            text = "camera %s: a connection does not close; its thread is abandoned"
            logger.warning(text, self._spec.camera)

    def _consider(self) -> None:
        if self._trial is not None:
            if not self._trial.running:
                self._end_trial(self._trial)
            return
        wanted = self._wanted() and not self._is_refused
        if self._size is None or wanted == self._is_sub or self._clock() < self._retry_at:
            return
        if self._closing is None or not self._closing.is_alive():  # cameras serve few viewers at once
            spec = self._spec if self._is_sub else self._sub
            self._trial = StreamTrial(spec, self._open, spec.connect_timeout_ms / 1000)

    def _end_trial(self, trial: StreamTrial) -> None:
        self._trial = None
        camera, name = self._spec.camera, "main stream" if self._is_sub else "sub-stream"
        source = trial.take()
        if source is None:
            if self._is_sub and self._is_refused:
                raise SourceLost(
                    trial.cause, "the main stream cannot be had, and the sub-stream is not shown"
                )
            self._retry_at = self._clock() + RETRY_S
            text = "camera %s: the %s cannot be had (%s); tried again in %d s"
            extra = (
                news("main_stream_missing", camera=camera)
                if self._is_sub
                else news("sub_stream_missing", camera=camera)
            )
            logger.warning(text, camera, name, trial.failure, RETRY_S, extra=extra)
            return
        if not self._is_sub and (self._size is None or not same_shape(self._size, trial.size)):
            self._leave(source)
            self._refuse(trial.size)
            return
        self._withheld += self._source.take_withheld()
        self._undecoded += self._source.take_undecoded()
        old, self._source = self._source, source
        self._picked = None
        self._leave(old)
        self._is_sub = not self._is_sub
        self._on_change(self._is_sub)
        logger.info("camera %s: the %s is analysed now", camera, name)

    def _leave(self, source: Source) -> None:
        """Close a connection without a wait for it."""
        self._closing = threading.Thread(target=source.close, name=f"stream-{self._spec.camera}", daemon=True)
        self._closing.start()

    def _refuse(self, size: tuple[int, int]) -> None:
        """Leave the sub-stream alone, and say why once."""
        if self._is_refused:
            return
        self._is_refused, self._retry_at = True, 0.0
        self._on_refusal(True)
        width, height = self._size or (0, 0)
        logger.warning(
            "camera %s: the sub-stream's picture is %dx%d, another shape than the main stream's %dx%d: zones"
            " and privacy masks would lie in the wrong place, so it is not analysed. Give both streams"
            " the same shape (16:9 or 4:3) in the camera and restart the store, or remove sub_source",
            self._spec.camera,
            *size,
            width,
            height,
            extra=news("sub_stream_shape", camera=self._spec.camera),
        )
