"""engines.image: pictures of three planes, cut and turned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.image import I420
from tests.fakes.scenes import noise

SIDES = st.integers(2, 40)


@given(SIDES, SIDES)
def test_four_quarter_turns_are_none_and_two_are_half_a_turn(width: int, height: int) -> None:
    picture = noise(width, height)
    turned = picture
    for _ in range(4):
        turned = turned.rotated(90)
    assert turned.tobytes() == picture.tobytes()
    assert picture.rotated(90).rotated(90).tobytes() == picture.rotated(180).tobytes()
    assert picture.rotated(90).rotated(270).tobytes() == picture.rotated(0).tobytes() == picture.tobytes()


def test_it_turns_clockwise_into_planes_of_its_own() -> None:
    picture = noise(6, 4)
    turned = picture.rotated(90)
    assert (turned.width, turned.height) == (4, 6)
    assert turned.y[0, -1] == picture.y[0, 0]
    assert turned.u[0, -1] == picture.u[0, 0]
    assert turned.y.flags.c_contiguous
    assert not np.shares_memory(picture.rotated(180).y, picture.y)
    with pytest.raises(ValueError, match="0, 90, 180 or 270"):
        picture.rotated(45)


@pytest.mark.parametrize("times", [1.0, 1.5, 2.0])
@pytest.mark.parametrize(("width", "height"), [(40, 60), (41, 61), (393, 826), (1, 1)])
def test_a_picture_amid_black_is_whole_and_in_the_middle(width: int, height: int, times: float) -> None:
    picture = I420.black(width, height)
    for plane in (picture.y, picture.u, picture.v):
        plane[:] = 77
    around, left, top = picture.amid_black(times)
    assert (around.width % 2, around.height % 2, left % 2, top % 2) == (0, 0, 0, 0)
    assert abs(around.width - width * times) <= 1
    assert int((around.y == 77).sum()) == width * height
    assert (around.y[top : top + height, left : left + width] == 77).all()
    inside = picture.u.shape
    there = (slice(top // 2, top // 2 + inside[0]), slice(left // 2, left // 2 + inside[1]))
    assert (around.u[there] == 77).all()
    assert (around.v[there] == 77).all()
