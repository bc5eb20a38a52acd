"""engines.image: pictures of three planes, cut and turned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
