from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from engines.marks.emblems import LEAST_INLIERS, LEAST_PLACES, enrol, find_emblems, places
from engines.marks.picture import Ground, MarkPicture, exchanged
from engines.marks.types import Route


def crest(seed: int, side: int = 240) -> np.ndarray:
    """Draw a badge full of detail, RGBA."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((side, side, 4), np.uint8)
    cv2.circle(picture, (side // 2, side // 2), side // 2 - 2, (30, 40, 120, 255), -1)
    for _ in range(24):
        x, y = (int(v) for v in rng.integers(side // 5, side * 4 // 5, 2))
        w, h = (int(v) for v in rng.integers(side // 14, side // 5, 2))
        colour = (*(int(v) for v in rng.integers(0, 256, 3)), 255)
        if rng.random() < 0.5:
            cv2.rectangle(picture, (x, y), (min(x + w, side * 4 // 5), min(y + h, side * 4 // 5)), colour, -1)
        else:
            cv2.ellipse(picture, (x, y), (w // 2, h // 2), float(rng.uniform(0, 180)), 0, 360, colour, -1)
    return picture


def picture_of(pixels: np.ndarray, ground: Ground = Ground.NONE) -> MarkPicture:
    return MarkPicture(Path("crest.png"), np.ascontiguousarray(pixels, np.uint8), ground)


def worn(pixels: np.ndarray, height: int, turn: float = 0.0) -> tuple[np.ndarray, tuple[int, int]]:
    """Lay the mark on a garment in a person's crop; return the crop and the mark's middle."""
    rng = np.random.default_rng(1)
    crop = np.full((300, 160, 3), (90, 110, 70), np.float32)
    matrix = cv2.getRotationMatrix2D(
        (pixels.shape[1] / 2, pixels.shape[0] / 2), turn, height / pixels.shape[0]
    )
    matrix[:, 2] += np.array([80, 120]) - np.array(pixels.shape[1::-1]) / 2
    small = cv2.warpAffine(pixels, matrix, (160, 300), flags=cv2.INTER_AREA).astype(np.float32)
    share = small[..., 3:] / 255
    crop = crop * (1 - share) + small[..., 2::-1] * share
    crop = cv2.GaussianBlur(crop, (0, 0), 0.6) + rng.normal(0, 2, crop.shape)
    return crop.clip(0, 255).astype(np.uint8), (80, 120)


@pytest.mark.parametrize(("height", "turn"), [(40, 0.0), (64, 12.0), (90, -20.0)])
def test_an_emblem_is_found_on_a_garment_where_it_is(height: int, turn: float) -> None:
    known = [one for seed in range(3) for one in enrol(f"crest{seed}", picture_of(crest(seed)))]
    crop, (x, y) = worn(crest(1), height, turn)
    (found,) = find_emblems(crop, known)
    assert found.brand == "crest1"
    assert found.route is Route.EMBLEM
    assert found.similarity >= LEAST_INLIERS
    assert found.confidence > 0.3
    left, top, right, bottom = found.box
    assert abs((left + right) / 2 - x) < height / 4
    assert abs((top + bottom) / 2 - y) < height / 4


def test_around_given_places_alone_an_emblem_is_found_as_it_is_everywhere() -> None:
    known = [one for seed in range(3) for one in enrol(f"crest{seed}", picture_of(crest(seed)))]
    crop, (x, y) = worn(crest(1), 64, 12)
    (everywhere,) = find_emblems(crop, known)
    on_it, beside = (x - 34, y - 34, x + 34, y + 34), (20, 240, 60, 280)
    for boxes in ([on_it], [on_it, beside], [beside, on_it, (x - 40, y - 20, x, y + 20)], [(0, 0, 160, 300)]):
        (found,) = find_emblems(crop, known, places=np.array(boxes, np.float32))
        assert found.brand == "crest1"
        assert found.similarity >= LEAST_INLIERS
        assert np.allclose(found.box, everywhere.box, atol=4)
    assert find_emblems(crop, known, places=np.array([beside], np.float32)) == []
    assert find_emblems(crop, known, places=np.zeros((0, 4), np.float32)) == []


def test_an_emblem_is_enrolled_from_a_garment_too() -> None:
    crop, (x, y) = worn(crest(1), 100)
    cut = cv2.cvtColor(crop[y - 50 : y + 50, x - 50 : x + 50], cv2.COLOR_BGR2RGBA)
    known = enrol("crest1", picture_of(cut, Ground.GARMENT))
    assert [found.brand for found in find_emblems(worn(crest(1), 70, 8)[0], known)] == ["crest1"]


@pytest.mark.parametrize("other_way", [False, True])
def test_an_emblem_is_found_in_exchanged_colours(other_way: bool) -> None:
    known = [one for seed in range(3) for one in enrol(f"crest{seed}", picture_of(crest(seed)))]
    crop = worn(crest(1), 80)[0]
    (found,) = find_emblems(exchanged(crop) if other_way else crop, known)
    assert found.brand == "crest1"


def test_the_pictures_of_one_brand_do_not_compete_for_keypoints() -> None:
    crop, (x, y) = worn(crest(1), 100)
    cut = cv2.cvtColor(crop[y - 50 : y + 50, x - 50 : x + 50], cv2.COLOR_BGR2RGBA)
    drawn, garment = enrol("crest1", picture_of(crest(1))), enrol("crest1", picture_of(cut, Ground.GARMENT))
    alone = [find_emblems(worn(crest(1), 70)[0], one)[0] for one in (drawn, garment)]
    (both,) = find_emblems(worn(crest(1), 70)[0], [*drawn, *garment, *enrol("crest2", picture_of(crest(2)))])
    assert both.similarity >= max(found.similarity for found in alone) - 2


def test_an_emblem_that_is_not_enrolled_stays_unknown() -> None:
    known = [one for seed in range(3) for one in enrol(f"crest{seed}", picture_of(crest(seed)))]
    assert find_emblems(worn(crest(9), 64)[0], known) == []


@pytest.mark.parametrize(
    "crop",
    [np.zeros((4, 4, 3), np.uint8), np.full((200, 90, 3), 128, np.uint8), np.zeros((12, 400, 3), np.uint8)],
)
def test_what_shows_nothing_tells_nothing(crop: np.ndarray) -> None:
    assert find_emblems(crop, enrol("crest", picture_of(crest(1)))) == []
    assert find_emblems(crop, []) == []


def test_only_detailed_pictures_are_worth_it() -> None:
    bar = np.zeros((60, 200, 4), np.uint8)
    bar[20:40, 20:180] = (0, 0, 0, 255)
    assert places(enrol("", picture_of(crest(1)))[0]) >= LEAST_PLACES
    assert places(enrol("", picture_of(bar))[0]) < LEAST_PLACES
    plain = picture_of(np.full((64, 64, 4), 255, np.uint8), Ground.GARMENT)
    assert places(enrol("", plain)[0]) < LEAST_PLACES
