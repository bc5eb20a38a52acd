"""Finds people again whose camera was suspended or lost meanwhile. In doubt it is nobody.

While a camera is suspended, or gives no picture, nobody in its view is seen, and nobody has left: they are
held. Once it is analysed again, whoever is in view may be one of them. What tells: the colours of the
clothes, brands that were confirmed, and where somebody stood. The place alone tells nothing after a minute:
at a till the next customer stands where the last one stood.
"""

from __future__ import annotations

from enum import Enum
from math import hypot
from typing import TYPE_CHECKING

from probes.people.reidentification import TrackLink, agree, worn_brands

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from probes.frame import Frame, TrackId
    from probes.people.reidentification import Trace, TrackLinker, Wears
    from probes.recognition.clothes import Clothes

SECOND = 1_000_000_000
HELD_NS = 300 * SECOND
"""Longest time for which people are held after they were last seen: most visits are over then."""
LOST_NS = 60 * SECOND
"""How long the people of a lost camera are held: most cameras are back by then."""
APPEAR_NS = 20 * SECOND
"""Who appears within this time after the camera's return may have been there before: frames are few."""
SEARCH_NS = 45 * SECOND
"""Whoever is not found so long after the camera's return has left; the next turn comes after 60 s."""
PATIENCE_NS = 10 * SECOND
"""So long after the return nobody is linked while the clothes of somebody new are not known."""
STOOD, AS_TALL = 0.5, 0.75
"""Body heights, and ratio of heights, within which somebody stands where another one stood."""
SIZE = 0.4
"""Least ratio of the body heights: who stays moves nearer and farther."""
ALIKE = 0.93
"""Least likeness of the clothes: 1 in 50 pairs of strangers has it, and 9 in 10 looks at one person."""
PLACE, BRAND = 0.05, 0.05
"""What the same place, and a brand in common, add to the likeness of the clothes; they never replace it."""
LEAD = 0.03
"""By how much a pair must be ahead of every other pair with one of the two people."""
SURE = 0.8
"""Certainty of such a link; it falls by half until the end of the time people are held."""


class Absence(Enum):
    """Why people in view of a camera are not seen, though they have not left."""

    SUSPENDED = "suspended"
    LOST = "camera_lost"


