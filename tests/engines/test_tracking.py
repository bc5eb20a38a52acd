from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from engines.byte_track import assign
from engines.detections import Detections
from engines.tracking import Tracked, Tracker, byte_track
from tests.engines.compare_trackers import compare

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def seen(
    *boxes: tuple[float, float, float, float], classes: tuple[int, ...] = (), score: float = 0.8
) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), score, np.float32),
        np.array(classes or (0,) * len(boxes), np.int32),
    )


def walk(tracker: Tracker, times: list[float], speed: float = 60, x: float = 100) -> list[int | None]:
    """Give the tracker one person who walks right at speed px a second; return the numbers it gets."""
    numbers = []
    for time in times:
        left = x + speed * time
        (one,) = tracker.update(seen((left, 100, left + 80, 300)), START + int(time * SECOND))
        numbers.append(one.number)
    return numbers


@pytest.mark.parametrize("hits", [1, 2, 3, 5])
def test_a_track_is_confirmed_by_hits_in_a_row(hits: int) -> None:
    numbers = walk(Tracker(confirm_hits=hits), [i / 10 for i in range(10)])
    assert numbers == [None] * (hits - 1) + [1] * (11 - hits)


@pytest.mark.parametrize(
    "times",
    [
        [i / 5 for i in range(15)],
        [i / 25 for i in range(40)],
        [0, 0.1, 0.2, 0.3, 0.7, 0.8, 1.6, 1.7, 1.75, 3.1, 3.2],
        [0, 0.1, 0.2, 0.3, 0.3, 0.4],
    ],
    ids=["5 a second", "25 a second", "uneven", "a time twice"],
)
def test_one_person_keeps_one_number_at_any_rate(times: list[float]) -> None:
    assert set(walk(Tracker(), times)) == {None, 1}


@pytest.mark.parametrize(("gap", "number"), [(1.9, 1), (2.2, None)])
def test_a_lost_track_is_kept_by_time_not_by_frames(gap: float, number: int | None) -> None:
    tracker = Tracker(lost_ms=2000)
    walk(tracker, [0, 0.1, 0.2, 0.3], speed=0)
    for step in range(1, 20):
        tracker.update(Detections.empty(), START + int((0.3 + gap * step / 20) * SECOND))
    assert walk(tracker, [0.3 + gap], speed=0) == [number]


def test_numbers_do_not_come_back_after_a_reset_or_a_clock_set_back() -> None:
    tracker = Tracker()
    times = [i / 10 for i in range(5)]
    assert walk(tracker, times)[-1] == 1
    tracker.reset()
    assert walk(tracker, [10 + t for t in times])[-1] == 2
    assert walk(tracker, times)[-1] == 3


def test_every_detection_comes_back_in_order_and_as_detected() -> None:
    tracker = Tracker()
    boxes = [(10.0, 10.0, 60.0, 200.0), (300.0, 20.0, 340.0, 60.0), (400.0, 10.0, 460.0, 210.0)]
    for i in range(4):
        result = tracker.update(seen(*boxes, classes=(0, 3, 0)), START + i * SECOND // 10)
    numbers = {one.number for one in (result[0], result[2])}
    assert numbers == {1, 2}
    assert result[1] == Tracked(None, boxes[1], float(np.float32(0.8)), 3)
    assert [one.box for one in result] == boxes
    assert [one.confirmed for one in result] == [True, False, True]


def test_a_faint_detection_continues_a_track_and_starts_none() -> None:
    tracker = Tracker()
    faint = seen((100, 100, 180, 300), score=0.42)
    assert {tracker.update(faint, START + i)[0].number for i in range(5)} == {None}
    assert walk(tracker, [1, 1.1, 1.2, 1.3], speed=0)[-1] == 1
    assert tracker.update(faint, START + int(1.4 * SECOND))[0].number == 1


def test_nothing_seen_is_nothing_tracked() -> None:
    tracker = Tracker()
    assert [tracker.update(Detections.empty(), START + i) for i in range(3)] == [[], [], []]


@given(
    likeness=arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=4), elements=st.floats(0, 1))
)
def test_pairs_have_the_greatest_sum_and_none_is_below_the_least(likeness: np.ndarray) -> None:
    wide = likeness if likeness.shape[0] <= likeness.shape[1] else likeness.T
    best = max(sum(row[c] for row, c in zip(wide, order, strict=True)) for order in orders(wide))
    assert sum(likeness[pair] for pair in assign(likeness, 0.0)) == pytest.approx(best)
    assert all(likeness[pair] >= 0.5 for pair in assign(likeness, 0.5))


def orders(wide: np.ndarray) -> Iterator[tuple[int, ...]]:
    return permutations(range(wide.shape[1]), wide.shape[0])


@pytest.mark.parametrize("wrong", [{"confirm_hits": 0}, {"lost_ms": -1}])
def test_wrong_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="or more"):
        Tracker(**wrong)  # type: ignore[arg-type]  # a table of settings


@pytest.mark.parametrize(
    ("sequence", "step", "source", "idf1", "mota"),
    [
        ("TUD-Campus", 1, "detector", 0.53, 0.50),
        ("TUD-Campus", 3, "simulated", 0.77, 0.66),
        ("TUD-Stadtmitte", 1, "detector", 0.63, 0.55),
        ("TUD-Stadtmitte", 3, "simulated", 0.85, 0.78),
    ],
)
def test_the_chosen_tracker_stays_as_good_as_measured(
    sequence: str, step: int, source: str, idf1: float, mota: float
) -> None:
    score = compare(sequence, step, source, byte_track)
    assert score.idf1 >= idf1
    assert score.mota >= mota
