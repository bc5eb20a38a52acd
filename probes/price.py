"""Joins marks and accessories to the persons who wear them, by geometry, and keeps each person's value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricing.slots import TYPES, slot_of, zone_slot
from pricing.votes import Vote
from probes.frame import Box, Detection, Frame, Kind, TrackId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pricing.ledger import Ledger
    from pricing.value import PersonValue
    from probes.answers import LookAnswer, Mark

MS = 1_000_000
ACCESSORY_MS = 200
CARRIED_MS = 2000
"""How long a thing is taken to hang where it was last seen on a person."""
MOST_CARRIED = 8
REACH = 0.25
CARRIED_SHARE = 0.5
CLEAR_LEAD = 0.25
HEIGHT_PER_WIDTH = 2.5
EDGE_SHARE = 0.98


def reach(person: Box) -> Box:
    """Return where a person's things hang or stand: the box widened to both sides by a quarter."""
    return Box(person.x - REACH * person.w, person.y, (1 + 2 * REACH) * person.w, person.h * 1.05)


def carrier(accessory: Box, persons: Sequence[Detection]) -> Detection | None:
    """Return the person who carries it, or None where nobody clearly does."""
    if not persons or accessory.area <= 0:
        return None
    shares = []
    for person in persons:
        inside = accessory.intersection(person.box) + accessory.intersection(reach(person.box))
        fits = accessory.area <= person.box.area
        shares.append(inside / (2 * accessory.area) if fits else 0.0)
    order = sorted(range(len(persons)), key=shares.__getitem__, reverse=True)
    best = order[0]
    clear = len(order) == 1 or shares[best] - shares[order[1]] >= CLEAR_LEAD
    return persons[best] if shares[best] >= CARRIED_SHARE and clear else None


def carried(frame: Frame) -> list[tuple[Detection, Detection | None]]:
    """Return each accessory of the frame whose type is known, with its carrier.

    Persons not yet confirmed compete for it too, so that their things go to nobody else.
    """
    persons = frame.of(Kind.PERSON)
    known = (a for a in frame.of(Kind.ACCESSORY) if a.label in TYPES)
    return [(accessory, carrier(accessory.box, persons)) for accessory in known]


def body_height(person: Box, frame_height: int) -> float:
    """Return the height in px of the whole body, of which the picture's lower edge may cut a part off."""
    cut = person.bottom >= EDGE_SHARE * frame_height
    return max(person.h, HEIGHT_PER_WIDTH * person.w) if cut else person.h


def place(mark: Mark, track: TrackId, frame: Frame) -> tuple[str, str | None] | None:
    """Return slot and type (None where only the body zone tells) of a mark on a person.

    None where it is nobody's for sure: off the person, on a thing carried by another or by nobody clear, or
    where two persons overlap and it is not clearly nearer to this one's middle.
    """
    x, y = mark.box.centre
    things = [(thing, owner) for thing, owner in carried(frame) if thing.box.contains(x, y)]
    if things:
        thing, owner = min(things, key=lambda pair: pair[0].box.area)
        if owner is None or owner.track != track:
            return None
        return slot_of(thing.label), thing.label
    persons = [p for p in frame.of(Kind.PERSON) if p.box.contains(x, y) and p.box.w > 0 and p.box.h > 0]
    me = next((p for p in persons if p.track == track), None)
    if me is None:
        return None

    def offset(person: Detection) -> float:
        return abs(x - person.box.centre[0]) / person.box.w

    if any(offset(other) - offset(me) < CLEAR_LEAD for other in persons if other is not me):
        return None
    return zone_slot((y - me.box.y) / body_height(me.box, frame.size[1])), None


