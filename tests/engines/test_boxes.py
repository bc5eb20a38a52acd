"""engines.boxes: areas and overlaps of corner boxes, the same as those of arrays and of `Box`."""

import numpy as np
import pytest

from engines.boxes import area, intersection, iou, share_of_smaller
from engines.nms import overlaps
from probes.frame import Box

A = (0.0, 0.0, 2.0, 2.0)


@pytest.mark.parametrize(
    ("other", "common", "of_both", "of_smaller"),
    [
        ((0.0, 0.0, 2.0, 2.0), 4.0, 1.0, 1.0),
        ((1.0, 0.0, 3.0, 2.0), 2.0, 1 / 3, 0.5),
        ((0.0, 0.0, 1.0, 1.0), 1.0, 0.25, 1.0),
        ((2.0, 0.0, 4.0, 2.0), 0.0, 0.0, 0.0),
        ((5.0, 5.0, 6.0, 6.0), 0.0, 0.0, 0.0),
        ((1.0, 1.0, 1.0, 1.0), 0.0, 0.0, 0.0),
    ],
)
def test_boxes_overlap_by(
    other: tuple[float, float, float, float], common: float, of_both: float, of_smaller: float
) -> None:
    assert intersection(A, other) == common
    assert iou(A, other) == iou(other, A) == pytest.approx(of_both)
    assert share_of_smaller(A, other) == share_of_smaller(other, A) == pytest.approx(of_smaller)
    one, two = (Box(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in (A, other))
    assert one.iou(two) == pytest.approx(of_both)
    assert one.share_of_smaller(two) == pytest.approx(of_smaller)
    assert overlaps(np.array([A]), np.array([other]))[0, 0] == pytest.approx(of_both)


def test_area() -> None:
    assert area((1.0, 1.0, 3.0, 4.0)) == 6.0
