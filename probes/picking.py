"""Whom to look at next: by need, within a budget of looks per second over all cameras."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.frame import Detection, Frame, Kind, TrackId

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = 1_000_000_000
MS = 1_000_000
ROUND = 6
LONGEST_PAUSE = 5
BETTER = 1.5
FORGET_AFTER = 120 * SECOND
BURST = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How often to look.

    per_second: over all cameras. min_interval_ms: between two looks at one track. min_height: of a person's
    box, px. pause_ms: after a round of looks, times the rounds so far (at most LONGEST_PAUSE times).
    """

    per_second: float = 8.0
    min_interval_ms: int = 400
    min_height: int = 80
    pause_ms: int = 2000

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.min_interval_ms < 0 or self.pause_ms < 0:
            raise ValueError("looks per second must be positive, intervals not negative")


@dataclass(slots=True)
class _Record:
    seen: int
    area: float = 0.0
    looks: int = 0
    looked: int = 0
    best: float = field(default=0.0)

    def need(self) -> tuple[int, bool, float]:
        """Order of need: fewest rounds, those in the middle of one, then the largest."""
        return self.looks // ROUND, self.looks % ROUND == 0, -self.area


class Picker:
    """Picks the persons of a frame who deserve a look now. Not for two threads.

    A track gets its looks in rounds of ROUND, close enough together to confirm an item within the window,
    then pauses, longer each time, unless it has come clearly nearer. When the budget is short, tracks with
    fewer rounds behind them go first, on whichever camera they are: better some confirmed than all half.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._records: dict[TrackId, _Record] = {}
        self._tokens = BURST
        self._now = 0

    def __len__(self) -> int:
        return len(self._records)

    def pick(self, frame: Frame) -> list[Detection]:
        """Return the confirmed persons to look at now, most needy first, and count them as looked at."""
        at = frame.captured_at
        self._advance(at)
        persons = [p for p in frame.of(Kind.PERSON) if p.track and p.box.h >= self._limits.min_height]
        for person in persons:
            if person.track is not None:
                record = self._records.setdefault(person.track, _Record(at))
                record.seen, record.area = at, person.box.area
        due = [p for p in persons if p.track is not None and self._due(self._records[p.track], at)]
        if not due:
            return []
        first = self._first(at)
        picked = []
        for person in sorted(due, key=lambda p: self._record(p).need()):
            spare = self._tokens >= BURST
            if self._tokens >= 1.0 and (spare or person.track in first):
                self._tokens -= 1.0
                self._look(self._record(person), at)
                picked.append(person)
        return picked

    def _record(self, person: Detection) -> _Record:
        if person.track is None:
            raise ValueError("an unconfirmed person has no record")
        return self._records[person.track]

    def _advance(self, at: int) -> None:
        if at < self._now - 10 * SECOND:
            self._records.clear()
            self._now = at
        self._tokens = min(BURST, self._tokens + max(0, at - self._now) / SECOND * self._limits.per_second)
        if at // SECOND > self._now // SECOND:
            self._forget(track for track, r in self._records.items() if r.seen < at - FORGET_AFTER)
        self._now = max(self._now, at)

    def _forget(self, tracks: Iterable[TrackId]) -> None:
        for track in list(tracks):
            del self._records[track]

    def _due(self, record: _Record, at: int) -> bool:
        if not record.looks:
            return True
        wait = self._limits.min_interval_ms
        if record.looks % ROUND == 0 and record.area < BETTER * record.best:
            wait = max(wait, self._limits.pause_ms * min(record.looks // ROUND, LONGEST_PAUSE))
        return at - record.looked >= wait * MS

    def _first(self, at: int) -> set[TrackId]:
        """Return the neediest tracks in sight of any camera, as many as the budget can serve at full rate."""
        waiting = [
            (record.need(), track)
            for track, record in self._records.items()
            if record.seen > at - SECOND and (record.looks % ROUND or self._due(record, at))
        ]
        interval = max(self._limits.min_interval_ms, 1) / 1000
        count = max(1, round(self._limits.per_second * interval))
        return {track for _, track in sorted(waiting)[:count]}

    @staticmethod
    def _look(record: _Record, at: int) -> None:
        record.looks += 1
        record.looked = at
        record.best = max(record.best, record.area)
