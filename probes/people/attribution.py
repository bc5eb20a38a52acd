"""Joins marks and accessories to the persons who wear them, by geometry, and keeps each person's value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pricing.ledger.evidence import weight
from pricing.ledger.votes import Vote, Withdrawal
from pricing.slots import SLOTS, ancestors, slot_of, zone_slot
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.background_marks import BackgroundFilter, MarkVerdict
from probes.people.body import body_height, in_core, is_nearer
from probes.people.carrying import CLEAR_LEAD, carried_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pricing.ledger.ledger import Ledger
    from pricing.value import PersonValue
    from probes.answers import LookAnswer, Mark, Worn

MS = 1_000_000
ACCESSORY_MS = 200
CARRIED_MS = 2000
"""How long a thing is taken to hang where it was last seen on a person."""
MAX_CARRIED = 8
SIGHT = "sight"
"""The route of votes for what was seen to be worn, brand or none."""
STAFF = "staff"
"""Where votes for the marks of staff go, instead of a slot."""
BADGE_SLOTS = frozenset(SLOTS) - {"bag", "umbrella"}
"""Where such a mark makes its wearer staff: customers carry the shop's bags."""


def slot_of_mark(mark: Mark, track: TrackId, frame: Frame) -> tuple[str, str | None] | None:
    """Return slot and type (None where only the body zone tells) of a mark on a person.

    The garment seen under the mark decides; a detected accessory there may be a false positive.
    None where it may be another's: off the body, on a thing that another or nobody clearly carries, on
    somebody in front, or where two persons overlap and it is not clearly nearer to this one's middle.
    """
    x, y = mark.box.centre
    things = [(thing, owner) for thing, owner in carried_items(frame) if thing.box.contains(x, y)]
    if things:
        thing, owner = min(things, key=lambda pair: pair[0].box.area)
        if mark.on is None or slot_of(mark.on) == slot_of(thing.label):
            return (slot_of(thing.label), thing.label) if owner and owner.track == track else None
    return slot_on_body(mark, track, frame)


def slot_on_body(mark: Mark, track: TrackId, frame: Frame) -> tuple[str, str | None] | None:
    """Return slot and type of what is worn where a mark is; None where that is not for sure on the body."""
    x, y = mark.box.centre
    persons = [p for p in frame.of(Kind.PERSON) if p.box.contains(x, y) and p.box.w > 0 and p.box.h > 0]
    me = next((p for p in persons if p.track == track), None)
    tall = frame.size[1]
    if me is None or not in_core(me.box, x, y, tall):
        return None
    others = [p for p in persons if p is not me]
    if any(is_nearer(p.box, me.box, tall) and in_core(p.box, x, y, tall) for p in others):
        return None

    def offset(person: Detection) -> float:
        return abs(x - person.box.centre[0]) / person.box.w

    if any(offset(other) - offset(me) < CLEAR_LEAD for other in others):
        return None
    if mark.on is not None:
        return slot_of(mark.on), mark.on
    return zone_slot((y - me.box.y) / body_height(me.box, tall)), None


def _allows(mark: Mark, slot: str) -> bool:
    """Return whether a mark's brand may count in a slot."""
    return bool(slot) and (mark.slots is None or slot in mark.slots)


def is_beside_all(mark: Mark, frame: Frame) -> bool:
    """Return whether a mark is on no body and on no thing that may be carried."""
    x, y = mark.box.centre
    if any(thing.box.contains(x, y) for thing, _ in carried_items(frame)):
        return False
    return not any(in_core(person.box, x, y, frame.size[1]) for person in frame.of(Kind.PERSON))


