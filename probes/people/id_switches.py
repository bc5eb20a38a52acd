"""Detects tracker id switches when two people cross, by what they wear, before their items mix.

From the moment two boxes overlap, the votes on both are held back until they tell who is who: marks of the
other's basket, seen after the two have parted, mean that the tracks were exchanged. Without such marks
nothing is exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pricing.ledger.votes import Vote
    from pricing.value import PersonValue
    from probes.frame import Box, Detection, Frame, TrackId

    Wears = Callable[[TrackId], PersonValue]

T = TypeVar("T")
MS = 1_000_000
TOUCH, APART = 0.3, 0.1
"""Share of the smaller box that both cover: from here two people touch; below they have parted."""
TELLING, LEAD = 3, 3
"""Looks that tell who is who, and how many times more than those that say the contrary."""
WITHIN_MS = 6000
"""How long votes are held while two touch, and how long after they parted what is seen still decides."""
MAX_HELD = 256
"""Votes held back for one track; further ones count at once."""
CARRIED = frozenset({"bag", "umbrella"})
"""Slots of which the kind of thing alone tells people apart."""
Pair = tuple["TrackId", "TrackId"]
HeldVotes = tuple["TrackId", "list[Vote]"]


class IdSwitch(NamedTuple):
    """Two tracks that were exchanged, at UTC ns `since` or later."""

    one: TrackId
    other: TrackId
    since: int


@dataclass(slots=True)
class _OpenSwitch:
    """An undecided crossing: the differences of the two (slot, brand or type), and votes for either reading.

    began: when the two met. evidence_since: older votes are no evidence. Both UTC ns.
    """

    marks: dict[TrackId, frozenset[tuple[str, str]]]
    began: int
    evidence_since: int
    parted: bool = False
    stayed: int = 0
    exchanged: int = 0
    counted: set[tuple[TrackId, str, str, str]] = field(default_factory=set)

    def again(self, at: int, *, parted: bool) -> None:
        """Start counting again."""
        self.evidence_since, self.parted, self.stayed, self.exchanged = at, parted, 0, 0

    def add_vote(self, vote: Vote, track: TrackId, other: TrackId) -> None:
        """Count a vote on one of the two; several routes of one look are one."""
        mark = _mark(vote)
        if mark is None:
            return
        once = (track, vote.look or vote.id, *mark)
        if vote.at >= self.evidence_since and once not in self.counted:
            self.counted.add(once)
            self.stayed += mark in self.marks[track]
            self.exchanged += mark in self.marks[other]


@dataclass(slots=True)
class _Held:
    """The votes held back for a track since UTC ns `since`."""

    since: int
    votes: list[Vote] = field(default_factory=list)


class IdSwitchResolver:
    """Resolves crossings. One per device, called from one thread.

    While two touch, their votes are held, WITHIN_MS at most; what is seen of them after they parted, for
    as long again, decides. wears: what the person on a track is believed to wear.
    """

    def __init__(self, wears: Wears) -> None:
        self._wears = wears
        self._touching: set[Pair] = set()
        self._doubts: dict[Pair, _OpenSwitch] = {}
        self._held: dict[TrackId, _Held] = {}

    def hold(self, track: TrackId, votes: Sequence[Vote]) -> Sequence[Vote]:
        """Return the votes on a track that may count now; the others are held."""
        held = self._held.get(track)
        if held is None:
            return votes
        doubts = [(doubt, _other(pair, track)) for pair, doubt in self._doubts.items() if track in pair]
        free = []
        for vote in votes:
            if vote.at < held.since or len(held.votes) >= MAX_HELD:
                free.append(vote)
                continue
            held.votes.append(vote)
            for doubt, other in doubts:
                doubt.add_vote(vote, track, other)
        return free

    def in_doubt(self, track: TrackId) -> bool:
        """Return whether a track is in a crossing that is not decided."""
        return track in self._held

    def update(self, frame: Frame) -> tuple[list[IdSwitch], list[HeldVotes]]:
        """Take a frame; return which tracks were switched, then the votes released for each track.

        The votes belong to the persons after the switch.
        """
        self._meet(frame)
        exchanged: list[IdSwitch] = []
        for pair, doubt in list(self._doubts.items()):
            if pair not in self._doubts or pair[0].camera != frame.camera:  # times of two cameras differ
                continue
            swapped = doubt.exchanged >= max(TELLING, LEAD * doubt.stayed)
            stayed = doubt.stayed >= max(TELLING, LEAD * doubt.exchanged)
            late = not 0 <= frame.captured_at - doubt.evidence_since < WITHIN_MS * MS
            if swapped and (doubt.parted or late):
                exchanged.append(IdSwitch(*pair, doubt.began))
                self._settle(pair, exchanged=True)
            elif late or (stayed and doubt.parted):
                self._settle(pair)
        return exchanged, self._release()

    def end(self, track: TrackId) -> list[HeldVotes]:
        """Forget a track; return the votes held for it, and for tracks in no other open crossing."""
        self._touching = {pair for pair in self._touching if track not in pair}
        for pair in [pair for pair in self._doubts if track in pair]:
            self._settle(pair)
        return self._release()

    def _meet(self, frame: Frame) -> None:
        persons = [p for p in frame.of(Kind.PERSON) if p.track is not None]
        if len(persons) < 2:
            return
        at = frame.captured_at
        for pair, overlap in _overlaps(persons):
            doubt = self._doubts.get(pair)
            if pair in self._touching and overlap < APART:
                self._touching.discard(pair)
                if doubt:
                    doubt.again(at, parted=True)
            elif overlap > TOUCH and pair not in self._touching:
                self._touching.add(pair)
                if doubt:
                    doubt.again(at, parted=False)
            if doubt is None and pair in self._touching:
                self._open(pair, at)

    def _open(self, pair: Pair, at: int) -> None:
        worn = [_marks(self._wears(track)) for track in pair]
        marks = {pair[0]: frozenset(worn[0] - worn[1]), pair[1]: frozenset(worn[1] - worn[0])}
        if any(marks.values()):
            self._doubts[pair] = _OpenSwitch(marks, at, at)
            for track in pair:
                self._held.setdefault(track, _Held(at))

    def _settle(self, pair: Pair, *, exchanged: bool = False) -> None:
        """Close a crossing, and drop the votes that contradict its outcome."""
        doubt = self._doubts.pop(pair)
        for track in pair:
            if exchanged:
                for other in [other for other in self._doubts if track in other]:
                    del self._doubts[other]
            foreign = doubt.marks[track if exchanged else _other(pair, track)]
            held = self._held[track]
            held.votes = [vote for vote in held.votes if _mark(vote) not in foreign]

    def _release(self) -> list[HeldVotes]:
        doubtful = {track for pair in self._doubts for track in pair}
        free = [track for track in self._held if track not in doubtful]
        return [(track, self._held.pop(track).votes) for track in free]


def exchange(known: dict[TrackId, T], one: TrackId, other: TrackId) -> None:
    """Give each of two tracks what is known of the other."""
    found = {one: known.pop(other, None), other: known.pop(one, None)}
    known.update((track, what) for track, what in found.items() if what is not None)


def _other(pair: Pair, track: TrackId) -> TrackId:
    return pair[1] if pair[0] == track else pair[0]


def _mark(vote: Vote) -> tuple[str, str] | None:
    """Return what a vote tells a person by; None for clothes without a brand: many wear jeans."""
    if vote.brand is None and vote.slot not in CARRIED:
        return None
    return vote.slot, vote.brand or vote.type or ""


def _overlaps(persons: Sequence[Detection]) -> Iterator[tuple[Pair, float]]:
    ordered = sorted(((p.track, p.box) for p in persons if p.track is not None), key=_track)
    for number, (track, box) in enumerate(ordered):
        for other, its in ordered[number + 1 :]:
            yield (track, other), box.share_of_smaller(its)


def _marks(value: PersonValue) -> set[tuple[str, str]]:
    return {(i.slot, i.brand or i.type) for i in value.items if i.brand or i.slot in CARRIED}


def _track(pair: tuple[TrackId, Box]) -> TrackId:
    return pair[0]
