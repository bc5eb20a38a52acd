"""One person in the shop, as the floor knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.floor.joins import Join
    from pricing.value import Item
    from probes.frame import Box, TrackId
    from probes.people.zones import ZoneVisit
    from probes.recognition.clothes import Clothes

MAX_STAYS = 100


@dataclass(frozen=True, slots=True)
class Stay:
    """A finished stay in a zone of a camera. entered_at: UTC ns."""

    camera: str
    zone: str
    entered_at: int
    dwell_ms: int


@dataclass(slots=True)
class Customer:
    """One person from the first track to the last. Times are UTC ns.

    certainty: from 0 to 1, that all the tracks are one person's. waiting_since: since a rule first held.
    badge: the brand whose mark makes the person staff, if it was that. held: not seen, for the camera is
    suspended or lost; not gone either. also: numbers that turned out to be this person's. clothes: their
    colours, in memory only, by which who is held is found again. counted: what was confirmed of the person.
    joins: the links between the tracks that can be refuted.
    """

    number: int
    tracks: list[TrackId]
    arrived_at: int
    seen_at: int
    box: Box
    size: tuple[int, int]
    certainty: float = 1.0
    staff: bool = False
    badge: str | None = None
    served_at: int | None = None
    waiting_since: int | None = None
    inside: tuple[ZoneVisit, ...] = ()
    stays: list[Stay] = field(default_factory=list)
    held: bool = False
    also: tuple[int, ...] = ()
    clothes: Clothes | None = field(default=None, repr=False)
    counted: set[tuple[str, str, str | None]] = field(default_factory=set)
    joins: list[Join] = field(default_factory=list, repr=False)

    @property
    def track(self) -> TrackId:
        """The track the person is on now, or was last."""
        return self.tracks[-1]

    def go_on_with(self, track: TrackId) -> None:
        """Take one of the person's own tracks for the one that the person is on now."""
        self.tracks = [*(one for one in self.tracks if one != track), track]

    def count(self, item: Item) -> bool:
        """Note a confirmed item; return whether it was not noted before."""
        before = len(self.counted)
        self.counted.add((item.slot, item.type, item.brand))
        return len(self.counted) > before

    def stayed(self, camera: str, visits: Iterable[ZoneVisit]) -> None:
        """Add finished stays to the record."""
        found = [Stay(camera, visit.zone, visit.entered_at, visit.dwell_ms) for visit in visits]
        self.stays = [*self.stays, *found][-MAX_STAYS:]
