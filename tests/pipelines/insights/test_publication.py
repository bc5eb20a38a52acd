"""Reports on their way out: broker and Prometheus get what the file has, and nothing about few."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import generate_latest

from pipelines.insights.file import InsightsFile
from pipelines.insights.publication import ReportCounters, ReportTopics
from pipelines.insights.recorder import InsightsRecorder
from pricing.insights.cells import CountCell
from probes.metrics import Metrics
from probes.report_metrics import REPORT_SERIES
from tests.fakes import schemas
from tests.pipelines.insights.test_recorder import NOON, SECOND, Floor

if TYPE_CHECKING:
    from pathlib import Path

REPORT = schemas.message("report")


class Published(Floor):
    """A floor whose counts are published; `topics` is what the broker holds."""

    topics: dict[str, Any]
    zones = frozenset({"door/left", "door/till"})

    def start(self) -> None:
        self.metrics = Metrics(("live",))
        self.topics = {}
        file = InsightsFile(self.path, lambda: self.now)
        self.reports = ReportTopics(file, self, ("shop", "box"), "EUR", 5)  # type: ignore[arg-type]
        self.reports.publish_day(self.now // SECOND)
        counters = ReportCounters(self.metrics, 100, lambda: self.zones)
        counters.expect(file.names())
        super().start()
        self.recorder = InsightsRecorder(
            file, self.recorder._snapshot, self.recorder._up,
            now_ns=lambda: self.now, zone="Europe/Berlin", least=5, days=30, per_unit=100,
            on_cells=(self.reports.publish_closed, lambda cells, _: counters.add(cells)),
        )  # fmt: skip

    def set_state(self, topic: str, payload: dict[str, Any]) -> None:
        REPORT.validate(payload)
        self.topics[topic] = payload

    def clear_state(self, topic: str) -> None:
        self.topics.pop(topic, None)

    def series(self) -> dict[str, float]:
        page = generate_latest(self.metrics.registry).decode()
        lines = [line for line in page.splitlines() if line.startswith("msh_report_")]
        return {
            line.rpartition(" ")[0].removeprefix("msh_report_"): float(line.rpartition(" ")[2])
            for line in lines
        }


@pytest.fixture
def floor(tmp_path: Path) -> Published:
    return Published(tmp_path / "insights.db")


def cells(payload: dict[str, Any]) -> dict[tuple[str, str], tuple[int, int | None]]:
    return {(cell["measure"], cell["key"]): (cell["count"], cell["total"]) for cell in payload["cells"]}


def test_a_quarter_is_a_retained_topic_and_a_step_of_the_counters(floor: Published) -> None:
    floor.visit(6, minor=20_000, served_s=45)
    floor.later(15)
    report = floor.topics["report/1200"]
    assert (report["store"], report["start"], report["end"]) == (
        "shop", "2026-11-26T12:00:00.000Z", "2026-11-26T12:15:00.000Z",
    )  # fmt: skip
    found = cells(report)
    assert found["visitors", ""] == (6, None)
    assert found["value", ""] == (6, 120_000)
    series = floor.series()
    assert series["visitors_total"] == 6
    assert series["value_currency_units_total"] == 1200
    assert series['attended_visitors_total{within="1min"}'] == 6
    assert series['attended_value_currency_units_total{within="1min"}'] == 1200
    assert series["wait_seconds_total"] == 6 * 45
    assert series['type_visitors_total{type="handbag"}'] == 6
    assert not [name for name in series if "brand" in name]


def test_too_few_are_in_no_topic_and_no_series(floor: Published) -> None:
    floor.visit(4)
    for _ in range(3):
        floor.later(15)
    assert all(not cells(report).keys() - {("camera", "entrance")} for report in floor.topics.values())
    assert sum(value for name, value in floor.series().items() if not name.startswith("camera")) == 0


def test_counters_rise_by_what_the_file_has_and_by_nothing_else(floor: Published) -> None:
    for quarter in range(9):
        floor.visit(3 + quarter % 4, served_s=100.0 if quarter % 2 else None)
        floor.later(15)
    with sqlite3.connect(floor.path) as file:
        query = "SELECT measure, sum(count), sum(total) FROM cell GROUP BY measure"
        kept = {measure: (count, total) for measure, count, total in file.execute(query)}
    series = floor.series()
    for measure, count, total, labels in REPORT_SERIES:
        if labels or measure not in kept:
            continue
        per = 100 if total and "currency" in total else 1
        assert count is None or series[count] == kept[measure][0]
        assert total is None or series[total] == kept[measure][1] / per


def test_a_zone_that_is_gone_leaves_no_series_and_gets_none_at_the_end_of_its_day(floor: Published) -> None:
    zones = {"door/left", "side/hall"}
    counters = ReportCounters(floor.metrics, 100, lambda: zones)
    cells = [CountCell("zone", key, 0, 900, 6, 60) for key in sorted(zones)]
    counters.add(cells)
    zones.discard("side/hall")
    counters.add(cells)
    counters.expect([("zone", "side/hall")])
    assert {name: value for name, value in floor.series().items() if name.startswith("zone")} == {
        'zone_visitors_total{zone="door/left"}': 12,
        'zone_seconds_total{zone="door/left"}': 120,
    }


def test_a_restart_publishes_the_last_day_again_and_clears_what_is_older(floor: Published) -> None:
    floor.visit(6)
    floor.later(15)
    floor.visit(6)
    floor.later(15)
    before = dict(floor.topics)
    floor.start()
    assert floor.topics == before
    assert set(before) == {"report/1200", "report/1215"}
    assert floor.series()['type_visitors_total{type="handbag"}'] == 0  # there, so that an increase shows
    floor.now = NOON + 24 * 3600 * SECOND + 60 * SECOND  # a day later: 1200 is a new quarter's
    floor.start()
    assert set(floor.topics) == {"report/1215"}


def test_a_stop_in_a_quarter_loses_none_of_its_cells(floor: Published) -> None:
    floor.visit(6)
    floor.now += 7 * 60 * SECOND
    floor.recorder.close()
    floor.start()
    floor.visit(7)
    floor.later(8)
    visitors = [
        cell["count"] for cell in floor.topics["report/1200"]["cells"] if cell["measure"] == "visitors"
    ]
    assert visitors == [6, 7]


@pytest.mark.parametrize("stopped", [False, True], ids=["midnight", "stop"])
def test_what_is_given_out_at_the_end_of_a_day_is_in_its_topics(floor: Published, *, stopped: bool) -> None:
    floor.visit(6, served_s=45)
    floor.visit(2)  # nobody came to these: too few to be told before the day ends
    for _ in range(4):
        floor.later(15)
    if stopped:
        floor.recorder.close()
    else:
        floor.later(60 * 12)  # past midnight in Berlin
    published = {name for report in floor.topics.values() for name in cells(report)}
    with sqlite3.connect(floor.path) as file:
        kept = set(file.execute("SELECT measure, key FROM cell WHERE measure != 'place'"))
    assert ("attended", "1min+never") in kept
    assert published == kept
