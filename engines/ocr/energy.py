"""Where a picture may hold text: a cheap test on thin strokes, so that the text detector sees little else."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.boxes import intersection

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Grey = npt.NDArray[np.uint8]

Area = tuple[int, int, int, int]

STROKE_PX = 5
"""Strokes are thinner than this, in px of each level."""
LEVELS = 3
"""The picture, and twice half of the one before."""
STRONGEST = 60
"""A stroke of more contrast, in grey levels, counts as this: one bright edge is no word."""
WINDOWS = ((24, 8), (8, 24), (14, 14))
"""Width and height, px, over which strokes are averaged: words across, words upright, single letters."""
ENERGY = 25
"""Average, in grey levels, above which a place may be text."""
MAX_PARTS = 12
"""With more areas than this the whole picture is one."""
CELL = 4
"""Side, px, of the places for which the energy is told."""
AROUND = 14
"""Margin, px, around an area."""
SHORTEST = 20
"""Longer side, px, below which an area is no word."""


def stroke_energy(grey: Grey) -> npt.NDArray[np.uint8]:
    """Return how strongly thin strokes fill the surroundings of each place, in grey levels.

    Answers (ceil(height / CELL), ceil(width / CELL)) uint8. A stroke is what a morphological opening or
    closing wipes out: edges of garments stay, letters go. Three octaves cover letters of 8 to 100 px.
    """
    height, width = grey.shape
    size = (-(-width // CELL), -(-height // CELL))
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PX, STROKE_PX))
    energy = np.zeros((size[1], size[0]), np.uint8)
    for _ in range(LEVELS):
        if min(grey.shape) < 2 * STROKE_PX:
            break
        bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel)
        strokes = np.minimum(cv2.max(bright, cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel)), STRONGEST)
        for window in WINDOWS:
            filled = cv2.blur(strokes, window, borderType=cv2.BORDER_REPLICATE)
            energy = np.maximum(energy, cv2.resize(filled, size, interpolation=cv2.INTER_AREA))
        grey = np.asarray(cv2.pyrDown(grey), np.uint8)
    return energy


def text_areas(grey: Grey) -> list[Area]:
    """Return the parts of a (height, width) uint8 picture that may hold text, x1 y1 x2 y2 px, apart.

    Together they hold all places of more than ENERGY that reach SHORTEST px, less than the shortest word.
    A picture full of strokes is one area.
    """
    height, width = grey.shape
    active = (stroke_energy(grey) > ENERGY).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(active, connectivity=8)
    if count - 1 > MAX_PARTS:
        return [(0, 0, width, height)]
    large = [stat for stat in stats[1:count].tolist() if max(stat[2:4]) * CELL >= SHORTEST]
    return apart(
        (
            max(0, left * CELL - AROUND),
            max(0, top * CELL - AROUND),
            min(width, (left + across) * CELL + AROUND),
            min(height, (top + down) * CELL + AROUND),
        )
        for left, top, across, down, _ in large
    )


def large_text_areas(grey: Grey, scale: float) -> list[Area]:
    """Return where a picture may hold letters that are strokes only once it is shrunk by `scale`."""
    if scale >= 1.0:
        return []
    small = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    (height, width), (tall, wide) = grey.shape, small.shape
    across, down = width / wide, height / tall
    return [
        (int(x1 * across), int(y1 * down), min(width, ceil(x2 * across)), min(height, ceil(y2 * down)))
        for x1, y1, x2, y2 in text_areas(small)
    ]


def apart(areas: Iterable[Area]) -> list[Area]:
    """Return rectangles that hold all areas and do not overlap: those that do are joined."""
    joined: list[Area] = []
    for area in areas:
        whole = area
        while touching := [other for other in joined if intersection(whole, other) > 0]:
            joined = [other for other in joined if other not in touching]
            for other in touching:
                whole = union(whole, other)
        joined.append(whole)
    return joined


def union(a: Area, b: Area) -> Area:
    """Return the smallest rectangle around two."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
