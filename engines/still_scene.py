"""Tells when a picture need not be searched: the last ones showed nothing at all, and it is as they were."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import Plane

CELL = 16
"""Side of a cell, px: cells are compared by their means, which sensor noise hardly moves."""
STIR = 3
"""Change of one cell's mean, of 255, from which on a picture is another."""
EMPTY = 10
"""So many pictures alike must show nothing: what networks see faintly they do not see in each."""
AGAIN_NS = 400_000_000
"""A still picture is searched again after this. Films are covered with what is found so much later."""


class StillScene:
    """Follows one camera or file. Used by one thread; a picture may come before the last one's result.

    >>> still, empty = StillScene(), np.full((360, 640), 90, np.uint8)
    >>> for at in range(EMPTY):
    ...     still.add(still.means(empty), at, is_empty=True)
    >>> still.is_known(still.means(empty), EMPTY), still.is_known(still.means(empty + 3), EMPTY)
    (True, False)
    """

    def __init__(self) -> None:
        self._means: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._at = self._empty = 0

    @staticmethod
    def means(luma: Plane) -> npt.NDArray[np.float32]:
        """Return the means of a picture's cells. luma: (height, width)."""
        height, width = luma.shape
        shape = ceil(width / CELL), ceil(height / CELL)
        return np.asarray(cv2.resize(luma, shape, interpolation=cv2.INTER_AREA), np.float32)

    def is_known(self, means: npt.NDArray[np.float32], at_ns: int) -> bool:
        """Return whether a picture, by its cells' means, surely is one of those that showed nothing."""
        return self._empty >= EMPTY and 0 <= at_ns - self._at < AGAIN_NS and self._is_like(means)

    def add(self, means: npt.NDArray[np.float32], at_ns: int, *, is_empty: bool) -> None:
        """Take a picture that was searched, and whether nothing at all was found in it."""
        if not is_empty:
            self._empty = 0
        elif self._empty and self._is_like(means):
            self._empty += 1
        else:
            self._means, self._empty = means, 1
        self._at = at_ns

    def _is_like(self, means: npt.NDArray[np.float32]) -> bool:
        return means.shape == self._means.shape and float(np.abs(means - self._means).max()) < STIR
