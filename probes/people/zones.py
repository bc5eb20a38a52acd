"""Which person stands in which zone, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.frame import Box, Frame, TrackId

MS = 1_000_000
MAX_VISITS = 100


class Role(str, Enum):
    """What a zone means: an entry into the camera's view, an exit, both; or a place of the staff."""

    FLOOR = "floor"
    ENTRY = "entry"
    EXIT = "exit"
    BOTH = "both"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class Zone:
    """An area of the floor: corners from 0 to 1 of the frame; who stays dwell_ms in it has visited it."""

    name: str
    polygon: tuple[tuple[float, float], ...]
    dwell_ms: int = 0
    role: Role = Role.FLOOR


@dataclass(frozen=True, slots=True)
class ZoneVisit:
    """A stay of one person in one zone. entered_at: UTC ns; dwell_ms: time inside so far."""

    zone: str
    entered_at: int
    dwell_ms: int


@dataclass(slots=True)
class _Stay:
    """One person in, or on the way into, one zone: hits sightings inside, the first and the last, UTC ns."""

    first: int
    last: int
    hits: int = 1

    @property
    def dwell_ms(self) -> int:
        return (self.last - self.first) // MS


@dataclass(slots=True)
class _Person:
    stays: dict[str, _Stay] = field(default_factory=dict)
    past: list[ZoneVisit] = field(default_factory=list)

    def split(self, since: int) -> tuple[_Person, _Person]:
        """Return what began before UTC ns `since`, and what began from then on."""
        before, after = _Person(), _Person()
        for name, stay in self.stays.items():
            (before if stay.first < since else after).stays[name] = stay
        for visit in self.past:
            (before if visit.entered_at < since else after).past.append(visit)
        return before, after

    def then(self, later: _Person) -> _Person:
        """Return what began earlier and what began later; a zone left and entered meanwhile is one stay."""
        stays = {**self.stays, **later.stays}
        for name in self.stays.keys() & later.stays.keys():
            old, new = self.stays[name], later.stays[name]
            stays[name] = _Stay(old.first, new.last, old.hits + new.hits)
        return _Person(stays, [*self.past, *later.past][-MAX_VISITS:])


class Zones:
    """The zones of one camera and the confirmed persons in them. A person stands where the box ends below.

    >>> from probes.frame import Box, Detection, Frame, Kind, TrackId
    >>> zones = Zones([Zone("till", ((0, 0), (1, 0), (1, 1), (0, 1)))], enter_hits=1)
    >>> person = Detection(Kind.PERSON, "person", 0.9, Box(10, 10, 40, 120), TrackId("c", "k7f3", 1))
    >>> [visit.zone for visit in zones.update(Frame("c", 0, (640, 360), (person,)))[person.track]]
    ['till']
    """

    def __init__(self, zones: Sequence[Zone], *, enter_hits: int = 2, leave_ms: int = 1000) -> None:
        """Let in after enter_hits sightings inside in a row, out after leave_ms of sightings outside."""
        if enter_hits < 1 or leave_ms < 0:
            raise ValueError("enter_hits must be 1 or more, leave_ms 0 or more")
        if len({zone.name for zone in zones}) != len(zones):
            raise ValueError("two zones have one name")
        self._zones = tuple(zones)
        self._enter_hits, self._leave = enter_hits, leave_ms * MS
        self._persons: dict[TrackId, _Person] = {}
        self._last: int | None = None

    def reconfigure(self, zones: Sequence[Zone]) -> None:
        """Go on with other zones; who stands in one whose name stays goes on standing there."""
        self._zones = tuple(zones)
        names = {zone.name for zone in zones}
        for person in self._persons.values():
            person.stays = {name: stay for name, stay in person.stays.items() if name in names}

    def update(self, frame: Frame) -> dict[TrackId, list[ZoneVisit]]:
        """Take in a frame; return the visits under way of everyone known, who is hidden now included."""
        now = frame.captured_at
        if self._last is not None and now < self._last:
            self._shift(now - self._last)
        self._last = now
        for detection in frame.of(Kind.PERSON):
            if detection.track is not None:
                person = self._persons.setdefault(detection.track, _Person())
                spot = foot_point(detection.box, frame.size)
                for zone in self._zones:
                    self._step(person, zone, contains(zone.polygon, *spot), now)
        present = {track: self._visits(person) for track, person in self._persons.items()}
        return {track: visits for track, visits in present.items() if visits}

    def forget(self, track: TrackId) -> list[ZoneVisit]:
        """Forget an ended track; return its visits, of ended ones at most the last MAX_VISITS."""
        person = self._persons.pop(track, None)
        return [] if person is None else person.past + self._visits(person)

    def exchange(self, one: TrackId, other: TrackId, since: int) -> None:
        """Give each of two tracks the other's person; what began from UTC ns `since` on is its own."""
        persons = [self._persons.pop(track, _Person()) for track in (one, other)]
        (first, first_now), (second, second_now) = (person.split(since) for person in persons)
        for track, person in ((one, second.then(first_now)), (other, first.then(second_now))):
            if person.stays or person.past:
                self._persons[track] = person

    def _step(self, person: _Person, zone: Zone, inside: bool, now: int) -> None:
        stay = person.stays.get(zone.name)
        if stay is None:
            if inside:
                person.stays[zone.name] = _Stay(now, now)
        elif inside:
            stay.last, stay.hits = now, stay.hits + 1
        elif stay.hits < self._enter_hits or now - stay.last >= self._leave:
            if self._counts(zone, stay):
                visit = ZoneVisit(zone.name, stay.first, stay.dwell_ms)
                person.past = [*person.past, visit][-MAX_VISITS:]
            del person.stays[zone.name]

    def _visits(self, person: _Person) -> list[ZoneVisit]:
        stays = ((zone, person.stays.get(zone.name)) for zone in self._zones)
        return [
            ZoneVisit(zone.name, stay.first, stay.dwell_ms)
            for zone, stay in stays
            if stay is not None and self._counts(zone, stay)
        ]

    def _counts(self, zone: Zone, stay: _Stay) -> bool:
        return stay.hits >= self._enter_hits and stay.dwell_ms >= zone.dwell_ms

    def _shift(self, nanoseconds: int) -> None:
        """Move all stays in time, as when the clock of the frames was set back."""
        for person in self._persons.values():
            for stay in person.stays.values():
                stay.first += nanoseconds
                stay.last += nanoseconds


def foot_point(box: Box, size: tuple[int, int]) -> tuple[float, float]:
    """Return where a person stands, x and y from 0 to 1 of the frame."""
    x, y = box.centre[0] / size[0], box.bottom / size[1]
    return min(1.0, max(0.0, x)), min(1.0, max(0.0, y))


def contains(polygon: Sequence[tuple[float, float]], x: float, y: float) -> bool:
    """Return whether the point lies in the polygon, edges included: zones end where the picture ends."""
    inside = False
    x1, y1 = polygon[-1]
    for x2, y2 in polygon:
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        if side == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if (y1 > y) != (y2 > y) and (side > 0) == (y2 > y1):
            inside = not inside
        x1, y1 = x2, y2
    return inside
