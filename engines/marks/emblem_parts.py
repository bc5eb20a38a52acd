"""Emblems on a picture that nobody waits for: as a whole, in enlarged parts, and smaller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.marks.emblems import LONGEST_PATIENT, UPSCALE, find_emblems, once_each

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engines.marks.emblems import Bgr
    from engines.marks.types import Emblem, Sighting

    Box = tuple[float, float, float, float]

PART = round(LONGEST_PATIENT / UPSCALE)
"""Side of a part, px: as much as is searched at full enlargement, with all the keypoints to itself."""
OVERLAP = 0.3
"""Share of a part that the next one shows again: an emblem of this size is whole in one of them."""
MAX_PARTS = 60
SMALLER = 0.65
"""Share of its size at which a picture is searched once more.

What is enrolled is drawn up to 78 px high: a mark that is larger in its part than twice that has other
keypoints, and in the whole picture, shrunk, often too few.
"""


def find_emblems_patiently(bgr: Bgr, emblems: Sequence[Emblem]) -> list[Sighting]:
    """Return where the emblems stand on a (height, width, 3) uint8 BGR crop of any size, each at most once.

    A large crop is shrunk by `find_emblems`, and its few hundred keypoints are spread over all of it: a badge
    gets a handful. Here parts of it get as many each. Takes about 0.15 s of one core a part.
    """
    smaller = cv2.resize(bgr, None, fx=SMALLER, fy=SMALLER, interpolation=cv2.INTER_AREA)
    again = [
        replace(seen, box=_enlarged(seen.box)) for seen in _in_parts(np.asarray(smaller, np.uint8), emblems)
    ]
    return once_each([*_in_parts(bgr, emblems), *again])


def _in_parts(bgr: Bgr, emblems: Sequence[Emblem]) -> list[Sighting]:
    found = find_emblems(bgr, emblems, LONGEST_PATIENT)
    for left, top, part in parts_of(bgr):
        for seen in find_emblems(part, emblems, LONGEST_PATIENT):
            x1, y1, x2, y2 = seen.box
            found.append(replace(seen, box=(x1 + left, y1 + top, x2 + left, y2 + top)))
    return found


def _enlarged(box: Box) -> Box:
    x1, y1, x2, y2 = (side / SMALLER for side in box)
    return x1, y1, x2, y2


def parts_of(bgr: Bgr) -> Iterator[tuple[int, int, Bgr]]:
    """Yield left, top and pixels of the parts of a picture; none where it is hardly larger than one.

    Parts of a very large picture are larger, so that there are at most MAX_PARTS.
    """
    height, width = bgr.shape[:2]
    side = PART
    while len(_starts(width, side)) * len(_starts(height, side)) > MAX_PARTS:
        side += PART // 4
    across, down = _starts(width, side), _starts(height, side)
    if len(across) * len(down) == 1:
        return
    for top in down:
        for left in across:
            yield left, top, np.ascontiguousarray(bgr[top : top + side, left : left + side])


def _starts(length: int, side: int) -> list[int]:
    if length <= 1.15 * side:
        return [0]
    count = 1 + -int(-(length - side) // (side * (1 - OVERLAP)))
    return [round(n * (length - side) / (count - 1)) for n in range(count)]
