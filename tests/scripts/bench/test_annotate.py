"""Masking alone beside another make: what counts as open, and what a contestant is asked."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from engines.colour import from_bgr
from scripts.bench import annotate
from scripts.bench.annotate import MaskedFilm
from scripts.bench.contestants import DEFACE, FILM, OURS
from scripts.msh import main

FACE = (175, 70, 270, 185)
"""Of the portrait."""
ALL_BLACK = """#!{python}
import sys
import numpy as np

if "-c" in sys.argv:
    sys.exit(0)  # asked for modules: nothing is missing
shown = np.load(sys.argv[2])
np.savez(sys.argv[3], *(np.zeros(shown[name].shape[:2], np.uint8) for name in shown.files))
for _ in sys.stdin:
    print(3.0, 2.0, flush=True)
"""


@pytest.fixture
def _portrait(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = from_bgr(np.ascontiguousarray(data.astronaut()[:400, :480, ::-1]))
    shown = MaskedFilm(Path("counter"), [picture, picture], [np.array([FACE], np.float32)] * 2)
    monkeypatch.setattr(annotate, "MOMENTS", {"counter": 0})
    monkeypatch.setattr(annotate, "_shown", lambda *_: shown)
    monkeypatch.setattr("scripts.bench.pipeline.demo_clips", lambda: {"counter": None})


@pytest.mark.usefixtures("_portrait")
def test_both_mask_the_same_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "python"
    other.write_text(ALL_BLACK.format(python=sys.executable))
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    call = ["bench", "annotate", "--rounds", "1", "--sizes", "480x400", "--rival", str(other), "--json"]
    assert main(call) == 0
    found = json.loads(capsys.readouterr().out)["480x400"]
    assert (found[OURS]["faces"], found[OURS]["open"]) == (1, 0)
    assert (found[FILM]["faces"], found[FILM]["open"]) == (1, 0)
    for name in (OURS, FILM):
        assert found[name]["cpu_ms"] > 0
        assert 0 < found[name]["masked_share"] < 0.5
    assert found[DEFACE] == {"ms": 3.0, "cpu_ms": 2.0, "faces": 1, "open": 1, "masked_share": 0.0}


@pytest.mark.parametrize("wrong", [["--rounds", "0"], ["--sizes", "wide"], ["--sizes", "20x20"]])
def test_a_wrong_call_is_one_line(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "annotate", *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
