from __future__ import annotations

import numpy as np
import pytest

from engines.marks import emblems
from engines.marks.types import Emblem, Keypoints, Route, Sighting
from engines.training.split import held_out
from scripts.bench.brands.dataset import COUNTS, Shot, pack, read_set
from scripts.bench.brands.rivals import Emblems, sureness
from scripts.msh import main


def test_the_test_set_is_whole_and_kept_from_training() -> None:
    brands = read_set()
    assert {kind: len(drawings) for kind, drawings in brands.drawings.items()} == {
        kind: COUNTS[kind] for kind in ("symbols", "emblems")
    }
    assert all(held_out(name) for name in brands.drawings["symbols"])
    for shots in brands.shots.values():
        for shot in shots:
            height, width = shot.picture.shape[:2]
            for mark in shot.marks:
                assert 0 <= mark.box[0] < mark.box[2] <= width
                assert 0 <= mark.box[1] < mark.box[3] <= height


def test_pictures_come_off_a_sheet_as_they_went_on() -> None:
    rng = np.random.default_rng(0)
    pictures = [
        rng.integers(0, 256, (h, w, 3), np.uint8) for h, w in ((30, 900), (17, 1100), (40, 300), (8, 9))
    ]
    sheet, places = pack(pictures)
    for picture, (x, y, w, h) in zip(pictures, places, strict=True):
        assert np.array_equal(sheet[y : y + h, x : x + w], picture)


def test_a_match_counts_only_over_its_threshold_and_ahead_of_all_others() -> None:
    own = np.array([[0.8, 0.2], [0.5, 0.2], [0.8, 0.79], [0.8, 0.2]], np.float32)
    other = np.array([0.3, 0.3, 0.3, 0.9], np.float32)
    sure, taken = sureness(own, other, np.array([0.6, 0.6], np.float32))
    assert taken.tolist() == [True, False, False, False]
    assert sure.argmax() == 0


def test_a_keypoints_answer_counts_for_its_brand_however_many_emblems_a_brand_has(monkeypatch) -> None:
    none = Keypoints(*(np.zeros(shape, np.float32) for shape in ((0, 2), 0, 0, (0, 128))))
    known = [Emblem(brand, none, 1.0) for brand in ("a", "a", "b", "b", "c", "c")]
    seen = Sighting("b", 0.9, (0, 0, 9, 9), Route.EMBLEM, 8, "")
    monkeypatch.setattr(emblems, "find_emblems", lambda *_: [seen])
    shot = Shot(np.zeros((9, 9, 3), np.uint8), ())
    assert Emblems(known).scores(shot, 0).tolist() == [0, 8, 0]


@pytest.mark.parametrize("args", [["--sample", "0"], ["--people", "0"], ["--network", "none.onnx"]])
def test_a_wrong_call_is_one_line(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "brands", *args]) == 2
    assert capsys.readouterr().err.count("\n") == 1
