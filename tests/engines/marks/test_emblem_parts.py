"""Emblems on large pictures: seen as a whole, and in parts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from engines.marks.emblem_parts import MAX_PARTS, PART, find_emblems_patiently, parts_of
from engines.marks.emblems import LONGEST_PATIENT, enrol, find_emblems
from tests.engines.marks.test_emblems import crest, picture_of, worn


def test_a_small_badge_on_a_large_picture_is_found_in_its_part() -> None:
    known = [one for seed in range(3) for one in enrol(f"crest{seed}", picture_of(crest(seed)))]
    large = np.full((1200, 640, 3), (90, 110, 70), np.uint8)  # shrunk to fit, the badge is small
    crop, (x, y) = worn(crest(1), 40)
    large[400 : 400 + crop.shape[0], 450 : 450 + crop.shape[1]] = crop
    assert find_emblems(large, known) == []
    (found,) = find_emblems_patiently(large, known)
    assert found.brand == "crest1"
    left, top, right, bottom = found.box
    assert abs((left + right) / 2 - 450 - x) < 10
    assert abs((top + bottom) / 2 - 400 - y) < 10


def test_a_large_badge_is_told_by_its_keypoints_in_a_smaller_picture_too() -> None:
    known = [one for seed in range(3) for one in enrol(f"crest{seed}", picture_of(crest(seed)))]
    shown = crest(1).astype(np.float32)  # three times as high as the largest drawing that is enrolled
    share = shown[..., 3:] / 255
    picture = np.full((300, 300, 3), (90, 110, 70), np.float32)
    picture[30:270, 30:270] = picture[30:270, 30:270] * (1 - share) + shown[..., 2::-1] * share
    picture = cv2.GaussianBlur(picture, (0, 0), 1.2) + np.random.default_rng(1).normal(0, 4, picture.shape)
    seen = picture.clip(0, 255).astype(np.uint8)
    (once,) = find_emblems(seen, known, LONGEST_PATIENT)
    (patiently,) = find_emblems_patiently(seen, known)
    assert patiently.brand == once.brand == "crest1"
    assert patiently.similarity > once.similarity
    assert np.allclose(patiently.box, (30, 30, 270, 270), atol=6)


@pytest.mark.parametrize("size", [(20, 20), (460, 300), (900, 700), (400, 9000), (6000, 4000)])
def test_parts_cover_a_large_picture_and_are_bounded(size: tuple[int, int]) -> None:
    seen = np.zeros((*size, 3), np.uint8)
    parts = list(parts_of(seen))
    assert len(parts) <= MAX_PARTS
    assert bool(parts) == (max(size) > 1.15 * PART)
    covered = np.zeros(size, np.bool_)
    for left, top, part in parts:
        covered[top : top + part.shape[0], left : left + part.shape[1]] = True
    assert covered.all() or not parts


def test_an_emblem_without_keypoints_stands_in_nobodys_way() -> None:
    blank = np.zeros((60, 60, 4), np.uint8)
    blank[..., 3] = 255
    known = [*enrol("crest1", picture_of(crest(1))), *enrol("blank", picture_of(blank))]
    crop, _ = worn(crest(1), 64)
    assert [seen.brand for seen in find_emblems(crop, known)] == ["crest1"]
