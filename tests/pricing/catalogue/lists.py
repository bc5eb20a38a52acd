"""Price lists of the tests, and what the amounts of a list are."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING

from openpyxl import Workbook

from pricing.catalogue.catalogue import read
from pricing.catalogue.list_format import ListFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = "brand;type;price;currency\n"
COMMAS = "brand,type,price,currency\n"
TODAY = date(2026, 11, 22)
GERMAN = """Marke;Warengruppe;Bestand;VK (EUR);gültig ab;EAN
Gucci;handbag;3;1.290,00 €;01.11.2026;4006381333931
Müller;coat;1;2.450;1.12.2026;
"""
NOTATION = ListFormat(
    {"brand": "Marke", "type": "Warengruppe", "price": "VK (EUR)", "valid_from": "gültig ab", "gtin": "EAN"},
    ",",
    ".",
    "DD.MM.YYYY",
    "cp1252",
    "EUR",
)


def amounts(data: str | bytes, notation: ListFormat | None = None, currency: str | None = None) -> list[int]:
    return [row.amount_minor for row in read(data, "list.csv", currency, notation).rows]


def workbook(*rows: Sequence[object], hidden: bool = False, form: str = "") -> bytes:
    """Return a workbook; form: the number format of the last row's last cell."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    if hidden:
        sheet.sheet_state = "hidden"
        sheet.append(["nothing", "of", "interest"])
        sheet = book.create_sheet("prices")
    for row in rows:
        sheet.append(list(row))
    if form:
        sheet.cell(sheet.max_row, sheet.max_column).number_format = form
    written = BytesIO()
    book.save(written)
    return written.getvalue()
