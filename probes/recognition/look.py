"""One look: the crop of one person, cut from a frame with all that the person carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.frame import Box, Detection, Frame, TrackId
from probes.people.carrying import carried_items

if TYPE_CHECKING:
    from engines.image import I420


@dataclass(frozen=True, slots=True)
class Look:
    """A crop of one person; left and top are its place in the frame, px.

    fine: worth a slower look for small words: nobody waits, or it is the best look at this person so far.
    patient: one of few on a picture that is seen once: worth seconds, where the recogniser has patience.
    stretch: as of LookAnswer. clothes: whether it is asked what is worn where the look sees no mark.
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


def extent(frame: Frame, person: Detection) -> Box:
    """Return the rectangle of a person with all that the person carries."""
    boxes = [person.box, *(thing.box for thing, owner in carried_items(frame) if owner is person)]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)
