"""Turns sightings of symbols into marks on persons: in looks, or in each frame on the GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.brands.book import ALL_SLOTS
from probes.answers import LookAnswer, Mark
from probes.frame import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engines.marks.types import Sighting
    from pricing.brands.book import BrandBook
    from probes.frame import Frame, TrackId

MS = 1_000_000
EVERY_MS = 400
"""As often as a person is looked at, so that neither platform confirms sooner."""
MAX_TRACKS = 512


def marks_of(
    sightings: Iterable[Sighting], book: BrandBook, left: float = 0.0, top: float = 0.0
) -> tuple[Mark, ...]:
    """Return sightings on a picture as marks in the frame, in which the picture's corner is at left, top."""
    found = []
    for seen in sightings:
        x1, y1, x2, y2 = seen.box
        box = Box(left + x1, top + y1, x2 - x1, y2 - y1)
        sure = min(1.0, max(0.0, seen.confidence))
        found.append(Mark(seen.brand, sure, box, seen.route, limits(book, seen.brand)))
    return tuple(found)


def limits(book: BrandBook, brand: str) -> frozenset[str] | None:
    """Return the slots a brand is limited to; None where it may be anywhere."""
    slots = book.slots(brand)
    return None if slots == ALL_SLOTS else slots


class MarkStream:
    """Turns each frame's sightings on persons into look answers, for `Floor.update`.

    At most one per person and `every_ms` of frame time, so that the frame rate does not decide what is
    confirmed. One thread; bounded: the persons seen longest ago are forgotten.
    """

    def __init__(self, every_ms: int = EVERY_MS) -> None:
        self._every = every_ms * MS
        self._taken: dict[TrackId, int] = {}

    def due(self, track: TrackId, at: int) -> bool:
        """Return whether sightings of UTC ns `at` would be taken; if not, matching can be skipped."""
        taken = self._taken.get(track)
        return taken is None or not 0 <= at - taken < self._every

    def take(
        self, frame: Frame, track: TrackId, sightings: Iterable[Sighting], book: BrandBook
    ) -> LookAnswer | None:
        """Return the answer of a frame on a person, boxes in its pixels; None where it is not due."""
        if not self.due(track, frame.captured_at):
            return None
        self._taken.pop(track, None)
        self._taken[track] = frame.captured_at
        if len(self._taken) > MAX_TRACKS:
            del self._taken[next(iter(self._taken))]
        return LookAnswer(track, frame, marks_of(sightings, book))