class PriceProbe:
    """Turns frames and look answers into the values of persons. Tracks not yet confirmed leave no trace."""

    def __init__(self, ledger: Ledger, *, accessory_ms: int = ACCESSORY_MS) -> None:
        self._ledger = ledger
        self._votes = VoteMaker(accessory_ms)

    def update(self, frame: Frame, answers: Iterable[LookAnswer] = ()) -> dict[TrackId, PersonValue]:
        """Take a frame and the answers that have come, of whichever cameras; value the frame's persons."""
        for track, votes in self._votes.of(frame, answers):
            self._ledger.observe(track, votes)
        tracks = (person.track for person in frame.of(Kind.PERSON))
        return {track: self._ledger.value(track) for track in tracks if track is not None}

    def end(self, track: TrackId) -> PersonValue:
        """Return the person's last value and forget the track; answers still on their way are ignored."""
        self._votes.forget(track)
        return self._ledger.end(track)


@dataclass(frozen=True, slots=True)
class _Carried:
    """A thing on a person: when, what, and where in shares of the person's box (left, top, right, bottom)."""

    at: int
    label: str
    place: tuple[float, float, float, float]


class VoteMaker:
    """Makes votes of frames and look answers.

    The detector's accessories vote once per `accessory_ms` of frame time, person and slot, so that the frame
    rate does not decide what is confirmed; a look votes once per slot and brand, however often it read it.
    A mark where the person carried something lately is a mark on that, though the detector missed it now:
    else a bag's brand would be found a second time on the clothes behind it.
    """

    def __init__(self, accessory_ms: int = ACCESSORY_MS) -> None:
        self._every = accessory_ms * MS
        self._carried: dict[TrackId, list[_Carried]] = {}

    def of(self, frame: Frame, answers: Iterable[LookAnswer] = ()) -> Iterator[tuple[TrackId, list[Vote]]]:
        """Yield the votes of a frame's accessories and of look answers, each with its track."""
        at = frame.captured_at
        for thing, owner in sorted(carried(frame), key=lambda pair: -pair[0].confidence):
            if owner is not None and owner.track is not None:
                self._remember(owner.track, thing, owner.box, at)
                slot = slot_of(thing.label)
                name = f"seen {slot} {at // self._every}"
                yield owner.track, [Vote(name, slot, thing.label, None, thing.confidence, at)]
        for answer in answers:
            yield answer.track, self._marks(answer)

    def forget(self, track: TrackId) -> None:
        """Drop what is known of a track."""
        self._carried.pop(track, None)

    def _marks(self, answer: LookAnswer) -> list[Vote]:
        votes: dict[str, Vote] = {}
        for mark in sorted(answer.marks, key=lambda mark: -mark.confidence):
            found = place(mark, answer.track, answer.frame)
            if found is not None:
                slot, type_ = (self._on_carried(mark, answer) if found[1] is None else None) or found
                name = f"look {answer.at} {slot} {mark.brand}"
                votes.setdefault(name, Vote(name, slot, type_, mark.brand, mark.confidence, answer.at))
        return list(votes.values())

    def _remember(self, track: TrackId, thing: Detection, person: Box, at: int) -> None:
        if person.w <= 0 or person.h <= 0:
            return
        left, top = (thing.box.x - person.x) / person.w, (thing.box.y - person.y) / person.h
        place_ = (left, top, left + thing.box.w / person.w, top + thing.box.h / person.h)
        kept = [c for c in self._carried.get(track, ()) if abs(at - c.at) <= CARRIED_MS * MS]
        self._carried[track] = [*kept[-MOST_CARRIED:], _Carried(at, thing.label, place_)]

    def _on_carried(self, mark: Mark, answer: LookAnswer) -> tuple[str, str] | None:
        """Return slot and type of what was carried, lately, where a mark is."""
        person = next((p for p in answer.frame.of(Kind.PERSON) if p.track == answer.track), None)
        if person is None:
            return None
        x = (mark.box.centre[0] - person.box.x) / person.box.w
        y = (mark.box.centre[1] - person.box.y) / person.box.h
        for thing in reversed(self._carried.get(answer.track, [])):
            left, top, right, bottom = thing.place
            if abs(answer.at - thing.at) <= CARRIED_MS * MS and left <= x <= right and top <= y <= bottom:
                return slot_of(thing.label), thing.label
        return None
