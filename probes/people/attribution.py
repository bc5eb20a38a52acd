"""Joins marks and accessories to the persons who wear them, by geometry: the votes on what each wears."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot
from typing import TYPE_CHECKING

from engines.boxes import area, intersection
from engines.marks.types import Route
from pricing.ledger.evidence import weight
from pricing.ledger.votes import Vote, Withdrawal
from pricing.slots import PARENT, SLOTS, ancestors, slot_of
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.background_marks import BackgroundFilter, MarkVerdict
from probes.people.body import moved
from probes.people.carrying import carried_items
from probes.people.id_switches import exchange
from probes.people.mark_places import is_above_face, is_beside_all, slot_of_mark, slot_on_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from probes.answers import LookAnswer, Mark, Worn

MS = 1_000_000
ACCESSORY_MS = 200
"""A detected accessory votes at most once in so long, whatever the frame rate."""
INSIDE = 0.7
"""Share of a pattern's place from which it may be on what is carried there, and not on the garment."""
CARRIED_MS = 2000
"""How long a thing is taken to hang where it was last seen on a person."""
WORN_MS = 6000
"""The same of a garment: looks pause for seconds."""
MAX_CARRIED = 8
"""Sightings of carried things kept per person."""
AGREED = 0.35
"""Share of what looks say of a slot that must be for a type, or a finer one, for it to be reported."""
AHEAD = 0.6
"""Share of that which is for the types beside it, and for it."""
FADING = 0.9
"""What a look still counts at the next one."""
MOVED = 0.4
"""By how much of its width a body has moved when it is no garment on a hanger and no figure."""
BARE_LOOKS = 1 / 3
"""Share of the looks at a person who stands still that show skin or hair."""
AGREEING = 1 / 3
"""Share of the looks at a person that must see a bag, or of those at a tie agree that it is one, for what the
detector sees to count."""
SIGHT = "sight"
"""The route of votes for what was seen to be worn, brand or none."""
STAFF = "staff"
"""Where votes for the marks of staff go, instead of a slot."""
BAG, TIE, HAT = "bag", "tie", "hat"
BADGE_SLOTS = frozenset(SLOTS) - {BAG, "umbrella"}
"""Where such a mark makes its wearer staff: customers carry the shop's bags."""


def _agreed(support: Mapping[str, float], slot: str) -> str:
    """Return the most specific type that looks agree on; support: for each type, finer ones included."""
    type_ = slot
    while rivals := {one: weight for one, weight in support.items() if PARENT.get(one) == type_}:
        best = max(rivals, key=lambda one: (rivals[one], one))
        if rivals[best] < AGREED * support[slot] or rivals[best] < AHEAD * sum(rivals.values()):
            break
        type_ = best
    return type_


def _allows(mark: Mark, slot: str) -> bool:
    """Return whether a mark's brand may count in a slot."""
    return bool(slot) and (mark.slots is None or slot in mark.slots)


@dataclass(frozen=True, slots=True)
class _Carried:
    """A thing carried or worn: when, what, where in shares of the person's box (left, top, right, bottom)."""

    at: int
    label: str
    place: tuple[float, float, float, float]

    def covers(self, x: float, y: float) -> bool:
        """Return whether a point, in the same shares, is in its place."""
        left, top, right, bottom = self.place
        return left <= x <= right and top <= y <= bottom

    def area(self) -> float:
        """Return its share of the person's box."""
        left, top, right, bottom = self.place
        return (right - left) * (bottom - top)


@dataclass(slots=True)
class _Body:
    """What tells a person from a garment on a hanger: skin or hair in looks, or that it moves.

    A person's back may show no skin at all. judged, agreed: looks at what the detector took for a tie.
    """

    first: Box
    looks: int = 0
    bare: int = 0
    bags: int = 0
    judged: int = 0
    agreed: int = 0
    moves: bool = False

    def see(self, box: Box, answer: LookAnswer) -> None:
        """Take an answer; one without garments, as where the GPU finds marks, tells nothing of skin."""
        if answer.worn or not answer.bare:
            self.looks, self.bare = self.looks + 1, self.bare + answer.bare
            self.bags += any(slot_of(seen.type) == BAG for seen in answer.worn)
        if answer.tie is not None:
            self.judged, self.agreed = self.judged + 1, self.agreed + answer.tie
        self.moves = self.moves or hypot(*moved(self.first, box)) >= MOVED * box.w

    @property
    def is_figure(self) -> bool:
        return not self.moves and self.bare < BARE_LOOKS * self.looks

    def denied(self) -> set[str]:
        """Return slots whose things are none, though the detector sees them, as far as there were looks.

        A helmet or a sleeve is often taken for a bag, the shirt in an open coat for a tie.
        """
        counts = {BAG: (self.bags, self.looks), TIE: (self.agreed, self.judged)}
        return {slot for slot, (seen, looks) in counts.items() if looks and seen < AGREEING * looks}


