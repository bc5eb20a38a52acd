from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from scripts.bench import detector
from scripts.msh import main

QUICK = ["bench", "detector", "--only", "mark-embedding", "--rounds", "1"]


@pytest.fixture(autouse=True)
def _one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (96, 64, 3), np.uint8)
    monkeypatch.setattr(detector, "_pictures", lambda: [picture])


def test_each_arithmetic_that_the_cpu_has_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["mark-embedding"]
    assert rows[detector.EXACT]["alike"] == 1
    assert set(rows) <= set(detector.PRECISIONS)
    assert all(row["cpu_ms"] > 0 for row in rows.values())


@pytest.mark.parametrize(
    "wrong",
    [
        ["--only", "no-such-model"],
        ["--rounds", "0"],
        ["--rival", "/no/such/python"],
        ["--rival", sys.executable],  # without ONNX Runtime
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
