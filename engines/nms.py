"""Non-maximum suppression: of boxes of one class that overlap, only the best stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]


def overlaps(boxes: Floats, others: Floats) -> Floats:
    """Return intersection over union, (N, M), of (N, 4) with (M, 4) boxes x1 y1 x2 y2; empty boxes give 0.

    >>> boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 20]], np.float32)
    >>> overlaps(boxes, boxes[:1]).tolist()
    [[1.0], [0.5]]
    """
    left, top, right, bottom = boxes.T[:, :, None]
    other_left, other_top, other_right, other_bottom = others.T[:, None, :]
    width = np.minimum(right, other_right) - np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    common = np.maximum(width, 0) * np.maximum(height, 0)
    union = (right - left) * (bottom - top) + (other_right - other_left) * (other_bottom - other_top) - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))


def suppress(
    boxes: Floats, scores: Floats, classes: npt.NDArray[np.integer], limit: float
) -> npt.NDArray[np.intp]:
    """Return the indices that stay, best score first; equal scores keep their order.

    boxes: (N, 4) x1 y1 x2 y2; scores, classes: (N,). A box falls to a better one of its class when their
    intersection over union exceeds limit.

    >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], float)
    >>> suppress(boxes, np.array([0.9, 0.8, 0.7]), np.zeros(3, int), 0.5).tolist()
    [0, 2]
    """
    order = np.argsort(-scores, kind="stable")
    ranked, labels = boxes[order], classes[order]
    beats = np.triu((overlaps(ranked, ranked) > limit) & (labels[:, None] == labels[None, :]), 1)
    alive = np.ones(len(order), np.bool_)
    for index in np.flatnonzero(beats.any(axis=1)):
        if alive[index]:
            alive &= ~beats[index]
    return order[alive]
