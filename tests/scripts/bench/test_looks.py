from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from pipelines.settings.brands import BrandsConfig
from probes.recognition.look_workers import QUEUE
from scripts.bench.looks import measure
from scripts.msh import main


@pytest.fixture
def _one_brand(models_once, monkeypatch) -> None:
    """Enrol one brand: all of the starter set take longer than what is tested here."""
    monkeypatch.setattr("scripts.bench.look_cost.BrandsConfig", lambda: BrandsConfig(only=("burberry",)))


@pytest.mark.usefixtures("_one_brand")
def test_bench_looks_measures(capsys) -> None:
    few = ["--cameras", "2", "--people", "3", "--seconds", "2", "--most", "2"]
    assert main(["bench", "looks", *few, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["offer_median_us"] > 0
    assert figures["look_looks"] == 2
    assert min(figures["look_cpu_ms"], figures["look_cpu_ms_without_keypoints"]) > 0
    assert figures["look_cpu_ms_in_a_round"] > 0
    assert figures["looks_per_second"] > 0


@pytest.mark.parametrize("people", [1, 10])
def test_however_many_people_the_budget_and_the_queue_hold(people: int) -> None:
    figures = measure(cameras=4, people=people, seconds=6)
    assert figures["looks_per_second"] <= 8 + 2 / 6 + 0.5
    assert figures["waiting_most"] <= QUEUE


def test_a_wrong_count_is_one_line(capsys) -> None:
    assert main(["bench", "looks", "--people", "0"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.usefixtures("_one_brand")
def test_the_cost_of_a_look_is_measured_on_photographs(tmp_path, capsys) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), np.full((200, 100, 3), 90, np.uint8))
    assert main(["bench", "looks", "--photos", str(tmp_path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["looks"] == 1
    assert figures["cpu_ms_without_garments"] > 0
    (tmp_path / "one.png").unlink()
    assert main(["bench", "looks", "--photos", str(tmp_path)]) == 2
