"""What the last seconds were like: the counters that the governor judges, and what it reads from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.metrics import MetricWrapperBase

    from probes.metrics import Metrics

MAX_LATENCY_S = 0.7
"""Mean age of a published frame; nearly all are younger than a second then."""
MIN_IDLE = 0.1
"""With more of the machine idle than this, looks have all the time that they can use."""
OVERLOAD = frozenset({"superseded", "stale", "floor_busy"})
"""Reasons for which frames are not analysed that mean: the machine was too slow for them."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters since the start, as one moment shows them. latency_s: sum over `frames`.

    idle_s: seconds without work of the machine's cores, mean of all; 0 where that is not known.
    looks_owed: checks of persons in view for 10 s; looks_missed: of those, where 6 looks were not reached.
    looks: that ended, whatever they found. persons, followed: detected for sure, and of those in a track that
    was seen before.
    """

    at: float
    frames: float = 0
    frames_late: float = 0
    looks_owed: float = 0
    looks_missed: float = 0
    latency_s: float = 0
    idle_s: float = 0
    looks: float = 0
    persons: float = 0
    followed: float = 0


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


class LoadCounters:
    """The counters of a store as sums that only rise: a camera that leaves the store takes its series along.

    One thread.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seen: dict[str, dict[tuple[str, ...], float]] = {}
        self._risen: dict[str, float] = {}

    def totals(self, at: float, idle_s: float = 0) -> Totals:
        """Read the counters. at: monotonic seconds. idle_s: see `Totals`."""
        metrics, risen = self._metrics, self._rise
        return Totals(
            at,
            frames=risen("frames", metrics.frames_processed),
            frames_late=risen("dropped", metrics.frames_dropped, "reason", OVERLOAD)
            + risen("between", metrics.frames_between, "reason", OVERLOAD),
            looks_owed=risen("owed", metrics.looks_owed),
            looks_missed=risen("missed", metrics.looks_owed, "result", ("missed",)),
            latency_s=risen("latency", metrics.frame_latency, suffix="_sum"),
            idle_s=idle_s,
            looks=risen("looks", metrics.looks) - risen("no looks", metrics.looks, "result", ("dropped",)),
            persons=risen("persons", metrics.persons_detected),
            followed=risen("followed", metrics.persons_detected, "followed", ("yes",)),
        )

    def _rise(
        self,
        what: str,
        metric: MetricWrapperBase,
        label: str = "",
        values: Iterable[str] = (),
        suffix: str = "_total",
    ) -> float:
        """Return by how much some series have risen in all. One that has fallen is another of its name."""
        now = {
            tuple(sample.labels.values()): sample.value
            for family in metric.collect()
            for sample in family.samples
            if sample.name.endswith(suffix) and (not label or sample.labels[label] in values)
        }
        before, self._seen[what] = self._seen.get(what, {}), now
        risen = (
            value - (old if (old := before.get(key, 0.0)) <= value else 0.0) for key, value in now.items()
        )
        self._risen[what] = self._risen.get(what, 0.0) + sum(risen)
        return self._risen[what]


def load_between(first: Totals, last: Totals) -> LoadReading:
    """Return what it was like between two moments."""
    seconds = last.at - first.at
    if seconds <= 0:
        return LoadReading(0, 0, 0, 0)
    frames, late = last.frames - first.frames, last.frames_late - first.frames_late
    latency = last.latency_s - first.latency_s
    return LoadReading(
        frames / seconds,
        late / (frames + late) if frames + late else 0.0,
        missed_share(first, last) or 0.0,
        latency / frames if frames else 0.0,
        max(0.0, last.idle_s - first.idle_s) / seconds,
    )


def missed_share(first: Totals, last: Totals) -> float | None:
    """Return the share of people below their looks between two moments, None where nobody was owed any."""
    owed = last.looks_owed - first.looks_owed
    return (last.looks_missed - first.looks_missed) / owed if owed else None
