"""Picks persons whose items to describe: seen well, without a brand, a few times each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.frame import Frame, Kind, TrackId
from probes.recognition.look import extent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricing.value import PersonValue
    from probes.frame import Box, Detection

MS = 1_000_000
SECOND = 1_000_000_000
FORGET_AFTER = 120 * SECOND
MIN_HEIGHT = 120
"""Of the person's box, px: below it no seam, buckle or pattern is left to see."""
MAX_COMPANY = 0.15
"""Share of the crop that other people may cover: they are not asked about, and their things would mislead."""


@dataclass(frozen=True, slots=True)
class AskLimits:
    """per_person: crops of one person. after_ms: brands are read first. apart_ms: between two crops."""

    per_person: int = 2
    after_ms: int = 3000
    apart_ms: int = 1500


@dataclass(slots=True)
class _Record:
    first: int
    seen: int
    requests: int = 0
    requested_at: int = 0


class DescribeCandidates:
    """Picks persons and counts how often each was picked. Not thread-safe."""

    def __init__(self, limits: AskLimits) -> None:
        self._limits = limits
        self._records: dict[TrackId, _Record] = {}
        self._swept = 0

    def __len__(self) -> int:
        return len(self._records)

    def select(self, frame: Frame, values: Mapping[TrackId, PersonValue]) -> list[tuple[TrackId, Box]]:
        """Return the persons to describe now, those with the fewest requests first, each with its crop's box.

        values: of the customers in the frame; persons without a value are left out.
        """
        at = frame.captured_at
        self._sweep(at)
        persons = frame.of(Kind.PERSON)
        found = []
        for person in persons:
            track = person.track
            if track is None or track not in values:
                continue
            record = self._records.setdefault(track, _Record(at, at))
            record.seen = max(at, record.seen)
            if self._due(record, at) and person.box.h >= MIN_HEIGHT and _unbranded(values[track]):
                box = extent(frame, person)
                if _alone(box, person, persons):
                    found.append((record.requests, track, box))
        return [(track, box) for _, track, box in sorted(found, key=lambda one: one[:2])]

    def record(self, track: TrackId, at: int) -> None:
        """Count a request about a person."""
        record = self._records[track]
        record.requests, record.requested_at = record.requests + 1, at

    def take_back(self, track: TrackId) -> None:
        """Note that a request about a person was not sent; the person may be picked again."""
        if (record := self._records.get(track)) is not None:
            record.requests = max(0, record.requests - 1)

    def _due(self, record: _Record, at: int) -> bool:
        if record.requests >= self._limits.per_person or at - record.first < self._limits.after_ms * MS:
            return False
        return not record.requested_at or at - record.requested_at >= self._limits.apart_ms * MS

    def _sweep(self, at: int) -> None:
        if abs(at - self._swept) < SECOND:
            return
        self._swept = at
        gone = [track for track, record in self._records.items() if abs(at - record.seen) > FORGET_AFTER]
        for track in gone:
            del self._records[track]


def _unbranded(value: PersonValue) -> bool:
    """Return whether an item of the person has no brand, or no item is known."""
    return not value.items or any(item.brand is None for item in value.items)


def _alone(box: Box, person: Detection, persons: tuple[Detection, ...]) -> bool:
    company = sum(box.intersection(other.box) for other in persons if other is not person)
    return box.area > 0 and company <= MAX_COMPANY * box.area
