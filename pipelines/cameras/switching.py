"""A camera with two streams: its main stream, and under overload its smaller sub-stream.

The stream that is to come is connected while the other one still gives frames, so no frame is missed and the
camera stays live; one that cannot be had changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.image import I420
    from pipelines.cameras.source import Source, SourceSpec

logger = logging.getLogger(__name__)

POLL_S: Final = 0.1
RETRY_S: Final = 60.0
"""How long a stream that could not be had is left alone."""


def sub_stream(spec: SourceSpec, address: str) -> SourceSpec:
    """Return what is needed to read a camera's sub-stream: all as of its main stream but the address."""
    return replace(spec, source=address, track=1)


class StreamTrial:
    """Connects a stream in a thread of its own, until its first frame, a failure, or `cancel`."""

    def __init__(
        self, spec: SourceSpec, open_source: Callable[[SourceSpec], Source], timeout_s: float
    ) -> None:
        self._spec, self._open, self._timeout_s = spec, open_source, timeout_s
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._source: Source | None = None
        self.failure = ""
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

    def cancel(self) -> None:
        """Give the stream up; does not wait."""
        self._cancelled.set()
        if (source := self.take()) is not None:
            source.close()

    def _run(self) -> None:
        source: Source | None = None
        try:
            source = self._open(self._spec)
            until = time.monotonic() + self._timeout_s
            while not self._cancelled.is_set():
                if source.wait(POLL_S):
                    with self._lock:
                        if not self._cancelled.is_set():
                            self._source, source = source, None
                    break
                if time.monotonic() > until:
                    raise SourceLost(Cause.TIMEOUT)
        except SourceLost as lost:
            self.failure = lost.cause.value
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
    begins with the main stream.
    """

    def __init__(
        self,
        spec: SourceSpec,
        sub_source: str,
        open_source: Callable[[SourceSpec], Source],
        *,
        wanted: Callable[[], bool],
        on_change: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the main stream. Raises SourceLost.

        sub_source: address of the sub-stream, with the login of the main one. wanted: whether it is wanted
        now. on_change: called with whether it is in use, as that changes.
        """
        self._spec, self._sub = spec, sub_stream(spec, sub_source)
        self._open, self._wanted, self._on_change, self._clock = open_source, wanted, on_change, clock
        self._source = open_source(spec)
        self._is_sub = False
        self._size: tuple[int, int] | None = None
        self._trial: StreamTrial | None = None
        self._closing: threading.Thread | None = None
        self._retry_at = 0.0
        self._withheld = self._undecoded = 0
        on_change(False)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the next frame of the stream that is in use; see `Source`."""
        self._consider()
        return self._source.wait(timeout_s)

    def take(self) -> I420:
        """Copy out the frame, in the size of the main stream; see `Source`."""
        pixels = self._source.take()
        if not self._is_sub or self._size is None:
            self._size = pixels.width, pixels.height
            return pixels
        return pixels.scaled(*self._size)

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
        if self._trial is not None:
            self._trial.cancel()
        self._on_change(False)
        self._source.close()

    def _consider(self) -> None:
        if self._trial is not None:
            if not self._trial.running:
                self._end_trial(self._trial)
            return
        if self._size is None or self._wanted() == self._is_sub or self._clock() < self._retry_at:
            return
        if self._closing is None or not self._closing.is_alive():  # cameras serve few viewers at once
            spec = self._spec if self._is_sub else self._sub
            self._trial = StreamTrial(spec, self._open, spec.connect_timeout_ms / 1000)

    def _end_trial(self, trial: StreamTrial) -> None:
        self._trial = None
        camera, name = self._spec.camera, "main stream" if self._is_sub else "sub-stream"
        source = trial.take()
        if source is None:
            self._retry_at = self._clock() + RETRY_S
            text = "camera %s: the %s cannot be had (%s); tried again in %d s"
            logger.warning(text, camera, name, trial.failure, RETRY_S)
            return
        old, self._source = self._source, source
        self._withheld += old.take_withheld()
        self._undecoded += old.take_undecoded()
        self._closing = threading.Thread(target=old.close, name=f"stream-{camera}", daemon=True)
        self._closing.start()
        self._is_sub = not self._is_sub
        self._on_change(self._is_sub)
        logger.info("camera %s: the %s is analysed now", camera, name)
