"""From the floor's views to the file, and from there to a report: what counts, when, and what never does."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

import pytest
from arro3.io import read_parquet

from pipelines.floor.view import FloorView
from pipelines.insights.days import days_of, insights_path, report
from pipelines.insights.file import InsightsFile
from pipelines.insights.recorder import InsightsRecorder
from pipelines.settings.load import load_settings
from pricing.errors import BadInput
from pricing.insights.cells import CountCell
from pricing.insights.collector import ATTENDED, OUTCOMES
from pricing.insights.report import heat_maps
from pricing.item_words import LANGUAGES
from pricing.sales.types import SaleEvent, SaleKind, SaleOutcome
from scripts import report_text, report_words
from scripts.demo import history
from scripts.msh import main
from tests.fakes.full_disk import FullDisk
from tests.fakes.served_page import STORE, customer

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 1_000_000_000
NOON = int(datetime(2026, 11, 26, 12, tzinfo=timezone.utc).timestamp()) * SECOND


class Floor:
    """A floor, a camera and a clock that a test moves."""

    def __init__(self, path: Path) -> None:
        self.path, self.now, self.people, self.up = path, NOON, {}, True
        self.start()

    def start(self) -> None:
        self.recorder = InsightsRecorder(
            InsightsFile(self.path, lambda: self.now),
            lambda: FloorView(self.now, 1, tuple(self.people.values())),
            lambda: {"entrance": self.up},
            now_ns=lambda: self.now, zone="Europe/Berlin", least=5, days=30, per_unit=100,
        )  # fmt: skip

    def visit(
        self, count: int, minor: int = 10_000, served_s: float | None = None, dwell_ms: int = 60_000
    ) -> None:
        """Have people come and go again."""
        for n in range(count):
            one = customer(minor=minor)
            served = None if served_s is None else one.arrived_at + int(served_s * SECOND)
            self.people[n] = replace(one, number=n, dwell_ms=dwell_ms, served_at=served)
        self.recorder.check()
        self.people.clear()
        self.recorder.check()

    def later(self, minutes: float) -> None:
        self.now += int(minutes * 60 * SECOND)
        self.recorder.check()

    def cells(self, measure: str) -> list[tuple[int, int | None]]:
        found = InsightsFile(self.path, lambda: self.now).read(0, 2**40)
        return [(cell.count, cell.total) for cell in found if cell.measure == measure]


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor(tmp_path / "insights.db")


def test_visits_are_counted_when_people_leave_and_written_by_the_quarter(floor: Floor) -> None:
    floor.visit(6, served_s=45)
    floor.visit(3, dwell_ms=2000)  # walked by
    assert floor.cells("visitors") == []
    floor.later(15)
    assert floor.cells("visitors") == [(6, None)]
    assert floor.cells("value") == [(6, 60_000)]
    assert floor.cells("wait") == [(6, 270)]
    floor.visit(4)
    floor.later(15)
    assert floor.cells("visitors") == [(6, None)]  # too few, so they wait
    floor.visit(2)
    floor.later(15)
    assert floor.cells("visitors") == [(6, None), (6, None)]


def full_disk(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def fails(*_: object, **__: object) -> FullDisk:
        raise sqlite3.OperationalError("database or disk is full")

    floor.recorder.file._file.db = FullDisk()
    monkeypatch.setattr(floor.recorder.file._file, "_connect", fails)
    return monkeypatch


def test_what_a_full_disk_refuses_is_written_once_there_is_room(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[int, int]] = []
    floor.recorder._on_cells = (lambda cells, _: told.extend((c.count, c.end) for c in cells if not c.key),)
    first = NOON // SECOND
    with monkeypatch.context() as patch:
        full_disk(floor, patch)
        floor.visit(6)
        floor.later(15)
        floor.visit(7)
        floor.later(15)
        assert (floor.cells("visitors"), told) == ([], [])
    floor.later(15)
    assert floor.cells("visitors") == [(6, None), (7, None)]
    assert sorted({*told}) == [(6, first + 900), (7, first + 1800)]
    assert "lost" not in caplog.text


def test_how_many_counts_a_full_disk_costs_is_told(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pipelines.insights.recorder.MAX_UNWRITTEN", 3)
    full_disk(floor, monkeypatch)
    for _ in range(6):  # all but the first have the cell of the camera
        floor.later(15)
    assert "1 counts that could not be written are lost, 2 so far" in caplog.text
    floor.recorder.close()
    assert "are lost, 6 so far" in caplog.text


def test_who_is_no_customer_is_not_counted(floor: Floor) -> None:
    floor.people = {n: replace(customer(), number=n, dwell_ms=60_000, customer=False) for n in range(9)}
    floor.recorder.check()
    floor.people.clear()
    floor.later(15)
    assert floor.cells("visitors") == []


def test_a_few_are_not_carried_over_midnight(floor: Floor) -> None:
    floor.visit(4)
    floor.later(60 * 12)  # past midnight in Berlin
    floor.visit(4)
    floor.later(15)
    assert floor.cells("visitors") == []


def test_a_stop_writes_what_may_be_written_and_forgets_the_rest(floor: Floor) -> None:
    floor.visit(6)
    floor.recorder.close()
    floor.start()
    floor.visit(4)
    floor.recorder.close()
    assert floor.cells("visitors") == [(6, None)]
    assert b"k7f3" not in floor.path.read_bytes()


def test_outcomes_come_from_the_desk(floor: Floor) -> None:
    for offer in range(6):
        floor.recorder.take([SaleEvent(1, SaleKind.ACCEPTED, NOON, "c", "anna", offer)])
        end = NOON + 300 * SECOND
        outcome = SaleOutcome.SOLD if offer else SaleOutcome.BROWSING
        floor.recorder.take([SaleEvent(2, SaleKind.DONE, end, "c", "anna", offer, outcome=outcome)])
    floor.recorder.check()
    floor.later(15)
    assert floor.cells("service") == [(6, 1800)]
    assert floor.cells("outcome") == []  # one of the six would be told
    floor.recorder.close()
    assert floor.cells("outcome") == [(6, None)]
    assert b"anna" not in floor.path.read_bytes()


def test_camera_uptime_and_retention(floor: Floor) -> None:
    floor.recorder.check()
    floor.up = False
    floor.recorder.check()
    floor.later(15)
    assert floor.cells("camera") == [(2, 1)]
    floor.later(60 * 24 * 31)
    assert floor.cells("camera") == []


def test_a_clock_that_is_set_ends_nothing(floor: Floor) -> None:
    floor.visit(6)
    floor.later(-60 * 24)
    floor.later(15)
    floor.later(60 * 24 * 20)
    assert floor.cells("visitors") == [(6, None)]


@pytest.mark.parametrize("stops", [False, True])
def test_no_cell_begins_after_its_end_where_the_clock_is_set_back(floor: Floor, *, stops: bool) -> None:
    floor.visit(6, served_s=30)
    floor.later(15)
    floor.visit(6, served_s=30)
    floor.now -= 120 * 60 * SECOND
    if stops:
        floor.recorder.close()
    else:
        floor.recorder.check()
        floor.later(15)
    cells = InsightsFile(floor.path, lambda: floor.now).read(0, 2**40)
    assert sum(cell.count for cell in cells if cell.measure == "visitors") == 12
    assert [cell for cell in cells if cell.start > cell.end] == []


@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        ("2026-11-22x", None, 'from: "2026-11-22x" is no day'),
        ("yesterday", None, "write it as 2026-11-22"),
        (None, "2026-02-30", 'to: "2026-02-30" is no day'),
        ("2026-11-22", "2026-11-21", "is after"),
        ("0001-01-01", None, "from: 0001-01-01 is not of this century"),
        ("9999-12-31", None, "not of this century"),
        ("2020-01-01", "2026-01-01", "400 days at most"),
    ],
)
def test_days_that_are_none(first: str | None, last: str | None, wanted: str) -> None:
    with pytest.raises(BadInput, match=wanted):
        days_of(first, last, date(2026, 11, 26))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = tmp_path / "store.yaml"
    path.write_text(STORE.format(more=""))
    return path


def test_the_report_in_every_form(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(store, env={})
    file = InsightsFile(insights_path(settings, store.parent), lambda: NOON)
    history.write(file, datetime(2026, 11, 26, 18, tzinfo=timezone.utc))
    found = report(settings, file, date(2026, 11, 26), date(2026, 11, 26))
    assert found["before"]["from"] == "2026-11-19"
    assert 150 < found["visitors"] < 400
    assert 0 < found["value_share_within_1min"] < found["value_share_within_2min"] < 1
    assert sum(one["visitors"] or 0 for one in found["hours"]) == found["visitors"]
    assert all(one["staff"] is None or 0 < one["staff"] < 20 for one in found["hours"])
    call = ["report", str(store), "--from", "2026-11-26"]
    printed = {}
    for form in ("table", "csv", "json", "html", "cells"):
        assert main([*call, "--format", form]) == 0
        printed[form] = capsys.readouterr().out
    assert json.loads(printed["json"]) == found
    rows = list(csv.DictReader(io.StringIO(printed["csv"])))
    assert next(row for row in rows if row["figure"] == "visitors")["value"] == str(found["visitors"])
    assert "No figure is about fewer than 5 people" in printed["table"]
    assert "<h2>Attended</h2>" in printed["html"]
    assert "http" not in printed["html"]
    store.write_text(store.read_text().replace("currency: EUR", "currency: EUR, locale: de_DE"))
    for form in ("table", "html", "csv"):
        assert main([*call, "--format", form]) == 0
        text = capsys.readouterr().out
        assert ("Handtasche" in text, "handbag" in text) == (form != "csv", form == "csv")
        assert ("Besucher" in text, "visitors" in text) == (form != "csv", form == "csv")
        assert ("<html lang='de'>" in text) == (form == "html")
    said = {report_text.text(found, language) for language in LANGUAGES}
    assert len(said) == len(LANGUAGES)
    assert main(["report", str(store), "--from", "soon"]) == 2
    assert 'from: "soon" is no day' in capsys.readouterr().err
    cells = list(csv.DictReader(io.StringIO(printed["cells"])))
    visitors = [int(row["count"]) for row in cells if row["measure"] == "visitors"]
    assert sum(visitors) == found["visitors"]
    assert cells[0]["start"].startswith("2026-11-26T")
    saved = [one["saved_minor"] for one in found["hours"] if one["saved_minor"] is not None]
    assert saved
    assert all(0 <= one <= found["value_minor"] for one in saved)
    heat = found["heat_maps"]
    assert [one["camera"] for one in heat] == ["counter", "entrance"]
    assert all(
        place["count"] >= 5 and place["x"] < 16 and place["y"] < 9 for one in heat for place in one["places"]
    )


def test_every_text_of_the_report_is_there_in_every_language_with_the_same_blanks() -> None:
    for key, texts in report_words.WORDS.items():
        assert len(texts) == len(LANGUAGES), key
        assert all(texts), key
        assert len({tuple(sorted(re.findall(r"{\w+}", text))) for text in texts}) == 1, key
    assert {*OUTCOMES, *ATTENDED} <= set(report_words.WORDS)


def test_parquet_holds_the_same_cells(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = InsightsFile(insights_path(load_settings(store, env={}), store.parent), lambda: NOON)
    history.write(file, datetime(2026, 11, 26, 18, tzinfo=timezone.utc), days=1)
    call = ["report", str(store), "--from", "2026-11-26", "--format"]
    assert main([*call, "cells", "-o", str(store.parent / "cells.csv")]) == 0
    assert main([*call, "parquet", "-o", str(store.parent / "cells.parquet")]) == 0
    table = read_parquet(store.parent / "cells.parquet").read_all()
    rows = list(csv.DictReader((store.parent / "cells.csv").open()))
    assert table.num_rows == len(rows) > 50
    for name in ("measure", "key", "store"):
        assert [one.as_py() for one in table[name]] == [row[name] for row in rows]
    for name in ("count", "total"):
        assert [one.as_py() for one in table[name]] == [int(row[name]) if row[name] else None for row in rows]
    assert [one.as_py().isoformat() for one in table["end"]] == [row["end"] for row in rows]
    assert main([*call, "parquet"]) == 2
    assert "name a file, --output FILE" in capsys.readouterr().err
    assert main([*call, "parquet", "-o", str(store / "x" / "y")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_without_its_package_parquet_says_how_to_install_it(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    InsightsFile(insights_path(load_settings(store, env={}), store.parent), lambda: NOON).close()
    monkeypatch.setitem(sys.modules, "arro3.core", None)
    assert main(["report", str(store), "--format", "parquet", "-o", str(store.parent / "x")]) == 2
    assert "requirements/parquet.txt" in capsys.readouterr().err
    assert not (store.parent / "x").exists()


def test_where_people_stood_is_counted_by_the_hour_without_their_way(floor: Floor) -> None:
    for at in range(3):
        for n in range(6):
            one = customer(minor=10_000)
            box = (0.1 * at if n else 0.9, 0.2, 0.1, 0.5)  # the first stands elsewhere, alone
            floor.people[n] = replace(one, number=n, dwell_ms=60_000, box=box, visible=True)
        floor.recorder.check()
    floor.people.clear()
    floor.recorder.check()
    floor.visit(6, minor=10_000)
    floor.later(15)
    assert floor.cells("place") == []
    for _ in range(3):
        floor.later(15)
    assert floor.cells("place") == []  # the hour is over, but 5 of 6 would tell where the sixth was


def test_many_days_of_heat_maps_are_summed_by_the_file(tmp_path: Path) -> None:
    with closing(InsightsFile(tmp_path / "insights.db", lambda: NOON)) as file:
        file.add(
            CountCell("place", f"hats/{place % 16}/{place % 9}", hour * 3600, (hour + 1) * 3600, 5 + hour % 3)
            for hour in range(100)
            for place in range(20)
        )
        file.add([CountCell("visitors", "", 0, 900, 7)])
        every = file.read(0, 2**40)
        assert heat_maps(file.places(0, 2**40)) == heat_maps(every)
        assert (len(every), len(file.places(0, 2**40)), file.places(360_000, 2**40)) == (2001, 20, [])
        assert [cell.measure for cell in file.read(0, 2**40, places=False)] == ["visitors"]


def test_nothing_counted_yet_is_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(store)]) == 2
    assert "nothing was counted yet" in capsys.readouterr().err


def test_every_row_on_disk_is_about_five_people_or_more(store: Path) -> None:
    path = store.parent / "all.db"
    file = InsightsFile(path, lambda: NOON)
    history.write(file, datetime(2026, 11, 26, 18, tzinfo=timezone.utc), days=2)
    file.close()
    counts = sqlite3.connect(path).execute("SELECT min(count), count(*) FROM cell WHERE measure != 'camera'")
    least, rows = counts.fetchone()
    assert least >= 5
    assert rows > 100
