"""What is left out first when the machine cannot do all: frames, decoding, detail, cameras; looks last.

Looks are what the product is for: a person must be looked at often enough to be confirmed. So the cameras'
frame rates are lowered, step by step, until frames come in time and each person in view has the looks that
`LookScheduler` owes them (6 in 10 s); redaction is never touched. How many more looks the workers could be
given is no sign of overload: they are asked only for what they can do.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from enum import IntEnum

from pipelines.cameras.clocks import SLOWEST_S
from pipelines.cameras.throttle import MAX_GAP_S
from pipelines.following import FOLLOW_FPS, Following
from pipelines.load_reading import LoadReading, Totals, load_between, missed_share
from probes.recognition.look_scheduler import OWED_WITHIN_S

SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.08)
"""Share of each camera's `fps` that is analysed, one after the other. Of 25 a second 2 are left, of fewer one
(see `FrameRateLimit`): people who stand can still be followed."""
PARTS = (0.5, 0.0)
"""Then, of each group of pictures, the part that is decoded: half, and key frames (see `DecodeGate`).
Neither where people walk: cameras are suspended instead, so that the rest can follow them: `Following`."""
LAST_PART = len(SHARES) + len(PARTS) - 1
"""The level with all left out but detail and cameras: next are the sub-streams, where any camera has one;
each further one suspends a camera."""
WINDOW_S = 3.0
WARM_UP_S = 10.0
"""So long after the first frame nothing is left out: other networks and the models of looks load then."""
FEW_CAMERAS, MAX_WARM_UP_S = 4, 60.0
"""Of more cameras it is longer by as much, to this: the first frame of each is searched for a second."""
PRESSED_S = 5.0
"""Pressure for so long lowers the rates by one share."""
URGENT_S = WINDOW_S
"""The same where most is late: down to one camera of eight takes a minute then."""
LOOKS_S = 15.0
"""Between two cameras that are suspended for looks alone: whether that helped shows after 10 s in view."""
RELAXED_S = 30.0
"""Room for so long raises them again; longer than PRESSED_S, so that rates do not swing."""
SURE_BUSY, SURE = 0.9, 3.0
"""So many times sooner where the machine would be busy for at most this share of its time after it.

