"""A picture is explained where each cell is as it was, or lies where somebody known can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.explained_motion import (
    SeenPicture,
    cell_means,
    changed_cells,
    changed_in,
    changed_parts,
    is_explained,
)

NOBODY = np.zeros((0, 4), np.float32)
PERSON = np.array([[100, 100, 160, 280]], np.float32)
WALL = np.full((360, 640), 90, np.uint8)
TENTH_NS = 100_000_000


def with_block(left: int, top: int, wide: int, high: int, light: int = 0) -> np.ndarray:
    shown = WALL + np.uint8(light)
    shown[top : top + high, left : left + wide] = 200
    return shown


def seen(
    luma: np.ndarray, at: int = 0, boxes: np.ndarray = NOBODY, places: np.ndarray = NOBODY
) -> SeenPicture:
    return SeenPicture(at, cell_means(luma), boxes, places)


@pytest.mark.parametrize(
    ("luma", "pictures", "is_known"),
    [
        (WALL, [seen(WALL)], True),
        (WALL + np.uint8(20), [seen(WALL)], True),
        (with_block(320, 160, 20, 60), [seen(WALL)], False),
        (with_block(322, 162, 8, 8), [seen(WALL)], True),
        (with_block(110, 120, 40, 100), [seen(WALL, boxes=PERSON)], True),
        (with_block(320, 160, 20, 60), [seen(WALL, boxes=PERSON)], False),
        (with_block(170, 120, 30, 100), [seen(WALL, boxes=PERSON)], True),
        (with_block(110, 120, 40, 100), [seen(WALL, places=PERSON)], True),
        (with_block(180, 120, 40, 100), [seen(WALL, places=PERSON)], False),
        (with_block(320, 160, 20, 60), [seen(WALL), seen(with_block(320, 160, 20, 60), 10**8)], True),
        (with_block(320, 160, 20, 60), [seen(WALL), seen(with_block(400, 160, 20, 60), 10**8)], False),
        (with_block(320, 160, 20, 60), [seen(WALL, boxes=PERSON - [300, 0, 300, 0])], False),
        (with_block(320, 160, 20, 60), [seen(WALL, places=PERSON - [0, 400, 0, 400])], False),
        (WALL, [], False),
        (WALL, [seen(WALL[:180])], False),
    ],
    ids=[
        "still",
        "light",
        "somebody new",
        "less than two cells",
        "a known person",
        "far from a known person",
        "where a known person may be by now",
        "where something may be",
        "beside what may be something",
        "as in the later one",
        "as in neither",
        "somebody left of the picture",
        "something above the picture",
        "no picture",
        "another size",
    ],
)
def test_what_is_explained(luma: np.ndarray, pictures: list[SeenPicture], is_known: bool) -> None:
    assert is_explained(cell_means(luma), TENTH_NS, pictures) is is_known


@given(st.integers(0, 580), st.integers(0, 260), st.integers(32, 60), st.integers(48, 100))
def test_somebody_of_the_least_size_is_never_explained_by_a_wall(
    left: int, top: int, wide: int, high: int
) -> None:
    assert not is_explained(cell_means(with_block(left, top, wide, high)), TENTH_NS, [seen(WALL)])


def test_what_changed_in_a_region_is_bounded_by_it() -> None:
    changed = changed_cells(cell_means(with_block(320, 160, 32, 32)), seen(WALL))
    assert changed_in((0, 0, 640, 360), changed) == (304, 144, 368, 208)
    assert changed_in((330, 170, 340, 180), changed) == (330, 170, 340, 180)
    assert changed_in((0, 0, 100, 100), changed) is None


def test_what_changed_in_regions_is_told_once_and_not_where_it_is_covered() -> None:
    changed = changed_cells(cell_means(with_block(320, 160, 64, 32)), seen(WALL))
    regions = np.array([[300, 150, 360, 200], [0, 0, 640, 360], [0, 0, 100, 100]], np.float32)
    assert list(changed_parts(regions, changed, [])) == [(304, 150, 360, 200), (336, 144, 400, 208)]
    assert list(changed_parts(regions, changed, [(320, 160, 384, 192)])) == []
