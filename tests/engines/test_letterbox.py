from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from engines.colour import from_bgr, to_bgr
from engines.image import I420
from engines.letterbox import Fit, letterbox

SIDES = st.tuples(st.integers(2, 4000), st.integers(2, 4000))
INPUTS = st.sampled_from([(416, 416), (544, 320), (640, 384), (960, 544)])


@given(SIDES, INPUTS)
def test_the_picture_lies_inside_whole_and_centred(picture: tuple[int, int], into: tuple[int, int]) -> None:
    fit = Fit.of(picture, into)
    right, bottom = into[0] - fit.left - fit.width, into[1] - fit.top - fit.height
    assert fit.left % 2 == fit.top % 2 == fit.width % 2 == fit.height % 2 == 0
    assert 0 <= right - fit.left <= 2
    assert 0 <= bottom - fit.top <= 2
    assert min(fit.left, fit.top) <= 1


@given(SIDES, INPUTS, st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=5))
def test_boxes_come_back(
    picture: tuple[int, int], into: tuple[int, int], parts: list[tuple[float, ...]]
) -> None:
    fit = Fit.of(picture, into)
    boxes = np.array(parts, np.float32).reshape(-1, 4) * np.array(picture * 2, np.float32)
    inside = fit.to_input(boxes)
    assert (inside >= -1e-3).all()
    assert (inside <= np.array(into * 2) + 1e-3).all()
    np.testing.assert_allclose(fit.to_picture(inside), boxes, atol=max(picture) * 1e-4)


@pytest.mark.parametrize(
    ("picture", "into"), [((1, 9), (416, 416)), ((9, 9), (416, 1)), ((0, 0), (416, 416))]
)
def test_too_small_is_refused(picture: tuple[int, int], into: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="below 2 px"):
        Fit.of(picture, into)


@pytest.mark.parametrize("size", [(768, 576), (1280, 720), (1920, 1080), (320, 240), (433, 577)])
@pytest.mark.parametrize("rgb", [False, True])
def test_colours_and_places_are_those_of_a_plain_resize(size: tuple[int, int], rgb: bool) -> None:
    bgr = cv2.resize(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_AREA)
    picture = from_bgr(bgr)
    target = np.full((320, 544, 3), 77, np.uint8)
    fit = letterbox(picture, target, rgb=rgb)
    inner = target[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width]
    plain = cv2.resize(to_bgr(picture), (fit.width, fit.height), interpolation=cv2.INTER_AREA)
    expected = plain[..., ::-1] if rgb else plain
    assert np.abs(inner.astype(int) - expected).mean() < 3
    assert np.abs(inner.astype(float).mean((0, 1)) - expected.astype(float).mean((0, 1))).max() < 1
    target[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width] = 0
    assert not target.any()


def test_a_thing_is_drawn_where_its_box_says() -> None:
    picture = I420.black(1920, 1080)
    picture.y[400:600, 900:1000] = 235
    target = np.empty((384, 640, 3), np.uint8)
    fit = letterbox(picture, target)
    rows, columns = np.nonzero(target[..., 0] > 127)
    seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    np.testing.assert_allclose(fit.to_picture(seen), [[900, 400, 1000, 600]], atol=3)
