"""The suite of benches: what it makes of their figures. What a bench measures is tested with the bench."""

from __future__ import annotations

import json

import pytest

from pipelines.errors import BadInput
from scripts.bench import suite
from scripts.bench.suite import BenchPart, Spread, call, flat, measure, page, parts
from scripts.msh import main

PIPELINE = {
    "decode (file, unpaced), CPU ms": 4.0,
    "detect persons and faces, CPU ms": 16.0,
    "detect persons and faces, ms": 9.0,
}


def rows(cost: float) -> list[dict[str, object]]:
    return [
        {
            "contestant": "ours",
            "cameras": 4,
            "cpu_ms_per_frame": cost,
            "latency_p99_s": None,
            "dropped": {"late": 3},
        },
        {
            "contestant": "plain script",
            "lasted_us": 1e6 * cost,
            "cameras": 4,
            "cpu_ms_per_frame": 3 * cost,
            "dropped": {},
        },
    ]


def answers(*of: object):
    asked = iter(of)

    def ask(_: BenchPart) -> object:
        answer = next(asked)
        if isinstance(answer, BadInput):
            raise answer
        return answer

    return ask


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite.os, "getloadavg", lambda: (0.1, 0.1, 0.1))


def test_medians_spread_and_the_ratio_to_the_bound():
    both = [part for part in parts(rival=None, quick=True) if part.name in ("pipeline", "cameras")]
    costs = (30.0, 26.0, 90.0)
    report = measure(both, 3, answers(*(one for cost in costs for one in (PIPELINE, rows(cost)))))
    figures = report.figures
    assert figures["cameras: ours, 4 cameras, cpu_ms_per_frame"] == Spread(30, 26, 90)
    assert figures["cameras: ours, 4 cameras, times the bound"] == Spread(1.5, 1.3, 4.5)
    assert figures["cameras: plain script, 4 cameras, times the bound"].median == 4.5
    assert figures["cameras: ours, 4 cameras, dropped, late"].median == 3
    assert report.problems == []
    text = page(report)
    assert "| ours, 4 cameras, cpu_ms_per_frame | 30 | 26 | 90 |" in text
    assert "| plain script, 4 cameras, lasted_us | 30,000,000 | 26,000,000 | 90,000,000 |" in text
    assert all(f"- {name}: " in text for name in ("version", "load before", "load after"))
    assert "- contestant plain script: " in text
    assert "- contestant make-sales-happen: " not in text, "it has no figures here"
    assert "- the bound: " in text
    assert "- minutes: 0 (pipeline 0.0, cameras 0.0)" in text
    assert (
        json.loads(json.dumps(report.payload()))["figures"]["pipeline: decode (file, unpaced), CPU ms"][
            "most"
        ]
        == 4
    )


@pytest.mark.parametrize(("load", "warned"), [(0.1, False), (40.0, True)])
def test_a_busy_machine_and_what_was_left_out_stand_on_the_page(
    monkeypatch: pytest.MonkeyPatch, load: float, warned: bool
) -> None:
    monkeypatch.setattr(suite.os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(suite.os, "cpu_count", lambda: 2)
    some = [part for part in parts(rival=None, quick=True) if part.name in ("cameras", "prices")]
    text = page(measure(some, 1, answers(rows(30.0), {"us": 5})))
    assert ("**Taken on a busy machine: load 40 on 2 cores" in text) == warned
    assert ("ours, 4 cameras" not in text) == ("contestant" not in text) == warned, "it would measure others"
    left = "pipeline, detector, cameras, startup" if warned else "pipeline, detector, startup"
    assert f"- left out: {left}, looks, brands, probe" in text
    assert f"- load after each bench, its own in it: cameras {load:.0f}, prices {load:.0f}" in text
    assert "| us | 5 |" in text, "one run has no spread"


def test_a_bench_that_fails_is_named_and_the_others_count():
    part = BenchPart("prices", "votes")
    report = measure([part], 2, answers(BadInput("no catalogue"), {"us": 5}))
    assert report.problems == ["prices: no catalogue"]
    assert report.figures == {"prices: us": Spread(5, 5, 5)}
    assert "- failed: prices: no catalogue" in page(report)


def test_every_bench_is_called_and_answers(monkeypatch, capsys):
    """One cheap bench for real; the others answer to their names at the command line."""
    cheap = BenchPart("prices", "votes", ("--people", "5", "--looks", "5"))
    monkeypatch.setattr(suite, "parts", lambda **_: (cheap,))
    assert main(["bench", "all", "--repeats", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["figures"]
    for part in parts(rival="python", quick=False):
        with pytest.raises(SystemExit) as ended:
            main(["bench", part.name, *part.arguments, "--json", "--help"])
        assert ended.value.code == 0


@pytest.mark.parametrize("arguments", [["--repeats", "0"], ["--only", "nothing"]])
def test_a_wrong_call_of_the_suite_is_one_line(arguments, capsys):
    assert main(["bench", "all", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bench_that_ends_badly_gives_its_last_words():
    with pytest.raises(BadInput, match="must be 1 or more"):
        call(BenchPart("startup", "starts", ("--repeats", "0")))


def test_only_numbers_count():
    assert list(flat({"binding": "c", "costs": [{"cameras": 1, "objects": 8, "us": 2, "ok": True}]})) == [
        ("costs, 1 cameras, 8 objects, us", 2.0)
    ]
