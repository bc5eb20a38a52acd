from __future__ import annotations

import json

import pytest

from scripts.bench import probe, pyds_over_ctypes
from scripts.msh import main
from tests.fakes.nvds import pyds

CALL = ["bench", "probe", "--cameras", "1", "2", "--objects", "1", "7", "--rounds", "3"]


def test_the_probe_is_measured_beside_the_bare_walk(capsys):
    pyds()
    assert main([*CALL, "--json"]) == 0
    costs = json.loads(capsys.readouterr().out)["costs"]
    assert [(cost["cameras"], cost["objects"]) for cost in costs] == [(1, 1), (1, 7), (2, 1), (2, 7)]
    # The suite's table is made of rows: with the reader and without it they differ tenfold.
    assert all(cost["through"] for cost in costs)
    assert all(cost["walk_us"] > 0 and cost["gate_us"] > 0 for cost in costs)
    assert all(cost["probe_us"] > 0 < cost["bare_us"] for cost in costs)
    assert main(CALL) == 0
    assert "of 4." in capsys.readouterr().out


def test_without_the_library_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(pyds_over_ctypes, "library_folder", lambda: None)
    monkeypatch.setattr(probe, "find_spec", lambda _name: None)
    assert main(["bench", "probe"]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), "nvidia-deepstream-videodecode-cu13" in err) == (1, True)


def test_pyds_without_deepstream_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(probe, "INSTALLED", tmp_path)
    monkeypatch.setattr(probe, "find_spec", lambda _name: object())
    assert main(["bench", "probe"]) == 2
    assert "holds no libnvds_meta.so" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["0", "many"])
def test_a_wrong_number_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "probe", "--cameras", wrong])
    assert (ended.value.code, wrong in capsys.readouterr().err) == (2, True)
