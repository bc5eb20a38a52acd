from __future__ import annotations

import cv2
import numpy as np
import pytest

from probes.frame import Box
from probes.recognition.sharpness import sharpness


@pytest.mark.parametrize("height", [120, 300, 900])
def test_a_blurred_picture_is_less_sharp_at_any_size(height: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (height // 3, height // 6), np.uint8)
    picture = cv2.resize(noise, (height // 2, height), interpolation=cv2.INTER_LINEAR)
    box = Box(0, 0, height / 2, height)
    measured = [sharpness(cv2.GaussianBlur(picture, (0, 0), s * height / 300), box) for s in (0.5, 2, 6)]
    assert measured[0] > 1.5 * measured[1] > 2 * measured[2] > 0


@pytest.mark.parametrize(
    "box", [Box(-50, -50, 20, 20), Box(0, 0, 1, 1), Box(90, 90, 50, 50), Box(500, 500, 9, 9)]
)
def test_a_box_outside_or_without_content_has_none(box: Box) -> None:
    assert sharpness(np.full((100, 100), 7, np.uint8), box) == 0.0
