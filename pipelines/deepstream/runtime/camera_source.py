"""The life of a camera on DeepStream: connecting, live, lost, connected again."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from pipelines.cameras.memory import TOO_MUCH
from pipelines.cameras.play_check import SILENT_SHARE
from pipelines.cameras.policy import BUSY_AGAIN_S
from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pipelines.deepstream.runtime.source_bin import FrameTap, SourceBin
from pipelines.errors import BadInput
from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cameras.clocks import FrameRateLimit
    from pipelines.cameras.memory import MemoryGrowth
    from pipelines.cameras.policy import CameraPolicy
    from pipelines.deepstream.runtime.picture_shape import Misfit
    from probes.nvds.frame_origins import FrameOrigins

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
"""How long a camera may take to its first frame."""
CLOSE_TIMEOUT_S = 5.0
RESCUE_S = 5.0
"""How long a silent camera may come back by itself before its bin is replaced."""


EXPLAIN_TIMEOUT_S = 6.0
"""How long it may take to find out why a camera cannot be connected to."""
_EXPLAINED = frozenset({Cause.UNKNOWN, Cause.TLS})
"""What rtspsrc says too little of."""
T = TypeVar("T")


class Question(Generic[T]):
    """Asks a camera something once, in a thread of its own; the thread ends by itself."""

    def __init__(self, camera: str, ask: Callable[[], T]) -> None:
        """ask: blocks for some seconds at most."""
        self._ask = ask
        self._answer: T | None = None
        threading.Thread(target=self._run, name=f"ask-{camera}", daemon=True).start()

    @property
    def answer(self) -> T | None:
        """What was answered; None as long as that is not known."""
        return self._answer

    def _run(self) -> None:
        self._answer = self._ask()


class CameraSource:
    """One camera's life: connecting, live, lost, connected again; as on the CPU, by the same policy.

    All methods but `status` are called by one thread, and none of them waits longer than OPEN_S.
    """

    def __init__(
        self,
        camera: str,
        policy: CameraPolicy,
        source_bin: Callable[[FrameTap], SourceBin],
        *,
        limit: Callable[[], FrameRateLimit],
        origins: FrameOrigins,
        clock: Callable[[], float],
        now_ns: Callable[[], int],
        check: Callable[[], tuple[Cause, str]] | None = None,
        ask: Callable[[], tuple[Cause, str]] | None = None,
        explain: Callable[[], tuple[Cause, str]] | None = None,
        growth: Callable[[], MemoryGrowth | None] = lambda: None,
    ) -> None:
        """check: why it must not be connected to, NONE for no reason, and its own words.

        ask: why it is silent, NONE where that is not known, and words of it. explain: why a connection
        failed, and words of it. All three block for some seconds; None where it cannot be asked. growth: of
        memory, from each connection on; None where nothing takes much.
        """
        self._check, self._ask, self._explain, self._opened = check, ask, explain, 0.0
        self._preflight: Question[tuple[Cause, str]] | None = None
        self._play_check: Question[tuple[Cause, str]] | None = None
        self._new_growth = growth
        self._growth: MemoryGrowth | None = None
        self._failure: tuple[Question[tuple[Cause, str]], float] | None = None
        """What is asked about a failed connection, and until when that is waited for."""
        self.camera, self.wanted, self._at_once = camera, True, False
        self._policy, self._new_bin, self._limit = policy, source_bin, limit
        self._origins, self._generation = origins, origins.generation
        self._clock, self._now_ns = clock, now_ns
        self._source_bin: SourceBin | None = None
        self._tap = FrameTap(clock, None)
        self._leaving: tuple[SourceBin, float] | None = None
        self._second_call: float | None = None
        """When a camera that calls itself busy is called again; None for no such call."""
        self._may_call_again = False
        self._stale_at: float | None = None
        self._last_frame: float | None = None
        self._status = CameraStatus(CameraState.STOPPED, Cause.NONE, now_ns(), None, 0, 0, 0)
        self._reported = self._counted = (0, 0)
        self._withheld = 0
        self._told = ""
        self._results: list[str] = []

    @property
    def status(self) -> CameraStatus:
        """The newest status; from any thread."""
        return self._status

    @property
    def idle(self) -> bool:
        """Whether nothing of it is in the pipeline."""
        return self._source_bin is None and self._leaving is None

    def tick(self) -> bool:
        """Let time pass; return whether state or cause have changed."""
        now = self._clock()
        if self._leaving is not None:
            self._await_exit(now)
        elif self._failure is not None:
            self._await_explanation(now, *self._failure)
        elif self._preflight is not None:
            self._await_check(now, self._preflight)
        elif self._source_bin is not None:
            self._watch(now)
        elif self._second_call is not None:
            if now >= self._second_call:
                self._connect(now)
        elif self.wanted and (self._at_once or self._policy.wait(now) <= 0):
            self._policy.connect(now)
            self._may_call_again = True
            self._at_once = False
            if self._check is None:
                self._connect(now)
            else:
                self._preflight = Question(self.camera, self._check)
        return self._report()

    def fail(self, cause: Cause) -> None:
        """Note that the source has failed, as the bus says."""
        if self._source_bin is None:
            return
        if cause is Cause.BUSY and self._may_call_again and self._policy.state is CameraState.CONNECTING:
            self._may_call_again = False
            self._remove_bin()
            self._second_call = self._clock() + BUSY_AGAIN_S
            return
        connecting = self._policy.state is CameraState.CONNECTING
        if connecting and cause in _EXPLAINED and self._explain is not None:
            self._remove_bin()
            self._failure = Question(self.camera, self._explain), self._clock() + EXPLAIN_TIMEOUT_S
            return
        self._lost(cause)

    def end(self) -> None:
        """Hear that the stream has ended."""
        self.fail(Cause.ENDED)

    def take_counts(self) -> tuple[int, int]:
        """Return how many frames came, and how many were more than the rate, since last asked."""
        total, self._reported, before = self._counted, self._counted, self._reported
        return total[0] - before[0], total[1] - before[1]

    def take_withheld(self) -> int:
        """Return how many coded pictures were withheld after a gap in the stream, since last asked."""
        withheld, self._withheld = self._withheld, 0
        return withheld

    def take_results(self) -> list[str]:
        """Return how attempts to connect ended since last asked: "ok", or the value of a cause."""
        results, self._results = self._results, []
        return results

    def start(self) -> None:
        """Connect the camera, from the next tick on."""
        self.wanted = self._at_once = True

    def replace(self, policy: CameraPolicy, generation: int) -> None:
        """Begin anew by another policy: what is in the pipeline goes, and the next bin is built anew.

        generation: of the frames that the next ones give; the newest counts, whoever comes to it last.
        """
        self._remove_bin()
        self._policy, self._generation = policy, max(self._generation, generation)

    @property
    def misfit(self) -> Misfit | None:
        """The shape of pictures for which the bin in the pipeline was not built."""
        return self._source_bin.misfit if self._source_bin else None

    def rebuild(self, generation: int) -> None:
        """Have the bin built anew, at once, by the graph as it is now; generation: as for `replace`."""
        self._remove_bin()
        self._generation, self._at_once = max(self._generation, generation), self.wanted

    def stop(self) -> None:
        """Take the camera out for good, or until `start`."""
        self.wanted = self._at_once = False
        self._policy.stop()
        self._remove_bin()

    def _connect(self, now: float) -> None:
        self._at_once, self._second_call = False, None
        self._tap = FrameTap(self._clock, self._limit(), partial(self._origins.add, self._generation))
        self._last_frame = self._stale_at = self._play_check = None
        self._opened, self._growth = now, self._new_growth()
        source_bin = self._new_bin(self._tap)
        self._source_bin = source_bin
        try:
            source_bin.open()
        except BadInput as error:
            logger.debug("camera %s: %s", self.camera, error)
            self._lost(Cause.UNKNOWN)

    def _watch(self, now: float) -> None:
        tap = self._tap
        if tap.last is not None and tap.last != self._last_frame:
            self._last_frame = tap.last
            self._stale_at = None
            if self._source_bin is not None:
                self._source_bin.keep_alive()
            if self._policy.frame(tap.last):
                self._results.append("ok")
                self._told = ""
                self._status = replace(self._status, connects=self._status.connects + 1)
        self._count(*tap.take())
        if self._source_bin is not None and (withheld := self._source_bin.take_withheld()):
            self._withheld += withheld
            self._policy.withhold(now)
        if tap.ended:
            self._lost(Cause.ENDED)
            return
        if self._source_bin is not None and self._source_bin.refused:
            logger.warning("camera %s: the mux gave it no pad; it is connected anew", self.camera)
            self._lost(Cause.UNKNOWN)
            return
        connecting = self._policy.state is CameraState.CONNECTING
        if connecting and self._floods():
            logger.debug("camera %s: %s", self.camera, TOO_MUCH)
            self._lost(Cause.ANSWER)
            return
        if connecting and (refusal := self._refusal(now)):
            cause, words = refusal
            self._tell(words)
            self._lost(cause)
            return
        cause = self._policy.overdue(now, answered=connecting and self._answered)
        if cause in {Cause.STALLED, Cause.LOSS}:
            self._stale_at = now
        elif cause is not Cause.NONE:
            self._lost(cause)
        if self._stale_at is not None and now - self._stale_at > RESCUE_S:
            self._lost(self._policy.cause)

    @property
    def _answered(self) -> bool:
        return self._source_bin is not None and self._source_bin.answered

    def _floods(self) -> bool:
        """Return whether an answer takes far too much memory. Not asked any more once its video comes."""
        if self._growth is not None and self._answered:
            self._growth = None
        return self._growth is not None and self._growth.is_too_much

    def _refusal(self, now: float) -> tuple[Cause, str] | None:
        """Return why a camera is silent, of which rtspsrc says nothing; None as long as that is not known."""
        if self._play_check is not None:
            answer = self._play_check.answer
            return answer if answer is not None and answer[0] is not Cause.NONE else None
        if self._ask is not None and now - self._opened > SILENT_SHARE * CONNECT_TIMEOUT_S:
            self._play_check = Question(self.camera, self._ask)
        return None

    def _count(self, received: int, dropped: int) -> None:
        if not received:
            return
        self._counted = (self._counted[0] + received, self._counted[1] + dropped)
        self._status = replace(
            self._status,
            last_frame_at=self._now_ns(),
            frames_received=self._counted[0],
        )

    def _lost(self, cause: Cause) -> None:
        if self._policy.state is CameraState.CONNECTING:
            self._results.append(cause.value)
        self._policy.lost(cause, self._clock())
        self._remove_bin()

    def _await_check(self, now: float, question: Question[tuple[Cause, str]]) -> None:
        """Open the bin once the camera has answered so that its rtspsrc may ask it."""
        if question.answer is None:
            if (cause := self._policy.overdue(now, answered=False)) is not Cause.NONE:
                self._lost(cause)
            return
        self._preflight = None
        cause, words = question.answer
        self._tell(words)
        if cause is Cause.NONE:
            self._connect(now)
        else:
            self._lost(cause)

    def _await_explanation(self, now: float, question: Question[tuple[Cause, str]], until: float) -> None:
        """Give a failed connection up once its cause is known."""
        if question.answer is not None or now >= until:
            cause, words = question.answer or (Cause.UNKNOWN, "")
            self._tell(words)
            self._lost(cause)

    def _tell(self, words: str) -> None:
        """Log a camera's own words, where there are any; the same again only after it was live."""
        if words and words != self._told:
            self._told = words
            extra = news("camera_answers", camera=self.camera, answer=words)
            logger.warning("camera %s: the camera answers %r", self.camera, words, extra=extra)

    def _remove_bin(self) -> None:
        self._second_call = self._failure = self._preflight = None
        source_bin, self._source_bin = self._source_bin, None
        if source_bin is not None:
            source_bin.close()
            self._leaving = (source_bin, self._clock() + CLOSE_TIMEOUT_S)

    def _await_exit(self, now: float) -> None:
        """Wait for the bin to come out: until then it keeps its pad at the mux, which the next one needs."""
        if self._leaving is None:
            return
        source_bin, deadline = self._leaving
        if source_bin.closed:
            self._leaving = None
            if self._second_call is not None:
                self._second_call = now + BUSY_AGAIN_S
        elif now > deadline and self._policy.cause is not Cause.STUCK and self.wanted:
            self._policy.lost(Cause.STUCK, now)
            self._second_call = None
            self._status = replace(self._status, stuck=self._status.stuck + 1)
            logger.warning("camera %s: source bin does not close", self.camera)

    def _report(self) -> bool:
        state, cause = self._policy.state, self._policy.cause
        if (state, cause) == (self._status.state, self._status.cause):
            return False
        self._status = replace(self._status, state=state, cause=cause, since=self._now_ns())
        return True
