"""Tells when something of a person's size begins to move where nothing moved before.

A screen, a flag or a door in the wind moves all day at the same place; who comes in moves where it was quiet.
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

CELL = 16
"""Side of a cell, px: cells are compared by their means, which sensor noise hardly moves."""
CHANGE = 5
"""Change of a cell's mean, of 255, that is motion; what the median of all cells does is the light."""
SPAN_NS = 500_000_000
"""Pictures are compared over this time: somebody small changes little from one to the next."""
QUIET_NS = 10_000_000_000
"""A place in which nothing moved for so long is quiet."""
PERSON_SHARE = 0.6
"""A thing is large enough where its longer side is this share of the smallest person's height."""


class FreshMotion:
    """Follows one camera's pictures. Used by one thread; the pictures come in the order of their time.

    >>> motion, still = FreshMotion(), np.full((360, 640), 90, np.uint8)
    >>> moved = still.copy()
    >>> moved[100:164, 200:240] = 200
    >>> [motion.begins(luma, at * 10**9, 80) for luma, at in ((still, 0), (still, 10), (moved, 11))]
    [False, False, True]
    """

    def __init__(self) -> None:
        self._means: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._moved_at: npt.NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._at = 0

    def begins(self, luma: Plane, now_ns: int, smallest_px: float) -> bool:
        """Return whether something begins to move. luma: (height, width); now_ns: UTC ns.

        smallest_px: height of the smallest person to find.
        """
        height, width = luma.shape
        shape = ceil(height / CELL), ceil(width / CELL)
        is_new = self._means.shape != shape or now_ns < self._at
        if not is_new and now_ns - self._at < SPAN_NS:
            return False
        means = cv2.resize(luma, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._means, self._at = self._means, means, now_ns
        if is_new:
            self._moved_at = np.full(shape, now_ns, np.int64)
            return False
        change = means - before
        changed = np.abs(change - median_change(change)) >= CHANGE
        fresh = changed & (now_ns - self._moved_at >= QUIET_NS)
        self._moved_at[_with_neighbours(changed) > 0] = now_ns
        count, labels = cv2.connectedComponents(_with_neighbours(fresh), connectivity=8)
        sides = (np.ptp(np.nonzero(fresh & (labels == n)), axis=1).max() + 1 for n in range(1, count))
        return any(side * CELL >= PERSON_SHARE * smallest_px for side in sides)


def _with_neighbours(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)))
