from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ocr.energy import large_text_areas, text_areas
from engines.ocr.windows import on_canvas, windows
from tests.engines.rendered_words import cloth, ink, printed, turned


def grey(picture: object) -> np.ndarray:
    return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_BGR2GRAY), np.uint8)


@pytest.mark.parametrize("capital", [10, 16, 32, 60])
@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
def test_a_word_lies_whole_in_one_area(capital: float, degrees: float) -> None:
    picture, (left, top, right, bottom) = printed(turned(ink("GUCCI"), degrees), capital, on=cloth(480, 400))
    (area,) = text_areas(grey(picture))
    assert (min(area[0], left), min(area[1], top)) == area[:2]
    assert (max(area[2], right), max(area[3], bottom)) == area[2:]


@pytest.mark.parametrize(("capital", "scale"), [(120, 0.6), (160, 0.3), (200, 0.3)])
def test_large_letters_are_strokes_of_a_picture_that_is_shrunk(capital: float, scale: float) -> None:
    picture, (left, top, right, bottom) = printed(ink("GUCCI"), capital, on=cloth(1200, 960))
    area = min(large_text_areas(grey(picture), scale))
    assert (min(area[0], left), min(area[1], top)) == area[:2]
    assert (max(area[2], right), max(area[3], bottom)) == area[2:]
    assert area[2] <= picture.shape[1]
    assert large_text_areas(grey(cloth(1200, 960)), scale) == []
    assert large_text_areas(grey(picture), 1.0) == [], "that is what text_areas tells"


def test_plain_and_folded_cloth_and_the_edge_of_a_jacket_hold_no_text() -> None:
    jacket = cloth()
    jacket[:, 120:] = 20
    for picture in (np.full((300, 200, 3), 90, np.uint8), cloth(), jacket):
        assert text_areas(grey(picture)) == []


def test_a_picture_full_of_strokes_is_one_area() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (300, 200), dtype=np.uint8)
    assert text_areas(noise) == [(0, 0, 200, 300)]


AREA = st.tuples(*[st.integers(0, 300)] * 2, *[st.integers(10, 200)] * 2).map(
    lambda a: (a[0], a[1], a[0] + a[2], a[1] + a[3])
)


@given(st.lists(AREA, max_size=6), st.floats(0.5, 1.5))
def test_windows_hold_all_areas_whole(areas: list[tuple[int, int, int, int]], scale: float) -> None:
    chosen = windows(areas, scale)
    assert len(chosen) <= len(areas)
    for x1, y1, x2, y2 in areas:
        assert any(a <= x1 and b <= y1 and c >= x2 and d >= y2 for a, b, c, d in chosen)


def test_near_areas_share_a_window_far_ones_do_not() -> None:
    assert len(windows([(0, 0, 60, 60), (62, 0, 120, 60)], 1.5)) == 1
    assert len(windows([(0, 0, 60, 60), (400, 400, 460, 460)], 1.5)) == 2


def test_a_canvas_has_one_of_few_shapes_and_begins_with_the_window() -> None:
    picture, _ = printed(ink("GUCCI"), 20)
    canvas = on_canvas(picture, (40, 200, 200, 280), 1.0)
    assert canvas.shape == (128, 192, 3)
    assert np.array_equal(canvas[:80, :160], picture[200:280, 40:200])
