"""Real photographs (of scikit-image): what is enrolled is found there, and nothing else is.

The astronaut wears the patch of her mission. NASA's own mark is not on her; 3 blurred px of it are on the
model of the shuttle behind her, too small for anything.
"""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import skimage

from engines.errors import BadInput
from engines.marks.emblems import enrol, find_emblems
from engines.marks.gallery import Gallery, read_cohort
from engines.marks.network import MarkFinder
from engines.marks.picture import Ground, MarkPicture, read_mark, read_marks
from engines.paths import CONFIGS
from pipelines.brands.enrol import build_enroller
from pipelines.brands.folder import read_brands
from pricing.ledger.evidence import SURE

if TYPE_CHECKING:
    from engines.marks.types import Enrolled

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
STARTERS = CONFIGS / "brands"
PATCH = (133, 346, 210, 424)


def photograph(name: str) -> np.ndarray:
    picture = cv2.imread(str(PHOTOGRAPHS / name))
    assert picture is not None
    return picture


@cache
def starters() -> tuple[Enrolled, ...]:
    enroller, found = build_enroller(), []
    sources = [source for source in read_brands(STARTERS) if source.pictures]
    pictures = iter(read_marks([path for source in sources for path in source.pictures]))
    for source in sources:
        own = islice(pictures, len(source.pictures))
        good = [picture for picture in own if not isinstance(picture, BadInput)]
        found.append(enroller.enrol(source.key, good, source.file.wanted))
    return tuple(marks for marks in found if marks is not None)


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
    emblems = [*enrol("mission", patch()), *enrol("nasa", read_mark(STARTERS / "nasa" / "nasa.svg"))]
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
