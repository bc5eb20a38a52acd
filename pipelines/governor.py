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
from typing import TYPE_CHECKING

from pipelines.cameras.throttle import MAX_GAP_S
from probes.recognition.look_scheduler import OWED_WITHIN_S

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics import MetricWrapperBase

    from probes.metrics import Metrics

SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.08)
"""Share of each camera's `fps` that is analysed, one after the other. Of 25 a second 2 are left, of fewer one
(see `FrameRateLimit`): people who stand can still be followed."""
PARTS = (0.5, 0.0)
"""Then, of each group of pictures, the part that is decoded: half, and key frames (see `DecodeGate`)."""
LAST_PART = len(SHARES) + len(PARTS) - 1
"""The level with all left out but detail and cameras: next are the sub-streams, where any camera has one;
each further one suspends a camera."""
WINDOW_S = 3.0
WARM_UP_S = 10.0
"""So long after the first frame nothing is left out: other networks and the models of looks load then."""
PRESSED_S = 5.0
"""Pressure for so long lowers the rates by one share."""
URGENT_S = WINDOW_S
"""The same where most is late: down to one camera of eight takes a minute then."""
LOOKS_S = 15.0
"""Between two cameras that are suspended for looks alone: whether that helped shows after 10 s in view."""
RELAXED_S = 30.0
"""Room for so long raises them again; longer than PRESSED_S, so that rates do not swing."""
BEGINS_S = 4 * MAX_GAP_S
"""Until somebody on a camera that returns is followed: a key frame, and three to be confirmed by."""
SOON_S = BEGINS_S + OWED_WITHIN_S + LOOKS_S + WINDOW_S
"""Only after so long is it known that a raise left people too few looks."""
HELD, MAX_RELAXED_S = 4.0, 600.0
"""A raise that had to be taken back within SOON_S, or so many times what it was waited for, doubles the wait
for the next, up to this: people come and go in minutes. One that held, and went as far, halves it."""
STALLED_S = 30.0
"""Do people wait for so long and no look ends, though frames come in time, then looks are at fault."""
FALL, PROVED_S = 0.25, 60.0
"""Suspended for looks, cameras help where so long after the last the missed share is less by that part."""
VAIN_S, MAX_VAIN_S = 600.0, 3600.0
"""So long none is suspended for looks after that was in vain; twice as long each time that it is again."""
MAX_LATENCY_S = 0.7
"""Mean age of a published frame; nearly all are younger than a second then."""
MIN_IDLE = 0.1
"""With more of the machine idle than this, looks have all the time that they can use."""
OVERLOAD = frozenset({"superseded", "floor_busy"})
"""Reasons of dropped frames that mean: the machine was too slow for them."""


