"""Re-identification: joins the tracks of one person on a camera or across cameras.

By place and time, no biometrics. Where two people could be meant, what is worn may decide; otherwise nobody
is linked: new looks repair a basket that starts anew, but not one on the wrong person.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from probes.frame import Kind
from probes.people.zones import Role, contains, foot_point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pricing.value import PersonValue
    from probes.frame import Box, Frame, TrackId
    from probes.people.zones import Zone

    Wears = Callable[[TrackId], PersonValue]

MS = 1_000_000
SETTLE_MS, RESOLVE_MS = 800, 8000
"""Age of a new track when it is judged, and until when items may decide which of several people it is."""
NEAR, PER_SECOND, FARTHEST = 0.35, 0.8, 2.0
"""How far off a lost person may be found, in body heights: at once, more per second (1.4 m/s), at most."""
SIZE = 0.6
"""Least ratio of the body heights, the smaller to the larger, of one person lost and found."""
EDGE = 0.02
"""Share of the picture's width at its sides where people leave and enter."""
SURE_FOUND, SURE_HANDED = 0.95, 0.85
"""Certainty of a link without delay; it falls by half until the end of the time allowed."""
DECIDED_BY_ITEMS = 0.9
"""Factor of the certainty where only the items decided which of several people it was."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A path from one camera's exit zone to another's entry zone, walked within `within_ms`."""

    from_camera: str
    from_zone: str
    to_camera: str
    to_zone: str
    within_ms: int
    at_least_ms: int = 0


@dataclass(frozen=True, slots=True)
class TrackLink:
    """Track `new` is the person of `old`. certainty: 0 to 1, for ranking; not a probability."""

    old: TrackId
    new: TrackId
    certainty: float


@dataclass(slots=True)
class Trace:
    """A track's first and last sighting, UTC ns; size of the frame, px; whether it goes on with another."""

    size: tuple[int, int]
    first_at: int
    first: Box
    last_at: int
    last: Box
    ended: bool = False
    joined: bool = False


