from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engines.nms import overlaps, suppress

NOT_MANY = st.integers(0, 20)


@st.composite
def heaps(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count = draw(NOT_MANY)
    corners = draw(arrays(np.float32, (count, 2), elements=st.integers(0, 50)))
    sizes = draw(arrays(np.float32, (count, 2), elements=st.integers(0, 30)))
    scores = draw(arrays(np.float32, count, elements=st.integers(0, 100))) / 100
    classes = draw(arrays(np.int32, count, elements=st.integers(0, 2)))
    return np.concatenate([corners, corners + sizes], 1), scores, classes


def test_overlaps_of_known_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 9]], np.float32)
    expected = [[1, 1 / 3, 0, 0], [1 / 3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(overlaps(boxes, boxes), expected, atol=1e-6)


def test_a_box_felled_by_a_felled_box_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], np.float32)
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    assert suppress(boxes, scores, np.zeros(3, np.int32), 0.3).tolist() == [0, 2]


def test_classes_do_not_fell_each_other() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    assert suppress(boxes, np.array([0.2, 0.9]), np.array([0, 1]), 0.5).tolist() == [1, 0]


@given(heaps(), st.floats(0, 1))
def test_what_stays_is_ordered_apart_and_covers_what_fell(
    heap: tuple[np.ndarray, np.ndarray, np.ndarray], limit: float
) -> None:
    boxes, scores, classes = heap
    stay = suppress(boxes, scores, classes, limit)
    assert (np.diff(scores[stay]) <= 0).all()
    common = overlaps(boxes, boxes) > limit
    same = common & (classes[:, None] == classes[None, :])
    np.fill_diagonal(same, val=False)
    assert not same[np.ix_(stay, stay)].any()
    for fallen in set(range(len(scores))) - set(stay.tolist()):
        assert any(same[fallen, winner] and scores[winner] >= scores[fallen] for winner in stay)


@given(heaps(), st.floats(0, 1))
def test_twice_is_once(heap: tuple[np.ndarray, np.ndarray, np.ndarray], limit: float) -> None:
    boxes, scores, classes = heap
    stay = suppress(boxes, scores, classes, limit)
    again = suppress(boxes[stay], scores[stay], classes[stay], limit)
    assert again.tolist() == list(range(len(stay)))
