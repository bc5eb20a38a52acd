"""Ways to make pixels unreadable in place: a mosaic, opaque boxes, blacked-out polygons.

The mosaic holds nothing of what it covers. Cells with the mean colours of a face look the same to people, but
not to a program that has photographs of the candidates: from 8 x 8 means it named the right one of 50 in a
quarter of all cases, where chance is 2 % (docs/privacy-measured.md). So the cells are plain greys, the same
for everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from engines.image import BLACK_Y, GREY_UV, I420

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import Plane
    from probes.frame import Box

Polygon = Sequence[tuple[float, float]]

CELLS_ACROSS = 8
SMALLEST_CELL = 8
GREYS = (96, 112, 128, 144, 160)
"""Luma of the cells, darker and lighter by turns so that the mosaic is seen as one."""


def cover(pixels: I420, box: Box, *, solid: bool) -> tuple[int, int, int, int] | None:
    """Cover the box, widened to even pixels, with a grey mosaic or black on all three planes.

    Returns the covered left, top, right, bottom in pixels, or None where the box lies outside the picture.

    >>> from engines.image import I420
    >>> from probes.frame import Box
    >>> cover(I420.black(640, 360), Box(100.5, 50, 40, 50), solid=True)
    (100, 50, 142, 100)
    """
    left, top, right, bottom = outline = _snap(box, pixels.width, pixels.height)
    if left >= right or top >= bottom:
        return None
    luma = (slice(top, bottom), slice(left, right))
    chroma = (slice(top // 2, (bottom + 1) // 2), slice(left // 2, (right + 1) // 2))
    pixels.y[luma] = BLACK_Y if solid else _mosaic(right - left, bottom - top)
    pixels.u[chroma] = GREY_UV
    pixels.v[chroma] = GREY_UV
    return outline


def cell_size(width: int, height: int) -> int:
    """Return the side of a cell in luma pixels: even, at most CELLS_ACROSS cells along the longer side."""
    return max(SMALLEST_CELL, 2 * ceil(max(width, height) / CELLS_ACROSS / 2))


def _snap(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(width), box.right), min(float(height), box.bottom)
    if left >= right or top >= bottom:
        return 0, 0, 0, 0
    return (
        floor(left) // 2 * 2,
        floor(top) // 2 * 2,
        min(width, (ceil(right) + 1) // 2 * 2),
        min(height, (ceil(bottom) + 1) // 2 * 2),
    )


@lru_cache(maxsize=512)
def _mosaic(width: int, height: int) -> Plane:
    """Return the luma, (height, width) uint8, of a mosaic: a matter of its size alone."""
    cell = cell_size(width, height)
    rows, columns = np.arange(-(-height // cell))[:, None], np.arange(-(-width // cell))
    greys = np.array(GREYS, np.uint8)[(2 * rows + 3 * columns + rows * columns) % len(GREYS)]
    mosaic: Plane = greys.repeat(cell, axis=0)[:height].repeat(cell, axis=1)[:, :width]
    mosaic.flags.writeable = False
    return mosaic


def black_out(pixels: I420, masks: Sequence[Polygon]) -> None:
    """Black out polygons, corners from 0 to 1 of width and height, and every pixel they touch, in place."""
    for polygon in masks:
        corners = tuple((float(x), float(y)) for x, y in polygon)
        window = _window(corners, pixels.width, pixels.height)
        if window is None:
            continue
        np.copyto(pixels.y[window.luma], BLACK_Y, where=window.luma_mask)
        np.copyto(pixels.u[window.chroma], GREY_UV, where=window.chroma_mask)
        np.copyto(pixels.v[window.chroma], GREY_UV, where=window.chroma_mask)


class _Window:
    """A polygon's bounding rectangle in both plane sizes, with the pixels to black out in it."""

    __slots__ = ("chroma", "chroma_mask", "luma", "luma_mask")

    def __init__(self, mask: npt.NDArray[np.bool_], left: int, top: int) -> None:
        height, width = mask.shape
        padded = np.pad(mask, ((0, height % 2), (0, width % 2)))
        self.luma_mask = mask
        self.chroma_mask = padded[::2, ::2] | padded[1::2, ::2] | padded[::2, 1::2] | padded[1::2, 1::2]
        self.luma = (slice(top, top + height), slice(left, left + width))
        self.chroma = (
            slice(top // 2, (top + height + 1) // 2),
            slice(left // 2, (left + width + 1) // 2),
        )


@lru_cache(maxsize=256)
def _window(corners: tuple[tuple[float, float], ...], width: int, height: int) -> _Window | None:
    points = np.array(corners, np.float64).reshape(-1, 2)
    if len(points) < 3 or not np.isfinite(points).all():
        raise ValueError("a mask polygon needs three or more finite corners")
    points = points * (width, height)
    low = np.maximum(np.floor(points.min(axis=0)) - 1, 0).astype(int) // 2 * 2
    high = np.minimum(np.ceil(points.max(axis=0)) + 1, (width, height)).astype(int)
    if (low >= high).any():
        return None
    inside = _touched(points - low, int(high[0] - low[0]), int(high[1] - low[1]))
    return _Window(inside, int(low[0]), int(low[1]))


def _touched(points: npt.NDArray[np.float64], width: int, height: int) -> npt.NDArray[np.bool_]:
    """Return (height, width) bool: pixel centres in the polygon (even-odd), and pixels its edges cross."""
    x, y = np.arange(width)[None, :] + 0.5, np.arange(height)[:, None] + 0.5
    inside = np.zeros((height, width), np.bool_)
    edges = np.zeros_like(inside)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)
        inside ^= ((y1 > y) != (y2 > y)) & ((side > 0) == (y2 > y1))
        along = np.sort(np.concatenate(([0.0, 1.0], _crossings(x1, x2, width), _crossings(y1, y2, height))))
        along = (along[:-1] + along[1:]) / 2
        columns = np.floor(x1 + along * (x2 - x1)).astype(int)
        lines = np.floor(y1 + along * (y2 - y1)).astype(int)
        seen = (columns >= 0) & (columns < width) & (lines >= 0) & (lines < height)
        edges[lines[seen], columns[seen]] = True
    return inside | edges


def _crossings(start: float, end: float, length: int) -> npt.NDArray[np.float64]:
    """Return where on the way, from 0 to 1, an edge goes from one of `length` pixels to the next.

    >>> _crossings(0.5, 4.5, 3).tolist()
    [0.125, 0.375, 0.625]
    """
    low, high = max(0, ceil(min(start, end))), min(length, floor(max(start, end)))
    if start == end or low > high:
        return np.empty(0)
    return np.clip((np.arange(low, high + 1) - start) / (end - start), 0, 1)
