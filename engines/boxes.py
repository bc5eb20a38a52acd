"""How much two boxes overlap: the one place where it is computed for corner tuples x1 y1 x2 y2.

`engines.nms.overlaps` does the same for whole arrays, `probes.frame.Box` for boxes with a width and a height.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def intersection(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the common area of two boxes x1 y1 x2 y2; 0 where they do not touch.

    >>> intersection((0, 0, 4, 4), (2, 2, 6, 6))
    4.0
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return float(width * height) if width > 0 and height > 0 else 0.0


def area(box: Sequence[float]) -> float:
    """Return the area of a box x1 y1 x2 y2."""
    return float((box[2] - box[0]) * (box[3] - box[1]))


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Return intersection over union, 0 to 1; 0 for boxes without area.

    >>> iou((0, 0, 4, 4), (0, 0, 4, 2))
    0.5
    """
    common = intersection(a, b)
    return common / (area(a) + area(b) - common) if common > 0 else 0.0


def share_of_smaller(a: Sequence[float], b: Sequence[float]) -> float:
    """Return which share of the smaller box both cover, 0 to 1.

    >>> share_of_smaller((0, 0, 4, 4), (0, 0, 2, 2))
    1.0
    """
    common = intersection(a, b)
    return common / min(area(a), area(b)) if common > 0 else 0.0


def enclosing(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    """Return the smallest box around one box or more.

    >>> enclosing([(0, 0, 4, 4), (2, 2, 6, 5)])
    (0, 0, 6, 5)
    """
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )
