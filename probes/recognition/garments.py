"""What a person wears: the garments and bags of a look, and which mark is on which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engines.garments.colours import middle_colour
from pricing.slots import slot_of
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box
from probes.people.carrying import carried_items
from probes.recognition.pattern_wearer import DetectedThing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.garments.outfit import Garment, Outfit
    from probes.recognition.look import Look


BAG, TIE = "bag", "tie"
"""The slots of bags, the one accessory that detector and garment parser both know, and of ties."""


def dressed_answer(look: Look, marks: Sequence[Mark], outfit: Outfit, bag: Garment | None) -> LookAnswer:
    """Return the answer of a look with garments: each mark with the garment that it is on.

    A mark is on what was seen to be worn, or on a bag: that may be doubtful and still hold the mark. Where
    the parser is less sure, as of a belt, the mark's place on the body tells.
    bag: what counts as one of what the parser took for a bag.
    """
    seen_slots = {BAG, *(slot_of(seen.type) for seen in outfit.garments)}
    placed = []
    for mark in marks:
        on = outfit.at(box_in_crop(mark.box, look))
        placed.append(replace(mark, on=on if on and slot_of(on) in seen_slots else None))
    worn = []
    for seen in outfit.garments:
        if slot_of(seen.type) == BAG and seen is not bag:
            continue
        x1, y1, x2, y2 = seen.box
        box = Box(look.left + x1, look.top + y1, x2 - x1, y2 - y1)
        worn.append(Worn(seen.type, seen.confidence, box, seen.colour))
    if bag is None:
        worn += _supported_bag(look, outfit)
    tie = _is_tie(look, outfit)
    return LookAnswer(look.track, look.frame, tuple(placed), tuple(worn), outfit.is_person, tie=tie)


def _is_tie(look: Look, outfit: Outfit) -> bool | None:
    """Return whether any tie that the detector saw on this person may be one; None where it saw none."""
    ties = [
        box_in_crop(thing.box, look)
        for thing, owner in carried_items(look.frame)
        if slot_of(thing.label) == TIE and owner is not None and owner.track == look.track
    ]
    return any(outfit.supports_tie(box) for box in ties) if ties else None


def _supported_bag(look: Look, outfit: Outfit) -> list[Worn]:
    """Return the surest bag that the detector saw on this person and the parser does not deny."""
    things = [
        thing
        for thing, owner in carried_items(look.frame)
        if slot_of(thing.label) == BAG
        and owner is not None
        and owner.track == look.track
        and outfit.supports_bag(box_in_crop(thing.box, look))
    ]
    return [
        Worn(thing.label, thing.confidence, thing.box, middle_colour(look.crop, box_in_crop(thing.box, look)))
        for thing in sorted(things, key=lambda thing: -thing.confidence)[:1]
    ]


def things_near(look: Look) -> list[DetectedThing]:
    """Return the accessories of the frame, in px of the crop."""
    return [
        DetectedThing(
            thing.label, box_in_crop(thing.box, look), owner is not None and owner.track == look.track
        )
        for thing, owner in carried_items(look.frame)
    ]


def box_in_crop(box: Box, look: Look) -> tuple[float, float, float, float]:
    """Return a box of the frame as left, top, right, bottom in px of the crop."""
    x, y = box.x - look.left, box.y - look.top
    return x, y, x + box.w, y + box.h
