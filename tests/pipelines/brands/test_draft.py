"""A brand's swatch is tried on what people of a picture wear, before there is such a brand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.manifest import GARMENTS
from engines.marks.picture import read_pattern
from pipelines.brands.draft import save_draft_picture, try_on
from pipelines.brands.enrol import build_enroller
from tests.fakes.cloth import ASTRONAUT, check, dressed_in

if TYPE_CHECKING:
    from pathlib import Path

    from engines.marks.types import Enrolled


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    raw = tmp_path_factory.mktemp("swatch") / "raw"
    raw.write_bytes(cv2.imencode(".png", check())[1].tobytes())
    kept = save_draft_picture(raw, raw.with_name("kept"), lambda _: 0, is_pattern=True)
    assert (kept.is_pattern, kept.size, len(kept.parts)) == (True, (240, 240), 1)
    found = build_enroller().enrol("karo", [read_pattern(kept.path)], None)
    assert found is not None
    assert found.pattern is not None
    return found


def test_a_worn_pattern_is_seen_where_it_is_worn(enrolled: Enrolled) -> None:
    places = try_on(dressed_in(check()), enrolled, GARMENTS)
    assert places
    assert all(one.counts and one.pattern and one.similarity >= one.needed for one in places)
    assert all(one.box[1] + one.box[3] / 2 > 217 for one in places), "the suit begins below the face"


def test_what_is_most_like_it_is_told_where_nobody_wears_it(enrolled: Enrolled) -> None:
    places = try_on(np.asarray(cv2.imread(str(ASTRONAUT)), np.uint8), enrolled, GARMENTS)
    assert places
    assert not any(one.counts for one in places)
    assert all(one.pattern and one.similarity < one.needed for one in places)


def test_nothing_is_compared_without_people_or_without_garments(enrolled: Enrolled) -> None:
    assert try_on(np.full((480, 640, 3), 120, np.uint8), enrolled, GARMENTS) == []
    assert try_on(dressed_in(check()), enrolled, None) == []


def test_a_swatch_is_kept_whole_where_a_mark_is_trimmed(tmp_path: Path) -> None:
    framed = np.full((160, 160, 3), 255, np.uint8)
    framed[30:130, 30:130] = check(100)
    raw = tmp_path / "raw"
    raw.write_bytes(cv2.imencode(".png", framed)[1].tobytes())
    assert save_draft_picture(raw, tmp_path / "a", lambda _: 0, is_pattern=True).size == (160, 160)
    assert save_draft_picture(raw, tmp_path / "b", lambda _: 0).size == (100, 100)
