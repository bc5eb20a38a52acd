from __future__ import annotations

import json

import pytest

from scripts.bench.prices import memory
from scripts.msh import main


def test_bench_prices_measures(capsys):
    assert main(["bench", "prices", "--people", "20", "--looks", "5", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert all(figure > 0 for figure in figures.values())


def test_a_wrong_count_is_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["bench", "prices", "--people", "many"])
    assert "'many' is not a number from 1 to 1000000" in capsys.readouterr().err


def test_more_people_take_more_memory():
    assert memory(40, 5) > 1.5 * memory(20, 5) > 1000
