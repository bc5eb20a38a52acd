"""One thread per camera: it connects, watches the frame clock, and connects again."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ParamSpec, Protocol

from pipelines.cameras.backoff import Backoff
from pipelines.cameras.clocks import SLOWEST_S, CaptureClock, FrameRateLimit
from pipelines.cameras.closing import CLOSE_TIMEOUT_S, close_within
from pipelines.cameras.file_end import log_cut_off
from pipelines.cameras.policy import CameraPolicy
from pipelines.cameras.source import RawFrame, SourceKind, SourceLost
from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cameras.source import Source, SourceSpec

P = ParamSpec("P")

logger = logging.getLogger(__name__)

POLL_S = 0.1
POLL_CONNECTING_S = 0.02
LISTENER_S = 1.0
"""How long a listener that is being called is waited for at the end; it does not wait itself."""
MAX_STUCK = 3


class CameraListener(Protocol):
    """The listener of a camera. Called in the camera's thread: it must not wait."""

    def on_state(self, camera: str, state: CameraState, cause: Cause, since_ns: int) -> None:
        """Hear that the state or its cause has changed, at UTC since_ns."""

    def on_connect(self, camera: str, result: str) -> None:
        """Hear how an attempt ended: "ok" with the first frame, else the value of a Cause."""

    def on_frame(self, frame: RawFrame) -> None:
        """Take a frame."""

    def on_drop(self, camera: str, reason: str) -> None:
        """Hear of a frame that goes no further.

        reason: "rate", more than is to be analysed; "loss", what it refers to was lost on the way;
        "undecoded", the machine is overloaded and has it not decoded.
        """


