"""What a spreadsheet would run as a formula stands in no CSV of the product."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from pipelines.csv_text import csv_text
from pipelines.insights.export import cells_csv
from pricing.insights.cells import CountCell
from pricing.insights.report import summary
from scripts.report_text import rows

ROOT = Path(__file__).parents[2]
FORMULAS = (
    "=1+1",
    "+1",
    "-2",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    '=HYPERLINK("//x","y")',
    "\uff1d1+1",
)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", FORMULAS)
def test_a_name_that_begins_as_a_formula_is_a_text_in_both_exports(name: str) -> None:
    cells = [CountCell("brand", name, 0, 900, 6, -5), CountCell("camera", "door", 0, 900, 6, None)]
    first, second = read(cells_csv(cells, name, "EUR"))
    assert (first["store"], first["key"], first["count"], first["total"]) == (
        f"'{name}",
        f"'{name}",
        "6",
        "-5",
    )
    assert (second["key"], second["total"]) == ("door", "")
    found: dict[str, Any] = {**summary(cells), "hours": [{"hour": 9, "visitors": -1}]}
    told = read(rows({**found, "before": found}))
    assert [row["key"] for row in told if row["part"] == "brands"] == [f"'{name}"]
    assert next(row for row in told if row["part"] == "hours")["value"] == "-1"


def test_a_line_break_within_a_name_begins_no_row_of_its_own() -> None:
    assert csv_text([("a\r=1+1", "b")]) == '"a\r=1+1",b\n'


def test_no_other_part_of_the_product_writes_csv() -> None:
    layers = ("engines", "pipelines", "pricing", "probes", "scripts", "web")
    found = [file for layer in layers for file in (ROOT / layer).rglob("*.py")]
    writes = [str(file.relative_to(ROOT)) for file in found if "csv.writer" in file.read_text()]
    writes += [str(file.relative_to(ROOT)) for file in found if "csv.DictWriter" in file.read_text()]
    assert writes == ["pipelines/csv_text.py"]
