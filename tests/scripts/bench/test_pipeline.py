from __future__ import annotations

import pytest

from scripts.msh import main
from tests.scripts.demo import films as demo_films


def test_the_pipeline_bench_prints_each_step_beside_inference(capsys):
    film = str(demo_films.clips()["counter"].path)
    assert main(["bench", "pipeline", film, "--frames", "4", "--rounds", "1"]) == 0
    out = capsys.readouterr().out
    assert all(step in out for step in ("decode", "detect", "track", "redact", "draw", "whole chain"))


@pytest.mark.parametrize("args", [["none.mp4"], ["--frames", "0"]])
def test_a_wrong_call_is_one_line(args, capsys):
    assert main(["bench", "pipeline", *args]) == 2
    assert capsys.readouterr().err.count("\n") == 1