class ReturnLinker:
    """Holds tracks of suspended and lost cameras, and links new ones to them.

    Goes with one TrackLinker, one thread. Never two tracks to one that is held, and each that is held is
    linked, given up by `unfound`, or dropped.
    """

    def __init__(self, traces: TrackLinker) -> None:
        self._traces = traces
        self._held: dict[TrackId, Absence] = {}
        self._missing: set[str] = set()
        self._returned: dict[str, int] = {}

    def __contains__(self, track: TrackId) -> bool:
        return track in self._held

    def __len__(self) -> int:
        return len(self._held)

    def miss(self, camera: str) -> bool:
        """Note that a camera is not analysed for now; return whether it was."""
        if camera in self._missing:
            return False
        self._missing.add(camera)
        self._returned.pop(camera, None)
        return True

    def keep_only(self, cameras: Container[str]) -> None:
        """Forget all other cameras, of which nobody is held any more."""
        self._missing = {camera for camera in self._missing if camera in cameras}
        self._returned = {camera: at for camera, at in self._returned.items() if camera in cameras}

    def hold(self, track: TrackId, absence: Absence) -> None:
        """Hold a track: it has not ended, though it is not seen."""
        self._held[track] = absence

    def drop(self, track: TrackId) -> None:
        """Hold a track no more: it was found, or has ended."""
        self._held.pop(track, None)

    def update(
        self,
        frame: Frame,
        wears: Wears,
        clothes: Callable[[TrackId], Clothes | None],
        decided: Sequence[TrackLink] | None = None,
    ) -> list[TrackLink]:
        """Take a frame; return the links found, each once. wears, clothes: of the person on a track.

        decided: the links, where they were found before, as in a record.
        """
        camera, now = frame.camera, frame.captured_at
        if camera in self._missing:
            self._missing.discard(camera)
            self._returned[camera] = now
        if decided is not None:
            known = self._traces.trace  # lines of a record may be lost
            return [self._take(one) for one in decided if one.old in self._held and known(one.new)]
        if camera not in self._returned:
            return []
        held = [track for track in self._held if track.camera == camera]
        if not held:
            del self._returned[camera]
            return []
        begun = self._returned[camera]
        new = [t for t in self._traces.unlinked(camera, begun, begun + APPEAR_NS) if t not in self._held]
        return self._decide(held, new, now, wears, clothes, patient=0 <= now - begun < PATIENCE_NS)

    def unfound(self, now: int) -> dict[TrackId, Absence]:
        """Return who will not be found any more, each until it is dropped."""
        found = {}
        for track, absence in self._held.items():
            trace = self._traces.trace(track)
            returned = self._returned.get(track.camera)
            # now may be of another camera's frame, and a little before the return
            given_up = returned is not None and abs(now - returned) > SEARCH_NS
            if absence is Absence.LOST:
                longest = LOST_NS if returned is None else LOST_NS + SEARCH_NS
            else:
                longest = HELD_NS
            if trace is None or given_up or abs(now - trace.last_at) > longest:
                found[track] = absence
        return found

    def clear(self) -> None:
        """Hold nobody any more."""
        self._held.clear()

    def _decide(
        self,
        held: list[TrackId],
        new: list[TrackId],
        now: int,
        wears: Wears,
        clothes: Callable[[TrackId], Clothes | None],
        *,
        patient: bool,
    ) -> list[TrackLink]:
        """Return the pairs that are each other's best by far: that makes them one to one."""
        looks = {track: clothes(track) for track in (*held, *new)}
        if patient and any(looks[track] is None for track in new):
            return []
        scores: dict[tuple[TrackId, TrackId], float] = {}
        for old in held:
            for track in new:
                score = self._score(old, track, looks, wears)
                if score is not None:
                    scores[old, track] = score
        found = []
        for (old, track), score in scores.items():
            rivals = [s for pair, s in scores.items() if (pair[0] == old) != (pair[1] == track)]
            one, other = looks[old], looks[track]
            sure = one is not None and other is not None and one.alike(other) >= ALIKE
            if sure and all(score - rival >= LEAD for rival in rivals):
                found.append((old, track))
        return [self._link(old, track, now) for old, track in found]

    def _score(
        self,
        old: TrackId,
        new: TrackId,
        looks: Mapping[TrackId, Clothes | None],
        wears: Wears,
    ) -> float | None:
        """Return how well two tracks go together; None where they cannot be one person.

        Who was never looked at goes with anybody who stands in the same place, and is never linked.
        """
        lost, found = self._traces.trace(old), self._traces.trace(new)
        if lost is None or found is None or self._traces.is_leaving(old) or self._traces.is_entering(new):
            return None
        tall, short = max(lost.last.h, found.first.h), min(lost.last.h, found.first.h)
        if short < SIZE * tall:
            return None
        had, has = worn_brands(wears(old)), worn_brands(wears(new))
        if any(has[slot] != had[slot] for slot in had.keys() & has.keys()):
            return None
        stands = stands_where(lost, found)
        one, other = looks[old], looks[new]
        if one is None or other is None:
            return ALIKE + PLACE if stands else None
        return one.alike(other) + PLACE * stands + BRAND * agree(had, has)

    def _link(self, old: TrackId, new: TrackId, now: int) -> TrackLink:
        trace = self._traces.trace(old)
        away = 0 if trace is None else min(abs(now - trace.last_at), HELD_NS)
        return self._take(TrackLink(old, new, round(SURE * (1 - 0.5 * away / HELD_NS), 3)))

    def _take(self, link: TrackLink) -> TrackLink:
        self.drop(link.old)
        return self._traces.link(link.old, link.new, link.certainty)


def stands_where(lost: Trace, found: Trace) -> bool:
    """Return whether somebody stands where another one stood last."""
    tall, short = max(lost.last.h, found.first.h), min(lost.last.h, found.first.h)
    across = found.first.centre[0] - lost.last.centre[0]
    return short >= AS_TALL * tall and hypot(across, found.first.bottom - lost.last.bottom) <= STOOD * tall