class CameraSupervisor:
    """Keeps one camera live. `open_source` makes a fresh connection for each attempt."""

    def __init__(
        self,
        spec: SourceSpec,
        listener: CameraListener,
        open_source: Callable[[SourceSpec], Source],
        *,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
        close_timeout_s: float = CLOSE_TIMEOUT_S,
        share: Callable[[], float] = lambda: 1.0,
        slowest_s: Callable[[], float] = lambda: SLOWEST_S,
        more: Callable[[], bool] = lambda: False,
        phase: float = 0.0,
    ) -> None:
        """Begin with nothing; `start` connects.

        more: whether frames that are left out by `share` are handed on, not as wanted. phase: see
        FrameRateLimit.
        """
        self._spec, self._listener, self._open = spec, listener, open_source
        self._clock, self._close_timeout = clock, close_timeout_s
        self._capture = CaptureClock(now_ns, clock)
        self._limit: FrameRateLimit | None = (
            None if spec.kind is SourceKind.FOLDER else FrameRateLimit(spec.fps, share, slowest_s, phase)
        )
        self._shown, self._share, self._more = FrameRateLimit(spec.fps), share, more
        self._policy = CameraPolicy(
            Backoff(
                spec.reconnect_first_ms / 1000,
                spec.reconnect_max_ms / 1000,
                spec.reconnect_jitter,
                rng or random.Random(),
            ),
            stale_after_s=spec.stale_after_s,
            connect_timeout_s=spec.connect_timeout_ms / 1000,
            finite=not spec.kind.live,
            loop=spec.loop,
        )
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._listening = threading.Lock()
        self._is_abandoned = False
        self._status = CameraStatus(CameraState.STOPPED, Cause.NONE, now_ns(), None, 0, 0, 0)
        self._answer = ""
        self._closing: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._run, name=f"camera-{spec.camera}", daemon=True)

    @property
    def camera(self) -> str:
        """The camera's name."""
        return self._spec.camera

    def start(self) -> None:
        """Begin. Once only; a new supervisor starts a camera again."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End from any state; False where a driver holds the thread longer, which is then left behind.

        After that the listener hears no more of this camera: it may have been given to another supervisor.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        listening = self._listening.acquire(timeout=LISTENER_S)
        self._is_abandoned = True
        if listening:
            self._listening.release()
        return not self._thread.is_alive()

    def status(self) -> CameraStatus:
        """Return what is known now; callable from any thread."""
        with self._lock:
            return self._status

    def _run(self) -> None:
        self._policy.connect(self._clock())
        self._report()
        if self._spec.kind is SourceKind.FILE:  # here, for a share may hang
            log_cut_off(self._spec.camera, self._spec.source)
        while not self._stop.is_set():
            self._attempt()
            wait = self._policy.wait(self._clock())
            self._stop.wait(None if math.isinf(wait) else wait)
        self._policy.stop()
        self._report()

    def _attempt(self) -> None:
        self._policy.connect(self._clock())
        self._report()
        source: Source | None = None
        try:
            if sum(thread.is_alive() for thread in self._closing) >= MAX_STUCK:
                raise SourceLost(Cause.STUCK, "earlier connections do not close")
            source = self._open(self._spec)
            cause = self._watch(source)
        except SourceLost as lost:
            cause = lost.cause
            if lost.answer and lost.answer != self._answer:
                extra = news("camera_answers", camera=self.camera, answer=lost.answer)
                logger.warning("camera %s: the camera answers %r", self.camera, lost.answer, extra=extra)
            self._answer = lost.answer
            logger.debug("camera %s: %s", self.camera, lost.detail)
        except Exception:
            cause = Cause.UNKNOWN
            logger.exception("camera %s: unexpected error", self.camera)
        if cause is not Cause.NONE and self._policy.state is CameraState.CONNECTING:
            self._notify(self._listener.on_connect, self.camera, cause.value)
        self._report()
        if source is not None:
            self._close(source)
        if not self._stop.is_set():
            self._policy.lost(cause, self._clock())
            self._report()

    def _watch(self, source: Source) -> Cause:
        while not self._stop.is_set():
            live = self._policy.state is CameraState.LIVE
            if source.wait(POLL_S if live else POLL_CONNECTING_S) and not self._stop.is_set():
                self._receive(source)
            if withheld := source.take_withheld():
                self._policy.withhold(self._clock())
            for _ in range(withheld):
                self._call(self._listener.on_drop, self.camera, "loss")
            if undecoded := source.take_undecoded():
                self._policy.leave_out(self._clock())
            for _ in range(undecoded):
                self._call(self._listener.on_drop, self.camera, "undecoded")
            cause = self._policy.overdue(self._clock(), answered=not live and source.answered)
            if cause is not Cause.NONE:
                return cause
        return Cause.NONE

    def _receive(self, source: Source) -> None:
        now, captured_at = self._clock(), self._capture.now()
        due = self._limit is None or self._limit.passes(now)
        is_more = self._shown.passes(now) and not due and self._share() > 0 and self._more()
        pixels = source.take() if due or is_more else None
        first = self._policy.frame(now)
        with self._lock:
            old = self._status
            self._status = replace(
                old,
                last_frame_at=captured_at,
                frames_received=old.frames_received + 1,
                connects=old.connects + first,
            )
        if first:
            self._report()
            self._notify(self._listener.on_connect, self.camera, "ok")
        if pixels is None:
            self._call(self._listener.on_drop, self.camera, "rate")
        else:
            self._call(self._listener.on_frame, RawFrame(self.camera, captured_at, pixels, due))

    def _close(self, source: Source) -> None:
        """Close in a thread of its own: a driver that hangs there costs a thread, not the camera."""
        thread = close_within(source, self.camera, self._close_timeout)
        self._closing = [t for t in self._closing if t.is_alive()]
        if thread is not None:
            self._closing.append(thread)
            with self._lock:
                self._status = replace(self._status, stuck=self._status.stuck + 1)
            logger.warning("camera %s: a connection does not close; its thread is abandoned", self.camera)

    def _report(self) -> None:
        """Report the state where it has changed."""
        state, cause = self._policy.state, self._policy.cause
        with self._lock:
            if (state, cause) == (self._status.state, self._status.cause):
                return
            since = self._capture.now()
            self._status = replace(self._status, state=state, cause=cause, since=since)
        self._notify(self._listener.on_state, self.camera, state, cause, since)

    def _notify(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            self._call(call, *args, **kwargs)
        except Exception:
            logger.exception("camera %s: a listener failed", self.camera)

    def _call(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        with self._listening:
            if not self._is_abandoned:
                call(*args, **kwargs)
