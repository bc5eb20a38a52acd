"""One look: the crop of one person, cut from a frame with all that the person carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.carrying import carried_items
from probes.recognition.clothes import clothes_of

if TYPE_CHECKING:
    from engines.image import I420
    from probes.recognition.clothes import Clothes


@dataclass(frozen=True, slots=True)
class Look:
    """A crop of one person; left and top are its place in the frame, px.

    fine: worth a slower look for small words: nobody waits, or it is the best look at this person so far.
    patient: one of few on a picture that is seen once: worth seconds, where the recogniser has patience.
    stretch: as of LookAnswer. clothes: whether it is asked what is worn where the look sees no mark. quick:
    words would hardly be new, so less time is spent where nothing is like text.
    """

    track: TrackId
    frame: Frame
    left: int
    top: int
    crop: I420
    fine: bool = False
    patient: bool = False
    stretch: float = 1.0
    clothes: bool = True
    quick: bool = False


def crop_person(
    frame: Frame,
    person: Detection,
    pixels: I420,
    *,
    fine: bool = False,
    patient: bool = False,
    stretch: float = 1.0,
) -> Look | None:
    """Copy the crop of a person with all that the person carries."""
    if person.track is None:
        return None
    box = extent(frame, person)
    left, top = max(0, int(box.x)) // 2 * 2, max(0, int(box.y)) // 2 * 2
    if left >= min(box.right, pixels.width) or top >= min(box.bottom, pixels.height):
        return None
    crop = pixels.crop(left, top, box.right - left, box.bottom - top)
    return Look(person.track, frame, left, top, crop, fine, patient, stretch)


def clothes_worn(look: Look) -> Clothes | None:
    """Return what the clothes of who was looked at look like; None where too little of them shows."""
    person = next((p for p in look.frame.of(Kind.PERSON) if p.track == look.track), None)
    if person is None:
        return None
    box = person.box
    return clothes_of(look.crop, Box(box.x - look.left, box.y - look.top, box.w, box.h))


def extent(frame: Frame, person: Detection) -> Box:
    """Return the rectangle of a person with all that the person carries."""
    boxes = [person.box, *(thing.box for thing, owner in carried_items(frame) if owner is person)]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)
