"""Squares that the networks of marks are shown: cut out as the finder's own graph cuts them, or scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.marks.picture import MARGIN

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.marks.types import FloatArray

    Bgr = npt.NDArray[np.uint8]

SMALLEST = 4.0
"""The least box, px, as `engines.training.export` has it."""


def squares(picture: FloatArray, boxes: FloatArray, side: int) -> FloatArray:
    """Return (n, 3, side, side) float32 cuts of a (3, height, width) float32 picture.

    boxes: (n, 4), x1 y1 x2 y2, px. Each pixel of a cut is the mean of two by two samples, each between four
    pixels; beyond its border the picture goes on as it ends.
    """
    cuts = np.zeros((len(boxes), 3, side, side), np.float32)
    for cut, (x1, y1, x2, y2) in zip(cuts, boxes.tolist(), strict=True):
        reach = max(x2 - x1, y2 - y1, SMALLEST) * MARGIN
        rows, down = _taps((y1 + y2) / 2, reach, side, picture.shape[1])
        columns, across = _taps((x1 + x2) / 2, reach, side, picture.shape[2])
        cut[:] = down @ np.ascontiguousarray(picture[:, rows, columns]) @ np.ascontiguousarray(across.T)
    return cuts


def scaled(picture: Bgr, side: int) -> Bgr:
    """Return a square (s, s, 3) picture with another side, px."""
    method = cv2.INTER_AREA if picture.shape[0] > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=method), np.uint8)


def _taps(middle: float, reach: float, side: int, length: int) -> tuple[slice, FloatArray]:
    """Return which pixels of a line of `length` a cut takes, and (side, pixels) how much of each."""
    spread = (np.arange(2 * side) + 0.5) / (2 * side) - 0.5
    at = np.clip(middle + reach * spread - 0.5, 0, length - 1)
    first = np.minimum(at.astype(np.intp), length - 2)
    start, stop = int(first[0]), int(first[-1]) + 2
    shares = np.zeros((2 * side, stop - start), np.float32)
    taps = np.arange(2 * side)
    shares[taps, first - start] = 1 - (at - first)
    shares[taps, first - start + 1] = at - first
    return slice(start, stop), np.asarray(shares.reshape(side, 2, -1).mean(axis=1), np.float32)
