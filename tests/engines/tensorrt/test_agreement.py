"""Whether two engines agree, in numbers alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.detections import Detections
from engines.tensorrt.agreement import LEAST_SAMPLE, Agreement, compare

THRESHOLDS = np.array([0.4, 0.3], np.float32)
BOX = (10.0, 10.0, 50.0, 90.0)


def seen(*found: tuple[tuple[float, ...], float, int]) -> Detections:
    boxes, scores, classes = zip(*found, strict=True) if found else ((), (), ())
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes, np.int32)
    )


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ([(BOX, 0.9, 0)], [(BOX, 0.8, 0)], (1, 1, 1, 1)),
        ([(BOX, 0.9, 0)], [], (1, 0, 0, 0)),
        ([], [(BOX, 0.9, 0)], (0, 0, 1, 0)),
        ([(BOX, 0.9, 0)], [(BOX, 0.9, 1)], (1, 0, 1, 0)),  # another class
        ([(BOX, 0.9, 0)], [((12.0, 12.0, 52.0, 92.0), 0.9, 0)], (1, 1, 1, 1)),  # a little aside
        ([(BOX, 0.9, 0)], [((30.0, 10.0, 70.0, 90.0), 0.9, 0)], (1, 0, 1, 0)),  # too far aside
        ([(BOX, 0.42, 0)], [], (0, 0, 0, 0)),  # barely above its threshold: either may be right
        ([(BOX, 0.46, 0)], [(BOX, 0.41, 0)], (1, 1, 0, 0)),  # what is clear in one may be weak in the other
        ([(BOX, 0.36, 1)], [(BOX, 0.36, 1)], (1, 1, 1, 1)),  # each class has its own threshold
        ([], [], (0, 0, 0, 0)),
    ],
)
def test_what_counts(theirs: list[tuple], ours: list[tuple], expected: tuple[int, ...]) -> None:  # type: ignore[type-arg]  # rows of a table
    found = compare([seen(*theirs)], [seen(*ours)], THRESHOLDS)
    assert (found.clear, found.found, found.claimed, found.sure) == expected


def agreement(clear: int, found: int, claimed: int, sure: int) -> Agreement:
    return Agreement(10, clear, found, claimed, sure, 0.9, 0.01)


@pytest.mark.parametrize(
    ("verdict", "good"),
    [
        (agreement(100, 97, 100, 95), True),
        (agreement(100, 96, 100, 100), False),  # loses too many
        (agreement(100, 100, 100, 94), False),  # invents too many
        (agreement(LEAST_SAMPLE - 1, LEAST_SAMPLE - 1, 29, 29), False),  # too few to say
        (agreement(0, 0, 0, 0), False),
    ],
)
def test_the_verdict(verdict: Agreement, good: bool) -> None:
    assert verdict.good is good


def test_it_says_itself() -> None:
    said = str(compare([seen((BOX, 0.9, 0))], [seen((BOX, 0.8, 0))], THRESHOLDS))
    assert said == (
        "1 of 1 clear detections kept, 0 of 1 new, over 1 pictures; overlap 1.000, scores shift 0.100"
    )


CORNERS = st.tuples(st.floats(0, 80), st.floats(0, 80), st.floats(5, 20), st.floats(5, 20))
FOUND = st.lists(st.tuples(CORNERS, st.floats(0.45, 1), st.integers(0, 1)), max_size=6)


@given(st.lists(FOUND, min_size=1, max_size=3))
def test_an_engine_agrees_with_itself(pictures: list[list[tuple[tuple[float, ...], float, int]]]) -> None:
    made = [seen(*(((x, y, x + w, y + h), s, c) for (x, y, w, h), s, c in found)) for found in pictures]
    result = compare(made, made, THRESHOLDS)
    assert result.found == result.clear
    assert result.sure == result.claimed
    assert result.score_shift < 0.6


def test_pictures_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="argument"):
        compare([seen()], [], THRESHOLDS)