Not after a raise that failed: idle cores may be none of ours (`platform.threads`, a container's share).
"""
BEGINS_S = 4 * MAX_GAP_S
"""Until somebody on a camera that returns is followed: a key frame, and three to be confirmed by."""
SOON_S = BEGINS_S + OWED_WITHIN_S + LOOKS_S + WINDOW_S
"""Only after so long is it known that a raise left people too few looks."""
HELD, MAX_RELAXED_S = 4.0, 600.0
"""A raise that had to be taken back within SOON_S, or so many times what it was waited for, doubles the wait
for the next, up to this: people come and go in minutes. One that held, and went as far, halves it."""
ENOUGH = 0.9
"""Of FOLLOW_FPS, what a camera must have: a tenth may be late (see `LoadReading.late`)."""
TIGHT_S, ROOMY = 240.0, 0.8
"""The same for a suspended camera while the others leave less idle than that share of what each costs."""
STALLED_S = 30.0
"""Do people wait for so long and no look ends, though frames come in time, then looks are at fault."""
FALL, PROVED_S = 0.25, 60.0
"""Suspended for looks, cameras help where so long after the last the missed share is less by that part."""
VAIN_S, MAX_VAIN_S = 600.0, 3600.0
"""So long none is suspended for looks after that was in vain; twice as long each time that it is again."""


class DegradeStep(IntEnum):
    """How far the box has stepped down; the gauge `msh_degrade_step`."""

    NONE = 0
    FEWER_FRAMES = 1
    FEWER_LOOKS = 2
    CAMERAS_SUSPENDED = 3


@dataclass(slots=True)
class _Trial:
    """Cameras that were suspended for looks. suspended, missed: how many, and what share, before the first.

    since: the counters when the last was suspended, or was last found to help.
    """

    suspended: int
    missed: float
    since: Totals


class Governor:
    """Decides the share of frames to analyse. No clock and no I/O: `update` is told both. One thread.

    A camera is suspended only where, with all else left out, a third of the frames come too late, or 2 s old,
    or a third of the people stay below their looks: better the people of some cameras than nobody. For looks
    only while that helps: never where none ends, and it is taken back where as many miss theirs as before.
    Where people are seen and cannot be followed, so many at once that the rest have 2.5 frames a second.

    governor = Governor()
    if governor.update(counters.totals(now), cameras=4):  # once a second; True where something changed
        throttle.share = governor.share
    """

    def __init__(self, warm_up_s: float = WARM_UP_S) -> None:
        self._warm_up_s = warm_up_s
        self._first_at: float | None = None
        self._history: deque[Totals] = deque()
        self._level = self._cameras = 0
        self._fps = math.inf
        self._following = Following()
        self._last = self._last_part = LAST_PART
        self._tells_idle = True
        self._pressed_since: float | None = None
        self._relaxed_since: float | None = None
        self._raised_at, self._patience = -math.inf, RELAXED_S
        self._failed = 0
        self._missing_since: float | None = None
        self._checks: deque[Totals] = deque()
        self._waited_s = 0.0
        self._trial: _Trial | None = None
        self._vain_until, self._vain_s = -math.inf, VAIN_S
        self.for_looks = False
        """Whether the last camera was suspended for looks alone, and not for late frames."""
        self.load = LoadReading(0, 0, 0, 0)
        self.step = DegradeStep.NONE

    @property
    def share(self) -> float:
        """The share of each camera's frame rate that is to be analysed."""
        return SHARES[min(self._level, len(SHARES) - 1)]

    @property
    def analysed_share(self) -> float:
        """The least share of a camera's frame rate that is analysed: `share`, or more for `slowest_s`.

        It is that of the camera with the highest frame rate.
        """
        return self._rate(self._level) / (1.0 if math.isinf(self._fps) else self._fps)

    @property
    def part(self) -> float:
        """The part of each group of pictures that is to be decoded."""
        rung = min(self._level, self._last_part) - len(SHARES)
        return PARTS[rung] if rung >= 0 else 1.0

    @property
    def leaves_out(self) -> bool:
        """Whether fewer frames are analysed or decoded than the settings ask for."""
        return self._level > 0

    @property
    def slowest_s(self) -> float:
        """The longest time between two frames of a camera that `share` may make."""
        return 1 / FOLLOW_FPS if self._following.needed else SLOWEST_S

    @property
    def sub_streams(self) -> bool:
        """Whether cameras that have a sub-stream are to give that one."""
        return self._last > self._last_part and self._level >= self._last

    @property
    def suspended(self) -> int:
        """How many cameras are to be suspended; never all."""
        return max(0, self._level - self._last)

    def _highest(self, load: LoadReading) -> int:
        """Return the level that may be reached under pressure."""
        few = self._is_short(load) or (load.short_of_looks and self._checks[-1].at >= self._vain_until)
        return max(self._level, self._last + (max(0, self._cameras - 1) if few else 0))

    def _is_short(self, load: LoadReading) -> bool:
        """Return whether so few frames come in time that one camera fewer is better."""
        return load.late if self._following.needed else load.short_of_frames

    def update(
        self,
        totals: Totals,
        cameras: int = 1,
        *,
        fps: float = math.inf,
        has_sub_streams: bool = False,
        skips_decoding: bool = True,
    ) -> bool:
        """Take the current counters, and of how many cameras; return whether the decision changed.

        fps: the highest frame rate that is asked of one. skips_decoding: whether pictures can be left
        undecoded; always the same. If not, a GPU does the work, and idle cores are no sign of room.
        """
        before = self._level, self.step, self.load.stalled
        self._tells_idle = skips_decoding
        suspended, self._cameras, self._fps = self.suspended, cameras, fps
        is_warm = self._is_warm(totals)
        if is_warm and self._following.update(totals, cameras, suspended, leaves_out=self.leaves_out):
            suspended = self._rest(suspended) if self._following.needed else 0
            self._level, self._trial = min(self._level, LAST_PART), None
            self._pressed_since = self._relaxed_since = None
        skips_decoding = skips_decoding and not self._following.needed
        self._last_part = LAST_PART if skips_decoding else len(SHARES) - 1
        self._last = self._last_part + has_sub_streams
        if suspended:  # cameras stay suspended whether there are sub-streams or not
            self._level = self._last + min(suspended, max(0, cameras - 1))
        else:  # nor is one suspended because its sub-stream cannot be had
            self._level = min(self._level, self._last)
        self._history.append(totals)
        while len(self._history) > 2 and totals.at - self._history[1].at >= WINDOW_S:
            self._history.popleft()
        self.load = load = self._weigh(totals)
        # With all else left out, an idle core is one that only fewer people could use.
        is_pressed = load.pressed or (self._level >= self._last and load.short_of_looks)
        self._pressed_since = _since(self._pressed_since, totals.at, holds=is_pressed and is_warm)
        self._relaxed_since = _since(self._relaxed_since, totals.at, holds=load.relaxed)
        self._missing_since = _since(self._missing_since, totals.at, holds=load.misses_looks)
        for_looks = self._level >= self._last and not self._is_short(load)
        patience = URGENT_S if load.urgent else LOOKS_S if for_looks else PRESSED_S
        if self._in_vain(totals):
            self._raised_at = -math.inf
        elif self._pressed_since is not None and totals.at - self._pressed_since >= patience:
            self._lower(load, totals)
        elif self._relaxed_since is not None and totals.at - self._relaxed_since >= self._pause(load):
            self._raise(totals.at)
        if self._level != before[0]:
            self._history = deque([totals])  # earlier measurements do not apply to the new rate
        self.step = self._step(totals.at)
        return before != (self._level, self.step, self.load.stalled)

    def pass_over(self, totals: Totals) -> None:
        """Take counters of a second in which more is analysed than was decided: they say nothing about that.

        What had lasted before goes on where it was, as if that second had not been.
        """
        passed_s = totals.at - (self._history[-1].at if self._history else totals.at)
        self._history = deque([totals])
        self._pressed_since, self._relaxed_since, self._missing_since = (
            None if since is None else since + passed_s
            for since in (self._pressed_since, self._relaxed_since, self._missing_since)
        )

    def _is_warm(self, totals: Totals) -> bool:
        """Return whether what is counted from now on tells what the machine can do."""
        if self._first_at is None and totals.frames:
            self._first_at = totals.at
        many = max(1, self._cameras / FEW_CAMERAS)
        warm_up_s = min(self._warm_up_s * many, max(self._warm_up_s, MAX_WARM_UP_S))
        return self._first_at is not None and totals.at - self._first_at >= warm_up_s

    def _rate(self, level: int) -> float:
        """Return how many frames a second of the busiest camera are analysed at a level, or in proportion."""
        share = SHARES[min(level, len(SHARES) - 1)]
        if math.isinf(self._fps):
            return share
        return max(share * self._fps, min(self._fps, 1 / self.slowest_s))

    def _changes_no_rate(self, level: int) -> bool:
        """Return whether a level leaves out no more than the one below: no camera has a lower rate there."""
        return 0 < level < len(SHARES) and self._rate(level) >= self._rate(level - 1)

    def _rest(self, suspended: int) -> int:
        """Return how many cameras to suspend so that the others have frames enough to follow people."""
        possible = max(1, int(self._following.possible_fps / (ENOUGH * FOLLOW_FPS)))
        return max(suspended, self._cameras - possible)

    def _pause(self, load: LoadReading) -> float:
        """Return how long there must be room; longer where one camera more is likely to be too much."""
        analysed = self._cameras - self.suspended
        is_tight = self.suspended and load.idle * analysed < ROOMY * (1 - load.idle)
        if self._following.needed and is_tight:
            return max(self._patience, TIGHT_S)
        is_trusted = self._tells_idle and self._patience <= RELAXED_S
        is_sure = is_trusted and (1 - load.idle) * self._growth(analysed) <= SURE_BUSY
        return self._patience / SURE if is_sure else self._patience

    def _growth(self, analysed: int) -> float:
        """Return how many times the work of now there is after a raise, as far as that can be told."""
        if self.suspended:
            return (analysed + 1) / analysed
        if 0 < self._level < len(SHARES):
            return self._rate(self._next) / self._rate(self._level)
        return math.inf

    def _weigh(self, totals: Totals) -> LoadReading:
        """Return what the last seconds were like; note which looks were owed and whether any ended."""
        load = load_between(self._history[0], totals)
        last = self._checks[-1] if self._checks else totals
        if totals.looks > last.looks:
            self._waited_s = 0.0
        elif load.looks_missed and not load.late:
            self._waited_s += totals.at - last.at
        self._checks.append(totals)
        while totals.at - self._checks[0].at > LOOKS_S:
            self._checks.popleft()
        return replace(load, stalled=self._waited_s >= STALLED_S)

    def _lower(self, load: LoadReading, totals: Totals) -> None:
        """Leave out more, if anything is left."""
        before, suspended, highest = self._level, self.suspended, self._highest(load)
        self._level = min(self._level + 1, highest)
        while self._changes_no_rate(self._level) and self._level < highest:
            self._level += 1
        self._pressed_since = totals.at
        if self._level == before:
            return
        self.for_looks = self.suspended > suspended and not load.late
        if not self.for_looks:
            self._trial = None
        elif self._trial is None:
            missed = missed_share(self._checks[0], totals) or load.looks_missed
            self._trial = _Trial(suspended, missed, totals)
        else:
            self._trial.since = totals
        held, self._raised_at = totals.at - self._raised_at, -math.inf
        if held < max(SOON_S, HELD * self._patience):
            self._patience, self._failed = min(2 * self._patience, MAX_RELAXED_S), before
        elif held < math.inf:  # once a raise, however many steps it takes to take it back
            self._patience = max(self._patience / 2, RELAXED_S)

    @property
    def _next(self) -> int:
        """The level at which more is analysed than now."""
        level = self._level
        while self._changes_no_rate(level):
            level -= 1
        return max(level - 1, 0)

    def _raise(self, now: float) -> None:
        """Leave out less. The raise before has held."""
        if self._raised_at > -math.inf and self._level <= self._failed:
            self._patience = max(self._patience / 2, RELAXED_S)
        if self._level:
            self._raised_at = now
        else:
            self._patience = RELAXED_S
        self._level = self._next
        self._relaxed_since = now
        self._trial = None

    def _in_vain(self, totals: Totals) -> bool:
        """Take back the cameras that were suspended for looks, where that helped nobody; return whether."""
        trial = self._trial
        if trial is None:
            return False
        if not self.load.stalled:
            missed = missed_share(trial.since, totals)
            if totals.at - trial.since.at < PROVED_S or missed is None:
                return False
            if missed <= (1 - FALL) * trial.missed:
                trial.since, self._vain_s = totals, VAIN_S
                return False
        self._trial = None
        self._level = min(self._level, self._last + trial.suspended)
        self._vain_until = totals.at + self._vain_s
        self._vain_s = min(2 * self._vain_s, MAX_VAIN_S)
        return True

    def _step(self, now: float) -> DegradeStep:
        """Return what is left out; too few looks count where fewer frames cannot mend it (any more)."""
        lasts = self._missing_since is not None and now - self._missing_since >= PRESSED_S
        if self.suspended:
            return DegradeStep.CAMERAS_SUSPENDED
        last_resort = self._level >= self._last or not self.load.pressed
        still = self.step is DegradeStep.FEWER_LOOKS and not self.load.relaxed
        if last_resort and (lasts or still):
            return DegradeStep.FEWER_LOOKS
        return DegradeStep.FEWER_FRAMES if self._level else DegradeStep.NONE


def _since(since: float | None, now: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now if since is None else since
