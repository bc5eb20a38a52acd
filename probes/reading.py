"""One look: a person's crop is cut from a frame, read, and its brands placed back in the frame."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from pricing.brands import BrandMatcher, Reading
from probes.answers import LookAnswer, Mark
from probes.frame import Box, Detection, Frame, TrackId
from probes.price import carried

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engines.image import I420
    from engines.words import Word

NEAR = 1.2


class Reader(Protocol):
    """What reads words, such as engines.ocr.WordReader; used by one thread at a time."""

    def read(self, picture: I420) -> list[Word]:
        """Return the words with their boxes in pixels of the picture."""


@dataclass(frozen=True, slots=True)
class Look:
    """A crop of one person; left and top are its place in the frame, px."""

    track: TrackId
    frame: Frame
    left: int
    top: int
    crop: I420


def matcher_of(names: Mapping[str, str]) -> BrandMatcher:
    """Return the matcher of brands, normal form -> name."""
    return BrandMatcher({brand: (name,) for brand, name in names.items()})


def cut(frame: Frame, person: Detection, pixels: I420) -> Look | None:
    """Copy the person with all that the person carries out of the frame."""
    if person.track is None:
        return None
    box = extent(frame, person)
    left, top = max(0, int(box.x)) // 2 * 2, max(0, int(box.y)) // 2 * 2
    if left >= min(box.right, pixels.width) or top >= min(box.bottom, pixels.height):
        return None
    return Look(person.track, frame, left, top, pixels.crop(left, top, box.right - left, box.bottom - top))


def extent(frame: Frame, person: Detection) -> Box:
    """Return the rectangle of a person with all that the person carries."""
    boxes = [person.box, *(thing.box for thing, owner in carried(frame) if owner is person)]
    left, top = min(box.x for box in boxes), min(box.y for box in boxes)
    return Box(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


def _near(first: Word, second: Word) -> bool:
    """Tell whether two words may be parts of one mark: side by side or one above the other."""
    (a, b, c, d), (e, f, g, h) = first.box, second.box
    reach = NEAR * max(d - b, h - f)
    return max(a, e) - min(c, g) <= reach and max(b, f) - min(d, h) <= reach


def read_marks(look: Look, reader: Reader, matcher: BrandMatcher) -> LookAnswer:
    """Read one crop and return the brands on it, placed in the frame."""
    words = reader.read(look.crop)
    marks = []
    for found in matcher.find([Reading(word.text, word.confidence) for word in words]):
        parts = words[found.first : found.last + 1]
        if not all(_near(one, next_one) for one, next_one in pairwise(parts)):
            continue
        left, top = min(word.box[0] for word in parts), min(word.box[1] for word in parts)
        right, bottom = max(word.box[2] for word in parts), max(word.box[3] for word in parts)
        box = Box(look.left + left, look.top + top, right - left, bottom - top)
        marks.append(Mark(found.brand, min(1.0, max(0.0, found.confidence)), box))
    return LookAnswer(look.track, look.frame, tuple(marks))
