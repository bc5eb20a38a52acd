"""Which parts of a picture a network is shown, and how large: by the smallest thing that must be found.

A network finds what has a certain number of pixels in its input. One whole picture of 1920 x 1080, shrunk to
the input, leaves people of 160 px out. So a picture is shown as a whole in a cheap shape of its own aspect,
and, where that is too coarse, once more in detail; on cameras only in part, see `engines.close_look`.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Size = tuple[int, int]
"""Width and height, px."""
Region = tuple[int, int, int, int]
"""Left, top, right, bottom, px; left and top are even."""

STRIDE = 32
"""The sides of an input are multiples of it."""
LEAST_INPUT = 64
"""No side of an input is shorter: the coarsest cells of a network are as large, and the answer of a network
that has none of them holds numbers that are not finite."""
STEP = 64
"""The sides of a detail view are multiples of it, so that a camera needs few shapes."""
MAX_AREA = 2_250_000
"""Most pixels of one input; a larger view is cut into tiles. 1920 x 1088 fits."""
ENOUGH = 0.8
"""A whole view of this share of the wanted scale is good enough: no detail view is added."""
OVERLAP = 0.2
"""Share of a tile's side that it has in common with its neighbour."""
SMALLEST_INPUT = 192
"""No side of a detail view is shorter: an input must have more cells than an answer has places."""
SMALLEST_SIDE = 96
"""A region is not split below this side, px."""


class View(NamedTuple):
    """A part of a picture, and the width and height of the input that it is drawn into.

    detail: whether a coarser view shows the whole picture beside it.
    """

    region: Region
    size: Size
    detail: bool = False

    @property
    def scale(self) -> float:
        """Pixels of the input for one of the picture."""
        left, top, right, bottom = self.region
        return min(self.size[0] / (right - left), self.size[1] / (bottom - top))


def whole(picture: Size) -> Region:
    """Return the region that is the whole picture."""
    return 0, 0, *picture


@lru_cache(maxsize=256)
def input_shape(region: Size, area: int) -> Size:
    """Return the input in which a region of that size is drawn largest, of about `area` pixels at most.

    >>> input_shape((1920, 1080), 416 * 416)
    (544, 320)
    """
    best, shape = 0.0, (LEAST_INPUT, LEAST_INPUT)
    room = area * 1.03
    for width in range(LEAST_INPUT, int(room // LEAST_INPUT) + 1, STRIDE):
        height = int(room // width) // STRIDE * STRIDE
        scale = min(width / region[0], height / region[1])
        if scale > best * 1.001:
            best, shape = scale, (width, height)
    width, height = (max(LEAST_INPUT, _up(side * best, STRIDE)) for side in region)
    return min(shape[0], width), min(shape[1], height)


def plan(picture: Size, *, area: int, scale: float) -> list[View]:
    """Return the views of a picture: the whole in about `area` pixels, then details at `scale` where needed.

    scale: pixels of the input for one of the picture that the smallest thing needs.
    """
    shape = input_shape(picture, area)
    views = [View(whole(picture), shape)]
    if min(shape[0] / picture[0], shape[1] / picture[1]) >= scale * ENOUGH:
        return views
    return views + [View(tile, _detail_shape(tile, scale), True) for tile in _tiles(whole(picture), scale)]


def split(view: View) -> list[View]:
    """Return four overlapping quarters of a view, each at up to twice its scale; empty where it is small."""
    left, top, right, bottom = view.region
    if min(right - left, bottom - top) < 2 * SMALLEST_SIDE:
        return []
    scale = max(view.size[0] / (right - left), view.size[1] / (bottom - top))
    return [
        View(tile, _detail_shape(tile, min(1.0, 2 * scale) if scale < 1 else scale), True)
        for tile in _grid(view.region, 2, 2)
    ]


def tiles(picture: Size, scale: float) -> list[tuple[Region, Size]]:
    """Return regions that cover a picture, each with the input that shows it at `scale`."""
    return [(tile, _detail_shape(tile, scale)) for tile in _tiles(whole(picture), scale)]


def _detail_shape(region: Region, scale: float) -> Size:
    left, top, right, bottom = region
    width, height = ((side * scale) for side in (right - left, bottom - top))
    return max(SMALLEST_INPUT, _up(width, STEP)), max(SMALLEST_INPUT, _up(height, STEP))


def _tiles(region: Region, scale: float) -> Iterator[Region]:
    """Yield the region, or overlapping parts of it that each fit into MAX_AREA."""
    columns = rows = 1
    while True:
        tiles = list(_grid(region, columns, rows))
        left, top, right, bottom = tiles[0]
        width, height = _detail_shape(tiles[0], scale)
        if width * height <= MAX_AREA:
            yield from tiles
            return
        if right - left >= bottom - top:
            columns += 1
        else:
            rows += 1


def _grid(region: Region, columns: int, rows: int) -> Iterator[Region]:
    left, top, right, bottom = region
    for y1, y2 in _spans(top, bottom, rows):
        for x1, x2 in _spans(left, right, columns):
            yield x1, y1, x2, y2


def _spans(start: int, end: int, count: int) -> list[tuple[int, int]]:
    """Return `count` overlapping spans of one length from start to end; they begin at even pixels."""
    if count == 1:
        return [(start, end)]
    length = ceil((end - start) / (count - (count - 1) * OVERLAP))
    step = (end - start - length) / (count - 1)
    starts = [start + int(step * number) // 2 * 2 for number in range(count)]
    return [(at, min(end, at + length + 2)) for at in starts[:-1]] + [(starts[-1], end)]


def _up(length: float, step: int) -> int:
    return max(step, ceil(length / step) * step)
