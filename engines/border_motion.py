"""What moves into a camera's picture at its left, right and upper border, before a detector knows what it is.

A head that enters is cut by the border for some frames, and a detector finds half a head late. So where
something of a person's height moves at the border and no person is found, its upper part is covered.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.median import median_change

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import Plane

    Boxes = npt.NDArray[np.float32]

CELL = 16
"""Side of a cell, px: cells are compared by their means, which sensor noise hardly moves."""
CHANGE = 8
"""Change of a cell's mean from one picture to the next, of 255, that is motion."""
LEAST_CELLS = 2
REACH = 0.1
"""Depth of the strip that is covered, as a share of the picture's side."""
UPPER = 0.5
"""Share of a moving thing's height, from its top, in which its head is; and a cell above it."""
PERSON_SHARE = 0.6
"""A thing of this share of the smallest person's height can be one that the border cuts."""
ACCOUNTED = 0.6
"""A thing of which this share lies in the boxes of persons is known: their heads are covered anyway."""
HOLD_NS = 300_000_000
PAUSE_NS = 1_500_000_000
NEARLY_ALL = 0.6
"""Share of the cells that change at once when the camera or the light moves: nothing is told from that."""


class BorderMotion:
    """Follows one camera's pictures. Used by one thread; the pictures come in the order of their time.

    >>> motion, still = BorderMotion(), np.full((360, 640), 90, np.uint8)
    >>> moved = still.copy()
    >>> moved[100:300, 0:40] = 200
    >>> nobody = np.zeros((0, 4), np.float32)
    >>> [motion.strips(luma, at, nobody, 80).tolist() for luma, at in ((still, 0), (moved, 10**8))]
    [[], [[0.0, 64.0, 64.0, 224.0]]]
    """

    def __init__(self) -> None:
        self._means: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._at = 0
        self._held: list[tuple[int, Boxes]] = []

    def strips(self, luma: Plane, now_ns: int, persons: Boxes, smallest_px: float) -> Boxes:
        """Return what to cover at the border of a picture, (N, 4): x1 y1 x2 y2, px.

        luma: (height, width). now_ns: UTC ns. persons: boxes of all that may be persons. smallest_px: height
        of the smallest person to find.
        """
        height, width = luma.shape
        shape = ceil(height / CELL), ceil(width / CELL)
        means = cv2.resize(luma, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
        before, elapsed = self._means, now_ns - self._at
        self._means, self._at = means, now_ns
        if before.shape != shape or not 0 < elapsed <= PAUSE_NS:
            self._held = []
            return np.zeros((0, 4), np.float32)
        change = means - before
        changed = np.abs(change - median_change(change)) >= CHANGE
        self._held = [(at, boxes) for at, boxes in self._held if now_ns - at <= HOLD_NS]
        if float(changed.mean()) <= NEARLY_ALL:
            self._held.append((now_ns, _entering(changed, (width, height), persons, smallest_px)))
        return np.concatenate([np.zeros((0, 4), np.float32), *(boxes for _, boxes in self._held)])


def _entering(
    changed: npt.NDArray[np.bool_], size: tuple[int, int], persons: Boxes, smallest_px: float
) -> Boxes:
    """Return the strips of the things that move at the border and are no known persons."""
    width, height = size
    near = cv2.dilate(changed.astype(np.uint8), np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    strips: list[tuple[float, float, float, float]] = []
    for number in range(1, count):
        left, top, wide, high = (int(side) * CELL for side in stats[number, :4])
        right, bottom = min(left + wide, width), min(top + high, height)
        rows = np.nonzero(changed & (labels == number))[0]
        if len(rows) < LEAST_CELLS or (int(np.ptp(rows)) + 1) * CELL < PERSON_SHARE * smallest_px:
            continue
        if _known_share((left, top, right, bottom), persons) >= ACCOUNTED:
            continue
        reach, upper = REACH * width, min(bottom, top + UPPER * (bottom - top) + CELL)
        over = max(0, top - CELL)
        if left == 0:
            strips.append((0, over, min(right, reach), upper))
        if right >= width:
            strips.append((max(left, width - reach), over, width, upper))
        if top == 0:
            strips.append((left, 0, right, min(bottom, REACH * height)))
    return np.array(strips, np.float32).reshape(-1, 4)


def _known_share(box: tuple[int, int, int, int], persons: Boxes) -> float:
    """Return the largest share of a box that lies in one of the persons' boxes."""
    if not len(persons):
        return 0.0
    low = np.maximum(persons[:, :2], box[:2])
    sides = np.maximum(np.minimum(persons[:, 2:], box[2:]) - low, 0)
    return float((sides[:, 0] * sides[:, 1]).max()) / ((box[2] - box[0]) * (box[3] - box[1]))
