"""engines.views: which parts of a picture a network is shown, and how large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.views import ENOUGH, LEAST_INPUT, MAX_AREA, STRIDE, View, input_shape, plan, split, whole

SIDES = st.integers(2, 4200)
PERSONS = 416 * 416


@pytest.mark.parametrize(
    ("picture", "shape"),
    [
        ((480, 270), (544, 320)),
        ((1920, 1080), (544, 320)),
        ((1080, 1920), (320, 544)),
        ((640, 480), (480, 352)),
        ((700, 700), (416, 416)),
        ((641, 3), (2784, 64)),
        ((16, 8000), (64, 2784)),
    ],
)
def test_the_input_has_the_pictures_aspect(picture: tuple[int, int], shape: tuple[int, int]) -> None:
    assert input_shape(picture, PERSONS) == shape


@given(SIDES, SIDES)
def test_an_input_costs_no_more_than_the_manifests_and_shows_no_less(width: int, height: int) -> None:
    shape = input_shape((width, height), PERSONS)
    assert shape[0] * shape[1] <= PERSONS * 1.03
    assert not shape[0] % STRIDE
    assert not shape[1] % STRIDE
    assert min(shape) >= LEAST_INPUT, "a network without its coarsest cells answers numbers not finite"
    assert min(shape[0] / width, shape[1] / height) >= min(416 / width, 416 / height) * 0.97


@given(SIDES, SIDES, st.floats(0.05, 1.0))
def test_the_smallest_person_is_shown_large_enough_everywhere(width: int, height: int, scale: float) -> None:
    views = plan((width, height), area=PERSONS, scale=scale)
    assert views[0].region == whole((width, height))
    fine = [view for view in views if _scale(view) >= scale * ENOUGH - 1e-9]
    for x, y in [(0, 0), (width - 1, height - 1), (width // 2, height // 2), (width - 1, 0), (0, height - 1)]:
        assert any(v.region[0] <= x < v.region[2] and v.region[1] <= y < v.region[3] for v in fine)
    for view in views:
        assert view.size[0] * view.size[1] <= MAX_AREA
        left, top, right, bottom = view.region
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert not left % 2
        assert not top % 2


def test_small_pictures_cost_what_they_did() -> None:
    assert len(plan((768, 432), area=640 * 384, scale=1.0)) == 1


def test_a_full_view_is_split_into_quarters_that_cover_it_until_it_is_small() -> None:
    view = View((0, 0, 1920, 1080), (544, 320))
    parts = split(view)
    assert len(parts) == 4
    assert all(_scale(part) >= 2 * 544 / 1920 - 0.01 for part in parts)
    assert {part.region[:2] for part in parts} >= {(0, 0)}
    assert max(part.region[2] for part in parts) == 1920
    assert max(part.region[3] for part in parts) == 1080
    assert parts[0].region[2] > parts[1].region[0]  # they overlap: nobody is cut by all of them
    assert split(View((0, 0, 150, 900), (160, 928))) == []


def _scale(view: View) -> float:
    left, top, right, bottom = view.region
    return min(view.size[0] / (right - left), view.size[1] / (bottom - top))
