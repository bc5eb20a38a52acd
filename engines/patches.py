"""Small parts of one picture, drawn side by side into one input, so that one inference looks at them all.

A network that finds small things in a large picture needs its full scale, but seldom all of its area: heads
cover a small part of it. A sheet is an input on which only such parts lie, each at a scale of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.views import Region, Size

SHAPES: tuple[Size, ...] = (
    (256, 192),
    (320, 256),
    (416, 256),
    (448, 320),
    (512, 384),
    (640, 384),
    (832, 512),
    (1024, 704),
)
"""Inputs in use, width and height, from the cheapest on. Few, since a network keeps memory for each: 9 MB for
faces. 416 x 256 is what the faces' network sees a picture of 16:9 in, too (`engines.scene_views.glance`)."""
GAP = 8
"""Black between two patches, px of the input."""
LARGEST_PATCH = SHAPES[-1]


class Patch(NamedTuple):
    """A part of a picture, and the width and height, px, at which it is drawn."""

    region: Region
    size: Size


class Placed(NamedTuple):
    """A patch and where its upper left corner lies in the input, px."""

    patch: Patch
    left: int
    top: int


class Sheet(NamedTuple):
    """An input of `size` and the patches drawn into it."""

    size: Size
    placed: tuple[Placed, ...]


def patch_of(region: Region, scale: float) -> Patch:
    """Return a region as a patch at a scale, px of the input for one of the picture; smaller if it must."""
    left, top, right, bottom = region
    width, height = right - left, bottom - top
    scale = min(scale, LARGEST_PATCH[0] / width, LARGEST_PATCH[1] / height)
    return Patch(region, (max(2, round(width * scale) & ~1), max(2, round(height * scale) & ~1)))


def area(patches: Sequence[Patch]) -> int:
    """Return about how many pixels of input the patches take, gaps included."""
    return sum((width + GAP) * (height + GAP) for _, (width, height) in patches)


def pack(patches: Sequence[Patch]) -> list[Sheet]:
    """Return sheets that hold all patches: one of the least shape that is enough, or several.

    The largest shape is for a patch that fits into no other: it would need a network of its own, of 22 MB and
    41 MB to work in. Instead of one such sheet, one of the next shape and a small one have 20 % fewer pixels.

    >>> [sheet.size for sheet in pack([Patch((0, 0, 200, 100), (200, 100))] * 3)]
    [(416, 256)]
    """
    # Those that need the largest shape come first: left over behind a higher patch, they would take it twice.
    waiting = sorted(patches, key=lambda patch: (_fits(patch, SHAPES[-2]), -patch.size[1], -patch.size[0]))
    sheets = []
    while waiting:
        shapes = SHAPES[:-1] if _fits(waiting[0], SHAPES[-2]) else SHAPES
        for shape in shapes:
            placed, left_over = _on_shelves(waiting, shape)
            if not left_over or shape == shapes[-1]:
                sheets.append(Sheet(shape, tuple(placed)))
                waiting = left_over
                break
    return sheets


def _fits(patch: Patch, shape: Size) -> bool:
    return patch.size[0] <= shape[0] and patch.size[1] <= shape[1]


def _on_shelves(patches: Sequence[Patch], shape: Size) -> tuple[list[Placed], list[Patch]]:
    """Return what fits into a shape, row by row in the order of the patches, and what does not."""
    placed: list[Placed] = []
    left_over: list[Patch] = []
    x = y = shelf = 0
    for patch in patches:
        width, height = patch.size
        if x + width > shape[0]:
            x, y, shelf = 0, y + shelf + GAP, 0
        if width > shape[0] or y + height > shape[1]:
            left_over.append(patch)
            continue
        placed.append(Placed(patch, x, y))
        x, shelf = x + width + GAP, max(shelf, height)
    return placed, left_over