class PriceProbe:
    """Turns frames and look answers into the values of persons. Tracks not yet confirmed leave no trace."""

    def __init__(self, ledger: Ledger, *, accessory_ms: int = ACCESSORY_MS) -> None:
        self._ledger = ledger
        self._votes = VoteBuilder(accessory_ms)

    def update(self, frame: Frame, answers: Iterable[LookAnswer] = ()) -> dict[TrackId, PersonValue]:
        """Take a frame and the answers that have come, of whichever cameras; value the frame's persons."""
        for track, votes in self._votes.of(frame, answers):
            self._ledger.observe(track, votes)
        for track, withdrawal in self._votes.withdrawn():
            self._ledger.withdraw(track, withdrawal)
        tracks = (person.track for person in frame.of(Kind.PERSON))
        return {track: self._ledger.value(track) for track in tracks if track is not None}

    def end(self, track: TrackId) -> PersonValue:
        """Return the person's last value and forget the track; answers still on their way are ignored."""
        self._votes.forget(track)
        return self._ledger.end(track)


@dataclass(frozen=True, slots=True)
class _Carried:
    """A carried thing: when, what, and where in shares of the person's box (left, top, right, bottom)."""

    at: int
    label: str
    place: tuple[float, float, float, float]


class VoteBuilder:
    """Makes votes from frames and look answers.

    The detector's accessories vote once per `accessory_ms` of frame time, person and slot, so that the frame
    rate does not decide what is confirmed; a look votes once per slot, brand and route, however often it read
    it, and once per slot for the type and colour that it saw to be worn. A mark where the person carried
    something lately is a mark on that, though the detector missed it now: else a bag's brand would be found a
    second time on the clothes behind it. What turns out to be scenery does not vote, and what it voted is
    withdrawn.

    staff: brands whose marks make the wearer staff; they vote for that alone, in the slot STAFF.
    """

    def __init__(self, accessory_ms: int = ACCESSORY_MS, staff: Iterable[str] = ()) -> None:
        self._every = accessory_ms * MS
        self._staff = frozenset(staff)
        self._carried: dict[TrackId, list[_Carried]] = {}
        self._types: dict[TrackId, dict[str, dict[str, float]]] = {}
        self._scenery: dict[str, BackgroundFilter] = {}
        self._withdrawn: list[tuple[TrackId, Withdrawal]] = []

    def of(self, frame: Frame, answers: Iterable[LookAnswer] = ()) -> Iterator[tuple[TrackId, list[Vote]]]:
        """Yield the votes of a frame's accessories and of look answers, each with its track."""
        at = frame.captured_at
        for thing, owner in sorted(carried_items(frame), key=lambda pair: -pair[0].confidence):
            if owner is not None and owner.track is not None:
                self._remember(owner.track, thing, owner.box, at)
                slot = slot_of(thing.label)
                name = f"seen {slot} {at // self._every}"
                yield owner.track, [Vote(name, slot, thing.label, None, thing.confidence, at)]
        for answer in answers:
            yield answer.track, self._heard(answer)

    def withdrawn(self) -> list[tuple[TrackId, Withdrawal]]:
        """Return, once, earlier votes that turned out to be another's or the shop's."""
        found, self._withdrawn = self._withdrawn, []
        return found

    def forget(self, track: TrackId) -> None:
        """Forget a track."""
        self._carried.pop(track, None)
        self._types.pop(track, None)
        if scenery := self._scenery.get(track.camera):
            scenery.forget(track)

    def _heard(self, answer: LookAnswer) -> list[Vote]:
        """Return the votes of a look: none where it saw no skin or hair."""
        person = next((p for p in answer.frame.of(Kind.PERSON) if p.track == answer.track), None)
        if person is None or person.box.area <= 0 or not answer.bare:
            return []
        votes: dict[str, Vote] = {}
        for seen in answer.worn:
            slot = slot_of(seen.type)
            type_ = self._finest(answer.track, slot, seen)
            name = f"look {answer.at} {slot} seen"
            votes[name] = Vote(
                name,
                slot,
                type_,
                None,
                seen.confidence,
                answer.at,
                route=SIGHT,
                look=f"{answer.at}",
                colour=seen.colour,
            )
        for mark in sorted(answer.marks, key=lambda mark: -mark.confidence):
            vote = self._vote(mark, answer, person.box)
            if vote is not None:
                votes.setdefault(vote.id, vote)
        return list(votes.values())

    def _vote(self, mark: Mark, answer: LookAnswer, body: Box) -> Vote | None:
        """Return the vote of a mark; None for scenery, an impossible place, or a mark that is too small."""
        if not weight(mark.route.value, 1.0, mark.size):
            return None
        found = slot_of_mark(mark, answer.track, answer.frame)
        if found is None:
            if is_beside_all(mark, answer.frame):
                self._see(mark, answer, body, None)
            return None
        slot, type_ = (self._on_carried(mark, answer, body) if found[1] is None else None) or found
        if not _allows(mark, slot) and type_ is not None:
            # Nike sells no ties: the tie is a misdetection, or hangs before the shirt that the mark is on.
            slot, type_ = slot_on_body(replace(mark, on=None), answer.track, answer.frame) or ("", None)
        if type_ is not None and mark.on == type_:
            type_ = self._told(answer.track, slot, type_)
        if not _allows(mark, slot):
            return None
        if mark.brand in self._staff:
            if slot not in BADGE_SLOTS:
                return None
            slot, type_ = STAFF, None
        if self._see(mark, answer, body, slot) is not MarkVerdict.WORN:
            return None
        name = f"look {answer.at} {slot} {mark.brand} {mark.route.value}"
        return Vote(
            name,
            slot,
            type_,
            mark.brand,
            mark.confidence,
            answer.at,
            route=mark.route.value,
            look=f"{answer.at}",
            size=mark.size,
        )

    def _finest(self, track: TrackId, slot: str, seen: Worn) -> str:
        """Count a type that was seen; return the most specific type that the looks so far support."""
        known = self._types.setdefault(track, {}).setdefault(slot, {})
        known[seen.type] = known.get(seen.type, 0.0) + seen.confidence
        return self._told(track, slot, seen.type)

    def _told(self, track: TrackId, slot: str, type_: str) -> str:
        """Return the likeliest type in a slot that refines this one, as backpack refines bag."""
        known = self._types.get(track, {}).get(slot, {})
        finer = [one for one in known if one != type_ and type_ in ancestors(one)]
        if finer:
            return max(finer, key=lambda one: (known[one], one))
        labels = [thing.label for thing in self._carried.get(track, []) if slot_of(thing.label) == slot]
        return next((one for one in reversed(labels) if type_ in ancestors(one)), type_)

    def _see(self, mark: Mark, answer: LookAnswer, body: Box, slot: str | None) -> MarkVerdict:
        """Ask the camera's background filter, and queue the votes to withdraw."""
        scenery = self._scenery.setdefault(answer.track.camera, BackgroundFilter())
        verdict, slots = scenery.see(answer.track, mark, body, answer.at, slot)
        self._withdrawn += [(answer.track, Withdrawal(one, mark.brand, answer.at)) for one in slots]
        return verdict

    def _remember(self, track: TrackId, thing: Detection, person: Box, at: int) -> None:
        if person.w <= 0 or person.h <= 0:
            return
        left, top = (thing.box.x - person.x) / person.w, (thing.box.y - person.y) / person.h
        place_ = (left, top, left + thing.box.w / person.w, top + thing.box.h / person.h)
        kept = [c for c in self._carried.get(track, ()) if abs(at - c.at) <= CARRIED_MS * MS]
        self._carried[track] = [*kept[-MAX_CARRIED:], _Carried(at, thing.label, place_)]

    def _on_carried(self, mark: Mark, answer: LookAnswer, body: Box) -> tuple[str, str] | None:
        """Return slot and type of what was carried, lately, where a mark is."""
        x = (mark.box.centre[0] - body.x) / body.w
        y = (mark.box.centre[1] - body.y) / body.h
        for thing in reversed(self._carried.get(answer.track, [])):
            left, top, right, bottom = thing.place
            if abs(answer.at - thing.at) <= CARRIED_MS * MS and left <= x <= right and top <= y <= bottom:
                return slot_of(thing.label), thing.label
        return None
