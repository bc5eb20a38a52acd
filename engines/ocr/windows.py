"""Joins the parts of a picture that may hold text to few windows, each on a canvas of one of few shapes.

A runtime pays for every pixel and for every change of shape: a detector of 4 ms for 128 x 128 px, 3 ms
more where it knows the shape and 16 ms where not. Parts packed side by side on one canvas cost half, but the
detector takes the frames around them for letters: half of the words were lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.ocr.energy import union

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.ocr.energy import Area

    Bgr = npt.NDArray[np.uint8]

SIDES = (128, 192, 256, 384, 512, 640, 768)
CHANGE = 30_000
"""What another window costs, in pixels."""


def windows(areas: Sequence[Area], scale: float) -> list[Area]:
    """Return rectangles x1 y1 x2 y2 px that hold all areas and cost the least when enlarged by `scale`."""
    chosen = list(areas)
    while len(chosen) > 1:
        costs = [_cost(area, scale) for area in chosen]
        saving, i, j = max(
            (costs[i] + costs[j] - _cost(union(chosen[i], chosen[j]), scale), i, j)
            for j in range(len(chosen))
            for i in range(j)
        )
        if saving < 0:
            break
        whole = union(chosen[i], chosen[j])
        chosen = [area for n, area in enumerate(chosen) if n not in (i, j)] + [whole]
    return chosen


def on_canvas(bgr: Bgr, window: Area, scale: float) -> Bgr:
    """Cut a window out of a (height, width, 3) picture, enlarge it and continue its borders to the canvas."""
    x1, y1, x2, y2 = window
    width, height = round((x2 - x1) * scale), round((y2 - y1) * scale)
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    enlarged = cv2.resize(bgr[y1:y2, x1:x2], (max(1, width), max(1, height)), interpolation=method)
    right, below = _side(width) - enlarged.shape[1], _side(height) - enlarged.shape[0]
    return np.asarray(cv2.copyMakeBorder(enlarged, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def cost_of(chosen: Sequence[Area], scale: float) -> int:
    """Return what the detector pays for rectangles enlarged by `scale`, in pixels."""
    return sum(_cost(area, scale) for area in chosen)


def _cost(area: Area, scale: float) -> int:
    return CHANGE + _side(round((area[2] - area[0]) * scale)) * _side(round((area[3] - area[1]) * scale))


def _side(px: int) -> int:
    return next((side for side in SIDES if side >= px), -(-px // 64) * 64)
