"""Finds marks of the shop, not of the person: signs, posters, shelves seen inside a person's box.

A worn mark moves with the body. What stays where it is in the picture while the body moves, what is seen
beside bodies, and what several persons have at the same place of the picture though at other places of the
body, is scenery. One person who stands still in front of a sign cannot be told from one who wears it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from math import hypot
from typing import TYPE_CHECKING

from probes.people.body import moved
from probes.people.id_switches import exchange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.answers import Mark
    from probes.frame import Box, TrackId

SECOND = 1_000_000_000
MAX_TRACKS, MAX_BRANDS, MAX_MARKS, MAX_OBSERVATIONS, MAX_PLACES = 512, 12, 4, 8, 128
"""Kept at most: tracks of a camera, brands of a track, marks of a brand, looks at a mark, places."""
STILL_SHARE, STILL_PX = 0.25, 2.0
"""How far a mark may seem to move and still be still: a share of its size, and px, for inexact boxes."""
MOVED = 3.0
"""A body has moved when it is this many times farther than what may still be called still."""
FAR = 2.0
"""A body that moved this many times farther than that proves at once that a still mark is not worn."""
STEADY_NS, LATER_NS = SECOND, SECOND // 4
"""How long a mark is still to count as steady; how far apart two looks beside bodies count as two."""
PROOF, TRACKS, LOOSE = 2, 3, 2
"""Looks, people at other places of their bodies, and looks beside bodies that prove a background mark."""
MAX_AGE_NS = 1800 * SECOND
"""How long a place is remembered without its mark: a sign behind a group of people is still a sign."""


class MarkVerdict(Enum):
    """Whether a mark is worn or belongs to the background."""

    WORN = "worn"
    SCENERY = "scenery"


@dataclass(frozen=True, slots=True)
class _Observation:
    at: int
    x: float
    y: float
    still: float
    body: Box

    def predicted(self, body: Box) -> tuple[float, float]:
        """Return where the mark would be on another body, worn at the same place."""
        u, v = (self.x - self.body.x) / self.body.w, (self.y - self.body.y) / self.body.h
        return body.x + u * body.w, body.y + v * body.h


@dataclass(slots=True)
class _MarkTrack:
    """One mark of one track. scenery, worn: looks that speak for either; cast: that counted, by slot."""

    sights: deque[_Observation] = field(default_factory=lambda: deque(maxlen=MAX_OBSERVATIONS))
    scenery: int = 0
    worn: int = 0
    cast: dict[str, int] = field(default_factory=dict)

    def fits(self, sight: _Observation) -> float | None:
        """Return the distance of a mark from its prediction, px; None where it cannot be the same."""
        last = self.sights[-1]
        across, down = moved(last.body, sight.body)
        dx, dy = sight.x - last.x, sight.y - last.y
        stayed, went = hypot(dx, dy), hypot(dx - across, dy - down)
        limit = last.still + 0.15 * sight.body.w + 0.25 * hypot(across, down)
        if stayed <= last.still or went <= limit:
            return min(stayed, went)
        return None

    def add(self, sight: _Observation) -> None:
        """Add a look at the mark, and count what its movement shows."""
        scenery = worn = 0
        for then in self.sights:
            across, down = moved(then.body, sight.body)
            way, still = hypot(across, down), max(then.still, sight.still)
            if way < MOVED * still:
                continue
            dx, dy = sight.x - then.x, sight.y - then.y
            if hypot(dx, dy) <= still:
                scenery = max(scenery, PROOF if way >= FAR * MOVED * still else 1)
            elif hypot(dx - across, dy - down) <= way / 2:
                worn = 1
        self.scenery, self.worn = self.scenery + scenery, self.worn + worn
        self.sights.append(sight)

    @property
    def is_scenery(self) -> bool:
        return self.scenery >= PROOF and self.scenery > self.worn

    @property
    def is_worn(self) -> bool:
        return self.worn > self.scenery

    def steady(self) -> _Observation | None:
        """Return the first look of a second or more without movement of the mark, if there is one."""
        last = self.sights[-1]
        for then in self.sights:
            if last.at - then.at >= STEADY_NS and _near(then, last):
                return then
        return None


@dataclass(slots=True)
class _Place:
    """Where a brand is in the picture. tracks: who had it there, and where on the body; loose: beside all."""

    brand: str
    sight: _Observation
    at: int
    tracks: dict[TrackId, _Observation] = field(default_factory=dict)
    loose: int = 0
    proven: bool = False


class BackgroundFilter:
    """Learns which marks of one camera are background. One thread; bounded.

    A place is forgotten when its mark has not been seen there for half an hour, or for a newer one.
    """

    def __init__(self) -> None:
        self._chains: dict[TrackId, dict[str, list[_MarkTrack]]] = {}
        self._places: list[_Place] = []

    def __len__(self) -> int:
        return len(self._places)

    def see(
        self, track: TrackId, mark: Mark, body: Box, at: int, slot: str | None
    ) -> tuple[MarkVerdict, Sequence[str]]:
        """Take a mark in a person's rectangle at UTC ns `at`; slot None where it is beside all bodies.

        Return whose it is, and the slots in which it counted for the person before and should not have.
        """
        x, y = mark.box.centre
        sight = _Observation(at, x, y, STILL_PX + STILL_SHARE * max(mark.box.h, mark.box.w / 2), body)
        chain = self._chain(track, mark.brand, sight)
        place = self._place(mark.brand, sight)
        if slot is None and not chain.is_worn:
            place = place or self._new_place(mark.brand, sight)
            if not place.loose or abs(at - place.at) >= LATER_NS:
                place.loose += 1
        if chain.is_scenery:
            place = place or self._new_place(mark.brand, sight)
            place.proven = True
        elif not chain.is_worn and (first := chain.steady()) is not None:
            place = place or self._new_place(mark.brand, first)
            self._meet(place, track, first)
        if place is not None:
            place.at = max(place.at, at)
            place.proven = place.proven or place.loose >= LOOSE
        if chain.is_scenery or (place is not None and place.proven and not chain.is_worn):
            return MarkVerdict.SCENERY, self._wrong(track, mark.brand, chain)
        if chain.scenery > chain.worn:
            return MarkVerdict.SCENERY, ()  # not proven yet: this look does not count, earlier ones stand
        if slot is not None:
            chain.cast[slot] = chain.cast.get(slot, 0) + 1
        return MarkVerdict.WORN, ()

    def forget(self, track: TrackId) -> None:
        """Forget a track; the places learnt from it stay."""
        self._chains.pop(track, None)

    def exchange(self, one: TrackId, other: TrackId) -> None:
        """Give each of two tracks the other's person."""
        exchange(self._chains, one, other)

    def _chain(self, track: TrackId, brand: str, sight: _Observation) -> _MarkTrack:
        """Return the track's mark that this look continues, with the look added."""
        brands = self._chains.setdefault(track, {})
        if len(self._chains) > MAX_TRACKS:
            del self._chains[next(iter(self._chains))]
        chains = brands.setdefault(brand, [])
        if len(brands) > MAX_BRANDS:
            del brands[next(iter(brands))]
        fitting = [(far, n) for n, chain in enumerate(chains) if (far := chain.fits(sight)) is not None]
        if fitting:
            chain = chains[min(fitting)[1]]
        else:
            chain = _MarkTrack()
            chains.append(chain)
            if len(chains) > MAX_MARKS:
                del chains[0]
        chain.add(sight)
        return chain

    def _place(self, brand: str, sight: _Observation) -> _Place | None:
        self._places = [place for place in self._places if abs(sight.at - place.at) <= MAX_AGE_NS]
        near = (place for place in self._places if place.brand == brand and _near(place.sight, sight))
        return next(near, None)

    def _new_place(self, brand: str, sight: _Observation) -> _Place:
        place = _Place(brand, sight, sight.at)
        self._places.append(place)
        if len(self._places) > MAX_PLACES:
            self._places.remove(min(self._places, key=lambda one: (one.proven, one.at)))
        return place

    @staticmethod
    def _meet(place: _Place, track: TrackId, sight: _Observation) -> None:
        """Note who has the mark at a place; tracks that have it elsewhere on the body prove it background."""
        if track in place.tracks or len(place.tracks) >= TRACKS:
            return
        for other in place.tracks.values():
            x, y = other.predicted(sight.body)
            if hypot(x - sight.x, y - sight.y) < MOVED * sight.still:
                return
        place.tracks[track] = sight
        place.proven = place.proven or len(place.tracks) >= TRACKS

    def _wrong(self, track: TrackId, brand: str, chain: _MarkTrack) -> Sequence[str]:
        """Return the slots in which a mark has counted, once, but where the person wears another as well."""
        others = [c for c in self._chains[track][brand] if c is not chain and not c.is_scenery]
        cast, chain.cast = chain.cast, {}
        return [s for s, looks in cast.items() if all(o.cast.get(s, 0) < looks for o in others)]


def _near(first: _Observation, second: _Observation) -> bool:
    still = max(first.still, second.still)
    alike = min(first.still, second.still) * 2 >= still
    return alike and hypot(first.x - second.x, first.y - second.y) <= still