class TrackLinker:
    """Links new tracks to persons already known. One per device, called from one thread.

    A new track is judged SETTLE_MS after its first sighting, against the tracks then out of sight; where
    several fit, as soon as it is known to wear something, until RESOLVE_MS after it.
    zones: of each camera. gap_ms: how long after the last sighting a person can be found again.
    """

    def __init__(
        self,
        zones: Mapping[str, Sequence[Zone]],
        passages: Iterable[Passage] = (),
        *,
        gap_ms: int = 8000,
    ) -> None:
        self.reconfigure(zones, passages, gap_ms=gap_ms)
        self._traces: dict[TrackId, Trace] = {}
        self._new: set[TrackId] = set()
        self._unclear: set[TrackId] = set()

    def reconfigure(
        self, zones: Mapping[str, Sequence[Zone]], passages: Iterable[Passage], *, gap_ms: int
    ) -> None:
        """Judge by other zones, ways and times from now on."""
        self._zones = {camera: tuple(found) for camera, found in zones.items()}
        self._passages = tuple(passages)
        self._gap = gap_ms * MS
        self._linkable_ns = max([self._gap, *(p.within_ms * MS for p in self._passages)]) + RESOLVE_MS * MS

    def __len__(self) -> int:
        return len(self._traces)

    def update(self, frame: Frame, wears: Wears) -> list[TrackLink]:
        """Take a frame; return the links found, each once. The old track of a link is then forgotten.

        wears: what the person on a track is believed to wear.
        """
        at = frame.captured_at
        for person in frame.of(Kind.PERSON):
            if (track := person.track) is None:
                continue
            trace = self._traces.get(track)
            if trace is None:
                self._traces[track] = Trace(frame.size, at, person.box, at, person.box)
                self._new.add(track)
            else:
                trace.last_at, trace.last = at, person.box
        found = self._judge(frame.camera, at) if self._new else []
        return found + self._compare(frame.camera, at, wears) if self._unclear else found

    def end(self, track: TrackId) -> None:
        """Note that the tracker has ended a track; its person may be found on another one."""
        if track in self._traces:
            self._traces[track].ended = True

    def expire(self, now: int) -> list[TrackId]:
        """Forget and return the tracks that ended too long ago to be linked."""
        gone = [
            t for t, trace in self._traces.items() if trace.ended and now - trace.last_at > self._linkable_ns
        ]
        for track in gone:
            self._forget(track)
        return gone

    def trace(self, track: TrackId) -> Trace | None:
        """Return when and where a track was seen first and last."""
        return self._traces.get(track)

    def unlinked(self, camera: str, since: int, until: int) -> list[TrackId]:
        """Return a camera's tracks that began between two times, UTC ns, and go on with no older one."""
        return [
            track
            for track, trace in self._traces.items()
            if track.camera == camera and since <= trace.first_at <= until and not trace.joined
        ]

    def link(self, old: TrackId, new: TrackId, certainty: float) -> TrackLink:
        """Note that somebody else found out that `new` is the person of `old`, which is then forgotten."""
        self._new.discard(new)
        return self._join(new, old, certainty)

    def part(self, track: TrackId) -> None:
        """Note that a track is not the person of the older one that it was linked to."""
        if (trace := self._traces.get(track)) is not None:
            trace.joined = False

    def is_leaving(self, track: TrackId) -> bool:
        """Return whether a track was seen last where people leave."""
        trace = self._traces[track]
        return self._outside(track.camera, trace.last, trace.size, (Role.EXIT, Role.BOTH))

    def is_entering(self, track: TrackId) -> bool:
        """Return whether a track was seen first where people come in."""
        trace = self._traces[track]
        return self._outside(track.camera, trace.first, trace.size, (Role.ENTRY, Role.BOTH))

    def clear(self) -> list[TrackId]:
        """Forget and return all tracks."""
        gone = list(self._traces)
        self._traces.clear()
        self._new.clear()
        self._unclear.clear()
        return gone

    def _forget(self, track: TrackId) -> None:
        self._traces.pop(track, None)
        self._new.discard(track)
        self._unclear.discard(track)

    def _judge(self, camera: str, now: int) -> list[TrackLink]:
        """Link the new tracks of a camera that have been in view for a while, and all that have ended."""
        found = []
        for track in sorted(self._new):
            arrival = self._traces[track]
            # A frame of another camera may be a little older than the track.
            is_due = track.camera == camera and not 0 <= now - arrival.first_at < SETTLE_MS * MS
            if not is_due and not arrival.ended:
                continue
            self._new.discard(track)
            fits = self._fitting(track)
            if len(fits) == 1 and not self._competing(fits[0][0], track):
                found.append(self._join(track, *fits[0]))
            elif fits:
                self._unclear.add(track)
        return found

    def _compare(self, camera: str, now: int, wears: Wears) -> list[TrackLink]:
        """Link a camera's new tracks that fit several lost persons, where the worn brands fit only one."""
        found = []
        for track in sorted(track for track in self._unclear if track.camera == camera):
            arrival = self._traces[track]
            if not 0 <= now - arrival.first_at < RESOLVE_MS * MS:
                self._unclear.discard(track)
                continue
            worn = worn_brands(wears(track))
            fits = [(o, c) for o, c in self._fitting(track) if worn and agree(worn, worn_brands(wears(o)))]
            if len(fits) != 1:
                continue
            old, certainty = fits[0]
            old_brands, competing = worn_brands(wears(old)), self._competing(old, track)
            if not any(agree(worn_brands(wears(rival)), old_brands, unknown=True) for rival in competing):
                found.append(self._join(track, old, round(certainty * DECIDED_BY_ITEMS, 3)))
        return found

    def _join(self, new: TrackId, old: TrackId, certainty: float) -> TrackLink:
        self._forget(old)
        self._unclear.discard(new)
        self._traces[new].joined = True
        return TrackLink(old, new, certainty)

    def _competing(self, old: TrackId, new: TrackId) -> list[TrackId]:
        """Return the other unlinked tracks that could be the person of a lost one."""
        others = (t for t, trace in self._traces.items() if t != new and not trace.joined)
        return [track for track in others if self._match(old, track) is not None]

    def _fitting(self, new: TrackId) -> list[tuple[TrackId, float]]:
        matches = ((old, self._match(old, new)) for old in self._traces if old != new)
        return [(old, certainty) for old, certainty in matches if certainty is not None]

    def _match(self, old: TrackId, new: TrackId) -> float | None:
        """Return the certainty that `new` is the person of `old`; None where that is impossible."""
        lost, found = self._traces[old], self._traces[new]
        wait = found.first_at - lost.last_at
        if wait <= 0:
            return None
        if old.camera == new.camera:
            near = wait <= self._gap and self._found_again(old.camera, lost, found, wait)
            return _fading(SURE_FOUND, wait, self._gap) if near else None
        for way in self._passages:
            if (way.from_camera, way.to_camera) != (old.camera, new.camera):
                continue
            if (
                way.at_least_ms * MS <= wait <= way.within_ms * MS
                and way.from_zone in self._at(old.camera, lost.last, lost.size)
                and way.to_zone in self._at(new.camera, found.first, found.size)
            ):
                return _fading(SURE_HANDED, wait, way.within_ms * MS)
        return None

    def _found_again(self, camera: str, lost: Trace, found: Trace, wait: int) -> bool:
        if self._outside(camera, lost.last, lost.size, (Role.EXIT, Role.BOTH)):
            return False
        if self._outside(camera, found.first, found.size, (Role.ENTRY, Role.BOTH)):
            return False
        tall, short = max(lost.last.h, found.first.h), min(lost.last.h, found.first.h)
        if short < SIZE * tall:
            return False
        (x0, _), (x1, _) = lost.last.centre, found.first.centre
        way = hypot(x1 - x0, found.first.bottom - lost.last.bottom)
        return way <= tall * min(FARTHEST, NEAR + PER_SECOND * wait / 1e9)

    def _outside(self, camera: str, box: Box, size: tuple[int, int], roles: tuple[Role, ...]) -> bool:
        """Return whether a box is at the picture's edge, or stands in a zone of one of these roles."""
        if box.x <= EDGE * size[0] or box.right >= (1 - EDGE) * size[0]:
            return True
        inside = self._at(camera, box, size)
        return any(zone.role in roles and zone.name in inside for zone in self._zones.get(camera, ()))

    def _at(self, camera: str, box: Box, size: tuple[int, int]) -> list[str]:
        spot = foot_point(box, size)
        return [zone.name for zone in self._zones.get(camera, ()) if contains(zone.polygon, *spot)]


def worn_brands(value: PersonValue) -> dict[str, str]:
    """Return the brands that somebody wears, by slot."""
    return {item.slot: item.brand for item in value.items if item.brand is not None}


def agree(worn: Mapping[str, str], other: Mapping[str, str], *, unknown: bool = False) -> bool:
    """Return whether two baskets share an item and none contradicts; `unknown`: an empty one agrees, too."""
    shared = worn.keys() & other.keys()
    if not shared:
        return unknown
    return all(worn[slot] == other[slot] for slot in shared)


def _fading(sure: float, wait: int, longest: int) -> float:
    return round(sure * (1 - 0.5 * wait / longest), 3)
