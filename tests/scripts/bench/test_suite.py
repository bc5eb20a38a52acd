"""The suite of benches: what it makes of their figures. What a bench measures is tested with the bench."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import BadInput
from scripts.bench import suite as suite_module
from scripts.bench.contestants import DETR
from scripts.bench.suite import Spread, SuiteReport, call, flat, measure, page
from scripts.bench.suite_parts import BenchPart, parts
from scripts.msh import main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
            "shown_latency_p95_s": None,
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


def measured(suite: Sequence[BenchPart], repeats: int, ask: Callable[[BenchPart], object]) -> SuiteReport:
    report = SuiteReport(suite_module.machine(), suite_module.os.getloadavg()[0], suite, repeats)
    measure(report, ask)
    return report


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
    monkeypatch.setattr(suite_module.os, "getloadavg", lambda: (0.1, 0.1, 0.1))


def test_medians_spread_and_the_ratio_to_the_bound():
    both = [part for part in parts(rival=None, quick=True) if part.name in ("pipeline", "cameras")]
    costs = (30.0, 26.0, 90.0)
    report = measured(both, 3, answers(*(one for cost in costs for one in (PIPELINE, rows(cost)))))
    figures = report.figures
    assert figures["cameras: ours, 4 cameras, cpu_ms_per_frame"] == Spread(30, 26, 90)
    assert figures["cameras: ours, 4 cameras, times the bound"] == Spread(1.5, 1.3, 4.5)
    assert figures["cameras: plain script, 4 cameras, times the bound"].median == 4.5
    assert figures["cameras: ours, 4 cameras, dropped, late"].median == 3
    assert report.problems == []
    text = page(report)
    assert "|  | ours, 4 cameras | plain script, 4 cameras |\n" in text
    assert "| cpu_ms_per_frame | 30 (26 to 90) | 90 (78 to 270) |" in text
    assert "| lasted_us |  | 30,000,000 (26,000,000 to 90,000,000) |" in text
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
    monkeypatch.setattr(suite_module.os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(suite_module.os, "cpu_count", lambda: 2)
    some = [part for part in parts(rival=None, quick=True) if part.name in ("cameras", "prices")]
    text = page(measured(some, 1, answers(rows(30.0), {"us": 5})))
    assert ("**Taken on a busy machine: load 40 on 2 cores" in text) == warned
    assert ("ours, 4 cameras" not in text) == ("contestant" not in text) == warned, "it would measure others"
    live = "watched-cameras, many-cameras, file-cameras, startup"
    left = ["pipeline, detector", *(["cameras"] if warned else []), live]
    assert f"- left out: {', '.join(left)}, annotate, looks, brands, probe, detr" in text
    assert f"- load after each bench, its own in it: cameras {load:.0f}, prices {load:.0f}" in text
    assert "| us | 5 |" in text, "one run has no spread"


def test_what_many_cameras_take_beside_one_is_told() -> None:
    def of(cameras: int, memory: float, cost: float) -> dict[str, object]:
        return {"contestant": "ours", "cameras": cameras, "memory_mb": memory, "cpu_ms_per_frame": cost}

    part = BenchPart("many-cameras", "stores", bench="cameras")
    figures = measured([part], 1, answers([of(1, 500.0, 20.0), of(16, 950.0, 21.0)])).figures
    assert figures["many-cameras: ours, 16 cameras, MB a further camera"].median == 30
    assert figures["many-cameras: ours, 16 cameras, times one camera's CPU"].median == 1.05
    assert len(figures) == 6


def test_what_runs_once_is_said() -> None:
    report = measured([BenchPart("brands", "marks", once=True)], 3, answers({"share": 0.5}))
    assert report.figures == {"brands: share": Spread(0.5, 0.5, 0.5)}
    assert "## brands: marks; run once" in page(report)


def test_a_contestant_that_is_not_installed_is_a_line_and_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = BenchPart("prices", "votes", ("--people", "5", "--looks", "5"))
    monkeypatch.setattr(suite_module, "parts", lambda **_: (part,))
    monkeypatch.setattr(suite_module, "call", lambda _: {"us": 5})
    assert main(["bench", "all", "--repeats", "1", "--rival", sys.executable, "--json"]) == 0
    told = capsys.readouterr()
    assert any(line.startswith(f"{DETR}: not installed (torch") for line in json.loads(told.out)["missing"])
    assert f"msh bench all: {DETR}: not installed" in told.err
    slow = ["bench", "cameras", "--slow-rival", "--rival", sys.executable, "--json"]
    assert main(slow) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_bench_that_fails_is_named_and_the_others_count():
    part = BenchPart("prices", "votes")
    report = measured([part], 2, answers(BadInput("no catalogue"), {"us": 5}))
    assert report.problems == ["prices: no catalogue"]
    assert report.figures == {"prices: us": Spread(5, 5, 5)}
    assert "- failed: prices: no catalogue" in page(report)


def test_every_bench_is_called_and_answers(monkeypatch, capsys):
    """One cheap bench for real; the others answer to their names at the command line."""
    cheap = BenchPart("prices", "votes", ("--people", "5", "--looks", "5"))
    monkeypatch.setattr(suite_module, "parts", lambda **_: (cheap,))
    assert main(["bench", "all", "--repeats", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["figures"]
    for part in parts(rival="python", quick=False):
        with pytest.raises(SystemExit) as ended:
            main(["bench", part.bench or part.name, *part.arguments, "--json", "--help"])
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
