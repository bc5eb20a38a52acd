"""Two people who cross may leave with each other's track: what they wear tells, before baskets mix.

From the moment two boxes overlap, the votes on both are held back until they tell who is who: marks of the
other's basket mean that the tracks were exchanged. Without such marks nothing is exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pricing.value import PersonValue
    from pricing.votes import Vote
    from probes.frame import Box, Detection, Frame, TrackId

    Wears = Callable[[TrackId], PersonValue]

MS = 1_000_000
TOUCH, APART = 0.3, 0.1
TELLING, LEAD = 3, 3
MOST_HELD = 256
Pair = tuple["TrackId", "TrackId"]
Held = tuple["TrackId", "list[Vote]"]


@dataclass(slots=True)
class _Doubt:
    """A crossing: what tells the two apart (slot, brand or type), votes held, evidence of either reading."""

    since: int
    marks: dict[TrackId, frozenset[tuple[str, str]]]
    held: dict[TrackId, list[Vote]] = field(default_factory=dict)
    stayed: int = 0
    exchanged: int = 0


class Crossings:
    """The crossings under way. One per device, called from one thread.

    wears: what the person on a track is believed to wear. within_ms: how long votes are held at most.
    """

    def __init__(self, wears: Wears, *, within_ms: int = 6000) -> None:
        self._wears = wears
        self._within = within_ms * MS
        self._touching: set[Pair] = set()
        self._doubts: dict[Pair, _Doubt] = {}
        self._of: dict[TrackId, Pair] = {}

    def hold(self, track: TrackId, votes: Sequence[Vote]) -> Sequence[Vote]:
        """Return those of the votes on a track that may be told now; the others are kept."""
        pair = self._of.get(track)
        if pair is None:
            return votes
        doubt = self._doubts[pair]
        other = pair[1] if pair[0] == track else pair[0]
        free = []
        for vote in votes:
            kept = doubt.held.setdefault(track, [])
            if vote.at < doubt.since or len(kept) >= MOST_HELD:
                free.append(vote)
                continue
            kept.append(vote)
            mark = (vote.slot, vote.brand or vote.type or "")
            doubt.stayed += mark in doubt.marks[track]
            doubt.exchanged += mark in doubt.marks[other]
        return free

    def update(self, frame: Frame) -> tuple[list[Pair], list[Held]]:
        """Take a frame; return the pairs of tracks that were exchanged, then votes to tell of each track.

        The votes are meant for the persons as they are after the exchange.
        """
        self._meet(frame)
        exchanged: list[Pair] = []
        released: list[Held] = []
        for pair, doubt in list(self._doubts.items()):
            swapped = doubt.exchanged >= max(TELLING, LEAD * doubt.stayed)
            stayed = doubt.stayed >= max(TELLING, LEAD * doubt.exchanged)
            late = not 0 <= frame.captured_at - doubt.since < self._within
            if swapped or stayed or late:
                exchanged += [pair] if swapped else []
                released += self._close(pair)
        return exchanged, released

    def end(self, track: TrackId) -> list[Held]:
        """Forget a track; return the votes that were held for it and for the other."""
        self._touching = {pair for pair in self._touching if track not in pair}
        return list(self._close(self._of[track])) if track in self._of else []

    def _meet(self, frame: Frame) -> None:
        persons = [p for p in frame.of(Kind.PERSON) if p.track is not None]
        here = {pair for pair in self._touching if pair[0].camera == frame.camera}
        if len(persons) < 2:
            return
        for pair, overlap in _overlaps(persons):
            if pair in here:
                if overlap < APART:
                    self._touching.discard(pair)
                    self._open(pair, frame.captured_at)
            elif overlap > TOUCH:
                self._touching.add(pair)
                self._open(pair, frame.captured_at)

    def _open(self, pair: Pair, at: int) -> None:
        if any(track in self._of for track in pair):
            return
        worn = [_marks(self._wears(track)) for track in pair]
        marks = {pair[0]: frozenset(worn[0] - worn[1]), pair[1]: frozenset(worn[1] - worn[0])}
        if any(marks.values()):
            self._doubts[pair] = _Doubt(at, marks)
            self._of |= dict.fromkeys(pair, pair)

    def _close(self, pair: Pair) -> Iterator[Held]:
        doubt = self._doubts.pop(pair)
        for track in pair:
            del self._of[track]
        yield from doubt.held.items()


def _overlaps(persons: Sequence[Detection]) -> Iterator[tuple[Pair, float]]:
    ordered = sorted(((p.track, p.box) for p in persons if p.track is not None), key=_track)
    for number, (track, box) in enumerate(ordered):
        for other, its in ordered[number + 1 :]:
            yield (track, other), _overlap(box, its)


def _overlap(box: Box, other: Box) -> float:
    smaller = min(box.area, other.area)
    return box.intersection(other) / smaller if smaller > 0 else 0.0


def _marks(value: PersonValue) -> set[tuple[str, str]]:
    return {(item.slot, item.brand or item.type) for item in value.items}


def _track(pair: tuple[TrackId, Box]) -> TrackId:
    return pair[0]
