"""Who carries which thing: accessories joined to persons by geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.slots import TYPES
from probes.frame import Box, Detection, Frame, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

REACH = 0.25
"""How far beside a person's box a bag still hangs from a hand or stands at the feet, in widths of the box."""
CARRIED_SHARE = 0.5
"""Share of a thing, box and reach averaged, that must lie on its carrier."""
CLEAR_LEAD = 0.25
"""By how much one person must fit better than the next: nearer ties go to nobody."""


def reach(person: Box) -> Box:
    """Return where a person's things hang or stand: the box widened to both sides by a quarter."""
    return Box(person.x - REACH * person.w, person.y, (1 + 2 * REACH) * person.w, person.h * 1.05)


def carrier(accessory: Box, persons: Sequence[Detection]) -> Detection | None:
    """Return the person who carries it, or None where nobody clearly does.

    >>> from probes.frame import Box, Detection, Kind
    >>> near, far = (Detection(Kind.PERSON, "person", 0.9, Box(x, 50, 80, 240)) for x in (100, 400))
    >>> carrier(Box(150, 150, 40, 60), [near, far]) is near
    True
    """
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


def carried_items(frame: Frame) -> list[tuple[Detection, Detection | None]]:
    """Return each accessory of the frame whose type is known, with its carrier.

    Persons not yet confirmed compete for it too, so that their things go to nobody else.
    """
    persons = frame.of(Kind.PERSON)
    accessories = (a for a in frame.of(Kind.ACCESSORY) if a.label in TYPES)
    return [(accessory, carrier(accessory.box, persons)) for accessory in accessories]
