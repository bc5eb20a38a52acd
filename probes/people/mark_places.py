"""Whose a mark in a frame is and what it is on, by geometry: carried things, bodies, who is nearer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.slots import slot_of, zone_slot
from probes.frame import Kind
from probes.people.body import body_height, in_core, is_nearer
from probes.people.carrying import CLEAR_LEAD, carried_items

if TYPE_CHECKING:
    from probes.answers import Mark
    from probes.frame import Detection, Frame, TrackId


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


def is_above_face(mark: Mark, track: TrackId, frame: Frame) -> bool:
    """Return whether a mark is above the person's own face: on nothing that is worn below it.

    The own face is the highest one in the person's box; whose face is not seen may have it anywhere.
    """
    me = next((person.box for person in frame.of(Kind.PERSON) if person.track == track), None)
    faces = [face.box for face in frame.of(Kind.FACE) if me is not None and me.contains(*face.box.centre)]
    return bool(faces) and mark.box.bottom <= min(face.centre[1] for face in faces)


def is_beside_all(mark: Mark, frame: Frame) -> bool:
    """Return whether a mark is on no body and on no thing that may be carried."""
    x, y = mark.box.centre
    if any(thing.box.contains(x, y) for thing, _ in carried_items(frame)):
        return False
    return not any(in_core(person.box, x, y, frame.size[1]) for person in frame.of(Kind.PERSON))
