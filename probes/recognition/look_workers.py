"""Looks: worker threads read crops of persons, away from the video; answers come later."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from dataclasses import replace
from enum import Enum
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Protocol

from engines.free_memory import ThreadMemory, release_free_memory
from engines.marks.types import Route
from engines.native_threads import join_native
from pricing.outage import Outage
from probes.bounded_queue import DropOldestQueue, take_all
from probes.recognition.look import Look, clothes_worn, crop_person
from probes.recognition.look_history import LookHistory
from probes.recognition.look_scheduler import MAX_AHEAD, LookRoom, LookScheduler, RateLimits
from probes.recognition.route_pace import RoutePace
from probes.recognition.sharpness import sharpness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engines.image import I420
    from pricing.value import PersonValue
    from probes.answers import LookAnswer
    from probes.frame import Box, Frame, TrackId
    from probes.recognition.reading import Recogniser
    from probes.recognition.targets import RecognitionTargets

logger = logging.getLogger(__name__)

NICE = 5
"""Frames come first, and looks get a quarter of a busy core at least; at 10 they got a tenth, and starved."""
QUEUE = MAX_AHEAD
"""Crops that may wait at most; back-pressure keeps it at one for each worker where frames come often."""
NEW_SHARE = 0.3
"""Weight of the newest look in the mean time of a look."""
MAX_ANSWERS = 256
QUIET_S = 600.0
"""After so long without a look the models of looks are let go: 240 MB; the next look loads them again."""
REST_S = 2.0
"""After so long without a look the system gets back what looks worked in, 140 MB after some of them. Until
then the models keep it."""
TRIM_S = 60.0
"""Where looks never rest the system gets back what is free this often; 2 ms, or 20 where it is 400 MB."""
STOP_S = 0.8
"""For all looks together. Less than the least time that a store leaves a part which ends late."""


class LookResult(str, Enum):
    """What became of a look. DROPPED: never read, or its answer was lost, as at the end of the program."""

    MARKS = "marks"
    NONE = "none"
    DROPPED = "dropped"
    FAILED = "failed"


class Looks(Protocol):
    """Takes frames to look at, and gives the answers later."""

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Take the frame's persons who deserve a look now; `pixels` may change after the call."""

    def drain(self) -> list[LookAnswer]:
        """Return the answers that have come since the last call."""

    def set_targets(self, targets: RecognitionTargets) -> None:
        """Look for these brands from now on, and for no others."""

    def close(self) -> None:
        """Stop reading."""


def _ignore(_: object) -> None:
    return None


class WorkRate:
    """How many looks a second the workers manage, by how long the last ones took. From any thread.

    >>> rate = WorkRate(workers=1)
    >>> rate.add(0.25)
    >>> rate.per_second
    4.0
    """

    def __init__(self, workers: int) -> None:
        self._workers, self._mean_s = workers, 0.0

    def add(self, seconds: float) -> None:
        """Add how long a look took."""
        self._mean_s = seconds if not self._mean_s else self._mean_s + NEW_SHARE * (seconds - self._mean_s)

    @property
    def per_second(self) -> float:
        """Looks per second; unbounded before the first look."""
        return self._workers / self._mean_s if self._mean_s else inf