class VoteBuilder:
    """Makes votes from frames and look answers.

    The detector's accessories vote once per ACCESSORY_MS of frame time, person and slot, so that the frame
    rate does not decide what is confirmed; a look votes once per slot, brand and route, however often it read
    it, and once per slot for the type and colour that it saw to be worn. A mark where the person carried
    something lately is a mark on that, though the detector missed it now: else a bag's brand would be found a
    second time on the clothes behind it. What turns out to be scenery does not vote, and what it voted is
    withdrawn. Looks at one garment differ in how finely they tell it: each votes for the finest type that all
    so far agree on, so that one guess among many does not name it. A bag that only the detector sees counts
    until looks at the person see none there, and no longer.

    staff: brands whose marks make the wearer staff; they vote for that alone, in the slot STAFF.
    """

    def __init__(self, staff: Iterable[str] = ()) -> None:
        self._staff = frozenset(staff)
        self._carried: dict[TrackId, list[_Carried]] = {}
        self._worn: dict[TrackId, dict[str, _Carried]] = {}
        self._types: dict[TrackId, dict[str, dict[str, float]]] = {}
        self._bodies: dict[TrackId, _Body] = {}
        self._on_clothes: dict[TrackId, set[str]] = {}
        self._cameras: frozenset[str] | None = None
        self._scenery: dict[str, BackgroundFilter] = {}
        self._withdrawn: list[tuple[TrackId, Withdrawal]] = []

    def reconfigure(self, staff: Iterable[str], cameras: Iterable[str]) -> None:
        """Replace the brands that mark a person as staff, and the cameras whose scenery is learnt."""
        self._staff, self._cameras = frozenset(staff), frozenset(cameras)

    def forget_camera(self, camera: str) -> None:
        """Forget the scenery of a camera."""
        self._scenery.pop(camera, None)

    def of(self, frame: Frame, answers: Iterable[LookAnswer] = ()) -> Iterator[tuple[TrackId, list[Vote]]]:
        """Yield the votes of a frame's accessories and of look answers, each with its track."""
        at = frame.captured_at
        seen = [
            (owner.track, thing)
            for thing, owner in sorted(carried_items(frame), key=lambda pair: -pair[0].confidence)
            if owner is not None
            and owner.track is not None
            and self._remember(owner.track, thing, owner.box, at)
        ]
        looked = [(answer.track, self._votes_of_look(answer)) for answer in answers]
        for track, thing in seen:
            slot = slot_of(thing.label)
            if self._denies(track, slot):
                continue
            name = f"seen {slot} {at // (ACCESSORY_MS * MS)}"
            yield track, [Vote(name, slot, thing.label, None, thing.confidence, at)]
        yield from looked

    def _denies(self, track: TrackId, slot: str) -> bool:
        body = self._bodies.get(track)
        return body is not None and slot in body.denied()

    def _is_bag_denied(self, mark: Mark, answer: LookAnswer) -> bool:
        """Return whether a mark is on a bag that looks do not see, and its brand was on clothes in others."""
        if any(slot_of(one.type) == BAG for one in answer.worn):
            return False
        return mark.brand in self._on_clothes.get(answer.track, ()) and self._denies(answer.track, BAG)

    def is_figure(self, track: TrackId) -> bool:
        """Return whether looks at a track saw hardly any skin or hair, and it never moved."""
        body = self._bodies.get(track)
        return body is not None and body.is_figure

    def withdrawn(self) -> list[tuple[TrackId, Withdrawal]]:
        """Return, once, earlier votes that turned out to be another's or the shop's."""
        found, self._withdrawn = self._withdrawn, []
        return found

    def forget(self, track: TrackId) -> None:
        """Forget a track."""
        self._carried.pop(track, None)
        self._worn.pop(track, None)
        self._types.pop(track, None)
        self._bodies.pop(track, None)
        self._on_clothes.pop(track, None)
        if scenery := self._scenery.get(track.camera):
            scenery.forget(track)

    def exchange(self, one: TrackId, other: TrackId) -> None:
        """Give each of two tracks of one camera the other's person."""
        exchange(self._carried, one, other)
        exchange(self._worn, one, other)
        exchange(self._types, one, other)
        exchange(self._bodies, one, other)
        exchange(self._on_clothes, one, other)
        if scenery := self._scenery.get(one.camera):
            scenery.exchange(one, other)

    def _votes_of_look(self, answer: LookAnswer) -> list[Vote]:
        """Return the votes of a look: none where it saw no skin or hair and the person never moved."""
        person = next((p for p in answer.frame.of(Kind.PERSON) if p.track == answer.track), None)
        if person is None or person.box.area <= 0:
            return []
        body = self._bodies.setdefault(answer.track, _Body(person.box))
        denied = body.denied()
        body.see(person.box, answer)
        for slot in sorted(body.denied() - denied):
            self._withdrawn.append((answer.track, Withdrawal(slot, None, answer.at)))
        if body.is_figure or not (answer.bare or body.moves):
            return []
        votes: dict[str, Vote] = {}
        for seen in answer.worn:
            slot = slot_of(seen.type)
            type_ = self._finest(answer.track, slot, seen)
            place = _place(seen.box, person.box)
            self._worn.setdefault(answer.track, {})[slot] = _Carried(answer.at, type_, place)
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
                stretch=answer.stretch,
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
        slot, type_ = (self._on_known(mark, answer, body) if found[1] is None else None) or found
        if not _allows(mark, slot) and type_ is not None and mark.route is not Route.PATTERN:
            # Nike sells no ties: the tie is a misdetection, or hangs before the shirt that the mark is on.
            slot, type_ = slot_on_body(replace(mark, on=None), answer.track, answer.frame) or ("", None)
        if type_ is not None and mark.on == type_:
            type_ = self._refined(answer.track, slot, type_)
        if not _allows(mark, slot) or self._is_in_doubt(mark, slot, answer, body):
            return None
        if mark.brand in self._staff:
            if slot not in BADGE_SLOTS:
                return None
            slot, type_ = STAFF, None
        if self._see(mark, answer, body, slot) is not MarkVerdict.WORN:
            return None
        if slot != BAG:
            self._on_clothes.setdefault(answer.track, set()).add(mark.brand)
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
            stretch=answer.stretch,
        )

    def _finest(self, track: TrackId, slot: str, seen: Worn) -> str:
        """Count a type that was seen; return the most specific type that the looks so far support."""
        support = self._types.setdefault(track, {}).setdefault(slot, {})
        for name in support:
            support[name] *= FADING
        for name in ancestors(seen.type):
            support[name] = support.get(name, 0.0) + seen.confidence
        return self._refined(track, slot, seen.type)

    def _refined(self, track: TrackId, slot: str, type_: str) -> str:
        """Return the most specific type in a slot that looks agree on; backpack refines bag."""
        support = self._types.get(track, {}).get(slot, {})
        type_ = _agreed(support, slot) if support else type_
        labels = [thing.label for thing in self._carried.get(track, []) if slot_of(thing.label) == slot]
        return next((one for one in reversed(labels) if type_ in ancestors(one)), type_)

    def _see(self, mark: Mark, answer: LookAnswer, body: Box, slot: str | None) -> MarkVerdict:
        """Ask the camera's background filter, and queue the votes to withdraw."""
        camera = answer.track.camera
        scenery = self._scenery.get(camera, BackgroundFilter())
        if self._cameras is None or camera in self._cameras:  # else it is gone, and its last look came late
            self._scenery[camera] = scenery
        verdict, slots = scenery.see(answer.track, mark, body, answer.at, slot)
        self._withdrawn += [(answer.track, Withdrawal(one, mark.brand, answer.at)) for one in slots]
        return verdict

    def _remember(self, track: TrackId, thing: Detection, person: Box, at: int) -> bool:
        if person.w <= 0 or person.h <= 0:
            return False
        recent = [c for c in self._carried.get(track, ()) if abs(at - c.at) <= CARRIED_MS * MS]
        self._carried[track] = [*recent[-MAX_CARRIED:], _Carried(at, thing.label, _place(thing.box, person))]
        return True

    def _is_in_doubt(self, mark: Mark, slot: str, answer: LookAnswer, body: Box) -> bool:
        """Return whether a mark is on what may not be there, or is another's place.

        The parser takes parts of bags for clothes and of clothes for bags. A pattern on a garment is in doubt
        where something was carried lately, for the detector misses a bag now and then.
        """
        if slot == BAG and self._is_bag_denied(mark, answer):
            return True
        if mark.route is not Route.PATTERN:
            return False
        place = _place(mark.box, body)
        return any(
            slot_of(thing.label) != slot
            and abs(answer.at - thing.at) <= CARRIED_MS * MS
            and intersection(place, thing.place) >= INSIDE * area(place)
            for thing in self._carried.get(answer.track, ())
        )

    def _on_known(self, mark: Mark, answer: LookAnswer, body: Box) -> tuple[str, str] | None:
        """Return slot and type of what was carried, or else worn, lately, where a mark is."""
        x = (mark.box.centre[0] - body.x) / body.w
        y = (mark.box.centre[1] - body.y) / body.h
        worn = sorted(self._worn.get(answer.track, {}).values(), key=_Carried.area)
        if is_above_face(mark, answer.track, answer.frame):  # the rectangle of a jacket may reach to the cap
            worn = [thing for thing in worn if slot_of(thing.label) == HAT]
        carried = reversed(self._carried.get(answer.track, []))
        for things, for_ms in ((carried, CARRIED_MS), (worn, WORN_MS)):
            for thing in things:
                if self._denies(answer.track, slot_of(thing.label)):
                    continue
                if abs(answer.at - thing.at) <= for_ms * MS and thing.covers(x, y):
                    return slot_of(thing.label), thing.label
        return None


def _place(box: Box, body: Box) -> tuple[float, float, float, float]:
    """Return a box in shares of a body's: left, top, right, bottom."""
    left, top = (box.x - body.x) / body.w, (box.y - body.y) / body.h
    return left, top, left + box.w / body.w, top + box.h / body.h
