"""Boxes of a frame in whole pixels of the surface that nvstreammux made of it."""

from __future__ import annotations

from math import ceil, floor, isfinite
from typing import TYPE_CHECKING

from probes.nvds.meta import MetaError

if TYPE_CHECKING:
    from probes.frame import Box
    from probes.nvds.meta import Rectangle

SMALLEST = 4
"""nvdsosd leaves boxes under 3 px undone (nvll_osd/cuosd.cpp, 9.1)."""


def on_surface(box: Box, size: tuple[int, int], surface: tuple[int, int]) -> Rectangle | None:
    """Return a box of the frame in whole pixels of the surface, rounded outwards; None where it lies outside.

    Raises MetaError on an invalid box.
    """
    across, down = surface[0] / size[0], surface[1] / size[1]
    x, y, w, h = box
    x1, y1, x2, y2 = x * across, y * down, (x + w) * across, (y + h) * down
    if not (isfinite(x1) and isfinite(y1) and isfinite(x2) and isfinite(y2)):
        raise MetaError("a box without an end")
    left, top, right, bottom = floor(x1), floor(y1), ceil(x2), ceil(y2)
    large = right - left >= SMALLEST and bottom - top >= SMALLEST
    if large and left >= 0 and top >= 0 and right <= surface[0] and bottom <= surface[1]:
        return left, top, right - left, bottom - top
    left, top = max(0, left), max(0, top)
    right, bottom = min(surface[0], right), min(surface[1], bottom)
    if right <= left or bottom <= top:
        return None
    left, top = max(0, min(left, surface[0] - SMALLEST)), max(0, min(top, surface[1] - SMALLEST))
    return left, top, max(right - left, SMALLEST), max(bottom - top, SMALLEST)