class LookWorkers:
    """Looks with one worker thread per recogniser. Never blocks the caller.

    A person is picked only where a worker can take the crop at once, or right after the look it is at: who
    is looked at is decided as late as possible, and no crop is made in vain. on_result: called once per
    look, from any thread. on_owed: see `LookScheduler`. min_votes: see `LookHistory`. The threads start with
    the first look and run at low priority.
    """

    def __init__(
        self,
        recognisers: Sequence[Recogniser],
        targets: RecognitionTargets,
        *,
        limits: RateLimits | None = None,
        on_result: Callable[[LookResult], None] = _ignore,
        on_owed: Callable[[bool], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        quiet_s: float = QUIET_S,
        min_votes: int = 4,
    ) -> None:
        self._quiet_s = quiet_s
        self._history = LookHistory(min_votes)
        self._picker = LookScheduler(limits or RateLimits(), self._history, on_owed)
        self._clock, self._rate = clock, WorkRate(len(recognisers))
        self._reading = [False] * len(recognisers)
        self._targets = targets
        self._sees_garments = any(recogniser.sees_garments for recogniser in recognisers)
        self._without: frozenset[Route] = frozenset()
        self._pace = RoutePace()
        self._on_result = on_result
        self._waiting = DropOldestQueue[Look](QUEUE)
        self._answers: deque[LookAnswer] = deque(maxlen=MAX_ANSWERS)
        self._started = False
        self._outage = Outage(logger, "looks fail; the video goes on without new marks", "looks work again")
        self._threads = [
            threading.Thread(target=self._work, args=(number, recogniser), name=f"look-{number}", daemon=True)
            for number, recogniser in enumerate(recognisers)
        ]

    @property
    def reads(self) -> bool:
        """Whether there is a recogniser: without one no crop is ever taken."""
        return bool(self._threads)

    @property
    def depth(self) -> int:
        """How many crops wait to be read."""
        return len(self._waiting)

    @property
    def room(self) -> LookRoom:
        """What the workers can take now: each one crop beside the look it is at."""
        waiting = len(self._waiting)
        idle = waiting == 0 and not all(self._reading)
        return LookRoom(max(0, len(self._threads) - waiting), idle, self._rate.per_second, waiting)

    def set_targets(self, targets: RecognitionTargets) -> None:
        """Look for these brands from now on, and for no others. From any thread."""
        self._targets = targets

    def disable(self, *routes: Route) -> None:
        """Stop using these routes, because the GPU or another part serves them."""
        self._without |= frozenset(routes)

    def set_values(self, values: Mapping[TrackId, PersonValue]) -> None:
        """Take what persons are now believed to wear, so that those with less confirmed come first."""
        self._history.set_confirmed(values)

    def offer(self, frame: Frame, pixels: I420) -> None:
        """Copy the crops of the persons who deserve a look now; from one thread only."""
        if self._waiting.closed or not self._threads or not (self._targets or self._sees_garments):
            return
        for person in self._picker.pick(frame, _sharpness_of(pixels), self.room):
            fine = person.track is not None and self._picker.is_best(person.track)
            stretch = 1.0 if person.track is None else self._picker.stretch(person.track)
            look = crop_person(frame, person, pixels, fine=fine, stretch=stretch)
            if look is not None:
                self._put(look)

    def drain(self) -> list[LookAnswer]:
        """Return the answers that have come since the last call, oldest first."""
        answers = take_all(self._answers)
        for answer in answers:
            self._history.taken(answer.track)
        return answers

    def halt(self) -> None:
        """Begin no more looks, and do not wait for those under way; crops that wait are dropped."""
        for _ in self._waiting.close():
            self._on_result(LookResult.DROPPED)

    def close(self) -> None:
        """Stop the threads; crops that wait are dropped. Returns within a second, from any state.

        A thread that still reads or loads models then is waited for when the process ends, see `join_native`.
        """
        self.halt()
        until = time.monotonic() + STOP_S
        for thread in self._threads:
            join_native(thread, max(0.0, until - time.monotonic()))

    def _put(self, look: Look) -> None:
        self._history.begin(look.track)
        for dropped in self._waiting.put(look):
            self._history.read(dropped.track, answered=False)
            self._on_result(LookResult.DROPPED)
        if not self._started:
            self._started = True
            for thread in self._threads:
                thread.start()

    def _work(self, number: int, recogniser: Recogniser) -> None:
        _step_back()
        kept = ThreadMemory()
        kept.begin()
        is_warm, is_rested = False, True  # the first look loads models
        trimmed_at = self._clock()
        while True:
            pause_s = self._quiet_s if is_rested else min(REST_S, self._quiet_s)
            look = self._waiting.take(pause_s if is_warm else None)
            if look is None:
                if self._waiting.closed:
                    return
                kept.release()
                if is_rested:
                    recogniser.release()
                    is_warm = False
                release_free_memory()
                is_rested, trimmed_at = True, self._clock()
                continue
            self._reading[number] = True
            begun = self._clock()
            self._read(recogniser, look)
            if is_warm:
                self._rate.add(self._clock() - begun)
            is_warm, is_rested = True, False
            if self._clock() - trimmed_at >= TRIM_S:
                release_free_memory()
                trimmed_at = self._clock()
            self._reading[number] = False

    def _read(self, recogniser: Recogniser, look: Look) -> None:
        without = self._pace.without(look)
        look = replace(look, quick=self._pace.reads_quickly(look))
        is_dressed = Route.PATTERN not in without and bool(self._targets.patterns)
        if not (self._pace.asks_clothes(look, self._history.slots(look.track)) or is_dressed):
            look = replace(look, clothes=False)
        try:
            answer = recogniser.read(look, self._targets, self._without | without)
            answer = replace(answer, stretch=look.stretch, clothes=clothes_worn(look))
        except Exception as error:  # noqa: BLE001 whatever a recogniser does, the next look may succeed
            self._history.read(look.track, answered=False)
            self._on_result(LookResult.FAILED)
            self._outage.fail(error=error)
            return
        self._outage.recover()
        if len(self._answers) == MAX_ANSWERS:
            self._on_result(LookResult.DROPPED)
        self._history.add_seen(answer.track, (mark.brand for mark in answer.marks))
        self._history.read(answer.track, answered=True)
        self._answers.append(answer)
        self._pace.note(answer)
        self._on_result(LookResult.MARKS if answer.marks else LookResult.NONE)


def _sharpness_of(pixels: I420) -> Callable[[Box], float] | None:
    """Return the measure of sharpness of a picture in memory; None on a GPU: reading it costs too much."""
    luma = getattr(pixels, "y", None)
    return None if luma is None else partial(sharpness, luma)


def _step_back() -> None:
    """Lower this thread's priority. On Linux niceness is per thread (setpriority(2))."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    except OSError:
        logger.debug("the priority of a look thread cannot be lowered")
