"""Places in a picture that was turned, as places of the picture as it is."""

from __future__ import annotations

from probes.frame import Box
from probes.redaction.heads import Mask, WayMask


def mask_turned_back(mask: Mask, turn: int, size: tuple[int, int]) -> Mask:
    """Return a mask of a picture that was turned clockwise as one of the picture as it is, of that size."""
    box = turned_back(mask.box, turn, size)
    if not isinstance(mask, WayMask):
        return Mask(box, mask.by)
    first, last = (turned_back(place, turn, size) for place in mask.way)
    return WayMask(box, mask.by, (first, last))


def turned_back(box: Box, turn: int, size: tuple[int, int]) -> Box:
    """Return a box of a picture that was turned clockwise as one of the picture as it is, of that size.

    >>> turned_back(Box(0, 0, 10, 20), 90, (640, 360))
    Box(x=0, y=350, w=20, h=10)
    """
    width, height = size
    x, y, w, h = box
    if turn == 90:
        return Box(y, height - x - w, h, w)
    if turn == 270:
        return Box(width - y - h, x, h, w)
    return Box(width - x - w, height - y - h, w, h) if turn == 180 else box