class DegradeStep(IntEnum):
    """How far the box has stepped down; the gauge `msh_degrade_step`."""

    NONE = 0
    FEWER_FRAMES = 1
    FEWER_LOOKS = 2
    CAMERAS_SUSPENDED = 3


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters since the start, as one moment shows them. latency_s: sum over `frames`.

    idle_s: seconds without work of the machine's cores, mean of all; 0 where that is not known.
    looks_owed: checks of persons in view for 10 s; looks_missed: of those, where 6 looks were not reached.
    looks: that ended, whatever they found.
    """

    at: float
    frames: float = 0
    frames_late: float = 0
    looks_owed: float = 0
    looks_missed: float = 0
    latency_s: float = 0
    idle_s: float = 0
    looks: float = 0


@dataclass(frozen=True, slots=True)
class LoadReading:
    """What the last seconds were like. Shares from 0 to 1; fps over all cameras; latency from capture.

    idle: share of the machine's time that nobody used. stalled: people wait, and no look ends any more.
    """

    fps: float
    frames_late: float
    looks_missed: float
    latency_s: float
    idle: float = 0.0
    stalled: bool = False

    @property
    def misses_looks(self) -> bool:
        """Whether many people wait longer for a look than they should."""
        return self.looks_missed > 0.3

    @property
    def short_of_looks(self) -> bool:
        """Whether they may get more looks by less of the rest."""
        return self.misses_looks and not self.stalled

    @property
    def late(self) -> bool:
        """Whether frames come too late, or too old."""
        return self.frames_late > 0.1 or self.latency_s > MAX_LATENCY_S

    @property
    def urgent(self) -> bool:
        """Whether little of what is asked for can be done."""
        return self.frames_late > 0.6 or self.latency_s > 3.0

    @property
    def short_of_frames(self) -> bool:
        """Whether so few frames come in time that people cannot be followed."""
        return self.frames_late > 0.3 or self.latency_s > 2.0

    @property
    def starves_looks(self) -> bool:
        """Whether the rest leaves looks too little; on an idle machine they gain nothing by less of it."""
        return self.short_of_looks and self.idle < MIN_IDLE

    @property
    def pressed(self) -> bool:
        """Whether less would help."""
        return self.late or self.starves_looks

    @property
    def relaxed(self) -> bool:
        """Whether there is room for more."""
        looks = self.looks_missed < 0.1 or self.stalled
        return looks and self.frames_late < 0.03 and self.latency_s < 0.5


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

    governor = Governor()
    if governor.update(totals(metrics, now), cameras=4):  # once a second; True where something changed
        throttle.share = governor.share
    """

    def __init__(self, warm_up_s: float = WARM_UP_S) -> None:
        self._warm_up_s = warm_up_s
        self._first_at: float | None = None
        self._history: deque[Totals] = deque()
        self._level = self._cameras = 0
        self._last = self._last_part = LAST_PART
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
    def part(self) -> float:
        """The part of each group of pictures that is to be decoded."""
        rung = min(self._level, self._last_part) - len(SHARES)
        return PARTS[rung] if rung >= 0 else 1.0

    @property
    def leaves_out(self) -> bool:
        """Whether fewer frames are analysed or decoded than the settings ask for."""
        return self._level > 0

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
        few = load.short_of_frames or (load.short_of_looks and self._checks[-1].at >= self._vain_until)
        return max(self._level, self._last + (max(0, self._cameras - 1) if few else 0))

    def update(
        self, totals: Totals, cameras: int = 1, *, has_sub_streams: bool = False, skips_decoding: bool = True
    ) -> bool:
        """Take the current counters, and of how many cameras; return whether the decision changed.

        skips_decoding: whether pictures can be left undecoded; always the same.
        """
        before = self._level, self.step, self.load.stalled
        suspended, self._cameras = self.suspended, cameras
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
        if self._first_at is None and totals.frames:
            self._first_at = totals.at
        is_warm = self._first_at is not None and totals.at - self._first_at >= self._warm_up_s
        # With all else left out, an idle core is one that only fewer people could use.
        is_pressed = load.pressed or (self._level >= self._last and load.short_of_looks)
        self._pressed_since = _since(self._pressed_since, totals.at, holds=is_pressed and is_warm)
        self._relaxed_since = _since(self._relaxed_since, totals.at, holds=load.relaxed)
        self._missing_since = _since(self._missing_since, totals.at, holds=load.misses_looks)
        for_looks = self._level >= self._last and not load.short_of_frames
        patience = URGENT_S if load.urgent else LOOKS_S if for_looks else PRESSED_S
        if self._in_vain(totals):
            self._raised_at = -math.inf
        elif self._pressed_since is not None and totals.at - self._pressed_since >= patience:
            self._lower(load, totals)
        elif self._relaxed_since is not None and totals.at - self._relaxed_since >= self._patience:
            self._raise(totals.at)
        if self._level != before[0]:
            self._history = deque([totals])  # earlier measurements do not apply to the new rate
        self.step = self._step(totals.at)
        return before != (self._level, self.step, self.load.stalled)

    def _weigh(self, totals: Totals) -> LoadReading:
        """Return what the last seconds were like; note which looks were owed and whether any ended."""
        load = _load(self._history[0], totals)
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
        before, suspended = self._level, self.suspended
        self._level = min(self._level + 1, self._highest(load))
        self._pressed_since = totals.at
        if self._level == before:
            return
        self.for_looks = self.suspended > suspended and not load.late
        if not self.for_looks:
            self._trial = None
        elif self._trial is None:
            self._trial = _Trial(suspended, _missed(self._checks[0], totals) or load.looks_missed, totals)
        else:
            self._trial.since = totals
        held, self._raised_at = totals.at - self._raised_at, -math.inf
        if held < max(SOON_S, HELD * self._patience):
            self._patience, self._failed = min(2 * self._patience, MAX_RELAXED_S), before
        elif held < math.inf:  # once a raise, however many steps it takes to take it back
            self._patience = max(self._patience / 2, RELAXED_S)

    def _raise(self, now: float) -> None:
        """Leave out less. The raise before has held."""
        if self._raised_at > -math.inf and self._level <= self._failed:
            self._patience = max(self._patience / 2, RELAXED_S)
        if self._level:
            self._raised_at = now
        else:
            self._patience = RELAXED_S
        self._level = max(self._level - 1, 0)
        self._relaxed_since = now
        self._trial = None

    def _in_vain(self, totals: Totals) -> bool:
        """Take back the cameras that were suspended for looks, where that helped nobody; return whether."""
        trial = self._trial
        if trial is None:
            return False
        if not self.load.stalled:
            missed = _missed(trial.since, totals)
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


def totals(metrics: Metrics, at: float, idle_s: float = 0) -> Totals:
    """Read the counters. at: monotonic seconds. idle_s: see `Totals`."""
    return Totals(
        at,
        frames=_sum(metrics.frames_processed),
        frames_late=_sum(metrics.frames_dropped, "reason", OVERLOAD),
        looks_owed=_sum(metrics.looks_owed),
        looks_missed=_sum(metrics.looks_owed, "result", ("missed",)),
        latency_s=_sum(metrics.frame_latency, suffix="_sum"),
        idle_s=idle_s,
        looks=_sum(metrics.looks) - _sum(metrics.looks, "result", ("dropped",)),
    )


def _load(first: Totals, last: Totals) -> LoadReading:
    seconds = last.at - first.at
    if seconds <= 0:
        return LoadReading(0, 0, 0, 0)
    frames, late = last.frames - first.frames, last.frames_late - first.frames_late
    latency = last.latency_s - first.latency_s
    return LoadReading(
        frames / seconds,
        late / (frames + late) if frames + late else 0.0,
        _missed(first, last) or 0.0,
        latency / frames if frames else 0.0,
        max(0.0, last.idle_s - first.idle_s) / seconds,
    )


def _missed(first: Totals, last: Totals) -> float | None:
    """Return the share of people below their looks between two moments, None where nobody was owed any."""
    owed = last.looks_owed - first.looks_owed
    return (last.looks_missed - first.looks_missed) / owed if owed else None


def _since(since: float | None, now: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return now if since is None else since


def _sum(
    metric: MetricWrapperBase, label: str = "", values: Iterable[str] = (), suffix: str = "_total"
) -> float:
    return sum(
        sample.value
        for family in metric.collect()
        for sample in family.samples
        if sample.name.endswith(suffix) and (not label or sample.labels[label] in values)
    )
