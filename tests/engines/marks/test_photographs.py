"""Real photographs (of scikit-image): what is enrolled is found there, and nothing else is.

The astronaut wears the patch of her mission. NASA's own mark is not on her; 3 blurred px of it are on the
model of the shuttle behind her, too small for anything.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import skimage

from engines.marks.emblems import enrol, find_emblems
from engines.marks.gallery import Gallery, read_cohort
from engines.marks.network import MarkFinder
from engines.marks.picture import Ground, MarkPicture, read_mark
from pipelines.brands.enrol import build_enroller
from pipelines.brands.enrolled_cache import EnrolledCache
from pipelines.brands.gallery import BrandReader
from pipelines.settings.brands import STARTER, BrandsConfig
from pricing.ledger.evidence import SURE
from scripts.tools.starter_marks import DRAWN
from tests.fakes.printed import cameraman

if TYPE_CHECKING:
    from engines.marks.types import Enrolled

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
PATCH = (133, 346, 210, 424)


def photograph(name: str) -> np.ndarray:
    picture = cv2.imread(str(PHOTOGRAPHS / name))
    assert picture is not None
    return picture


@cache
def starters() -> tuple[Enrolled, ...]:
    return BrandReader(BrandsConfig(), build_enroller, EnrolledCache.of_this_machine()).read().enrolled


def patch() -> MarkPicture:
    x1, y1, x2, y2 = PATCH
    cut = cv2.cvtColor(photograph("astronaut.png")[y1:y2, x1:x2], cv2.COLOR_BGR2RGBA)
    return MarkPicture(Path("patch.png"), np.ascontiguousarray(cut, np.uint8), Ground.GARMENT)


@pytest.mark.parametrize(("share", "turn"), [(1.0, 0.0), (0.7, 8.0), (0.5, -6.0)])
def test_the_patch_enrolled_from_the_suit_is_found_again_smaller_turned_and_compressed(
    share: float, turn: float
) -> None:
    whole = photograph("astronaut.png")
    matrix = cv2.getRotationMatrix2D((256, 256), turn, share)
    seen = cv2.warpAffine(whole, matrix, (512, 512), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    _, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, 75])
    emblems = [*enrol("mission", patch()), *enrol("nasa", read_mark(STARTER / "nasa" / "nasa.svg"))]
    (found,) = find_emblems(cv2.imdecode(data, cv2.IMREAD_COLOR), emblems)
    middle = matrix @ [(PATCH[0] + PATCH[2]) / 2, (PATCH[1] + PATCH[3]) / 2, 1]
    assert found.brand == "mission"
    assert np.allclose([(found.box[0] + found.box[2]) / 2, (found.box[1] + found.box[3]) / 2], middle, atol=8)


@pytest.mark.parametrize(
    "name", ["astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "page.png"]
)
def test_where_no_enrolled_mark_is_none_is_seen_for_sure(name: str) -> None:
    picture = photograph(name)
    emblems = [emblem for marks in starters() for emblem in marks.emblems]
    sightings = Gallery(starters(), read_cohort()).sightings(MarkFinder().find(picture))
    assert find_emblems(picture, emblems) == []
    assert [s for s in sightings if s.confidence >= SURE] == []


@pytest.mark.parametrize("drawing", DRAWN)
def test_a_mark_drawn_for_the_starter_set_is_told_from_all_others_where_it_is_worn(drawing: str) -> None:
    brand = drawing.split("/", maxsplit=1)[0].replace("-", " ")
    _, data = cv2.imencode(".jpg", cameraman(brand, drawing), [cv2.IMWRITE_JPEG_QUALITY, 70])
    found = MarkFinder().find(cv2.imdecode(data, cv2.IMREAD_COLOR))
    sure = [s.brand for s in Gallery(starters(), read_cohort()).sightings(found) if s.confidence >= SURE]
    assert set(sure) == {brand}
