"""The verdict of a bench with more cameras than the machine can analyse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scripts.bench.cameras import StoreLoad
from scripts.bench.overload import ToldMoment, verdicts
from scripts.msh import main

LOAD = StoreLoad(
    "make-sales-happen",
    8,
    25,
    40.0,
    40.0,
    200.0,
    50.0,
    50.0,
    0.2,
    0.5,
    1.0,
    1.0,
    900.0,
    {},
    {},
    {"met": 30},
    3.0,
)
TOLD = [ToldMoment(1, 1, "fewer frames per second", ())] * 10
LOG = ["overload: 20 % of frames are analysed"]


def judged(load: StoreLoad = LOAD, told: list[ToldMoment] = TOLD, log: list[str] = LOG) -> list[str]:
    return [one.name for one in verdicts(load, told, log) if not one.good]


def test_a_box_that_holds_looks_and_says_what_it_leaves_out_is_good() -> None:
    assert judged() == []
    assert judged(told=[*TOLD, replace(TOLD[0], metrics_step=2)]) == []  # it changed between two questions
    all_well = [ToldMoment(0, 0, "nothing is left out", ())]
    assert judged(replace(LOAD, processed_per_s=199.0), all_well, []) == []


@pytest.mark.parametrize(
    ("load", "name"),
    [
        (replace(LOAD, owed={"met": 30, "missed": 1}), "looks"),
        (replace(LOAD, owed={}), "looks"),
        (replace(LOAD, latency_p95_s=2.5), "latency"),
        (replace(LOAD, latency_p95_s=None), "latency"),
    ],
)
def test_looks_and_latency_that_do_not_hold_are_named(load: StoreLoad, name: str) -> None:
    assert judged(load) == [name]


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ([ToldMoment(0, 0, "nothing is left out", ())], ["metrics"]),
        ([ToldMoment(1, 0, "nothing is left out", ())], ["page"]),
        ([ToldMoment(1, None, "", ())], ["page"]),
        ([ToldMoment(None, None, "", ())], ["metrics", "page"]),
        ([replace(TOLD[0], health=None)], ["health"]),
        ([], ["metrics", "page", "health"]),
    ],
)
def test_a_box_that_says_all_is_well_is_named(told: list[ToldMoment], names: list[str]) -> None:
    assert judged(told=told) == names


def test_a_box_that_has_nobody_in_view_though_the_film_shows_people_is_named() -> None:
    names = [one.name for one in verdicts(LOAD, TOLD, LOG, in_film=100.0) if not one.good]
    assert names == ["people"]
    assert all(one.good for one in verdicts(LOAD, TOLD, LOG, in_film=40.0))


def test_a_log_without_a_word_and_tracebacks_are_named() -> None:
    assert judged(log=["started"]) == ["log"]
    assert judged(log=[*LOG, "Traceback (most recent call last):"]) == ["tracebacks"]


def test_a_health_that_fails_says_why() -> None:
    told = [replace(TOLD[0], health=(f"camera a: {rate} frames a second",)) for rate in (0.2, 3)]
    found = {one.name: one.found for one in verdicts(LOAD, told, LOG)}
    assert found["health"].endswith("good at 0: camera a: N frames a second")


@pytest.mark.parametrize("arguments", [["--cameras", "0"], ["--seconds", "0"], ["--clip", "none.mp4"]])
def test_a_wrong_call_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "overload", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
