"""Workbooks that are damaged, of another form or far too wide: refused by name, and at no cost."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook

from pricing.catalogue import rows_xlsx
from pricing.catalogue.catalogue import read
from pricing.catalogue.cells import Cell
from pricing.catalogue.rows import BadCatalogue
from tests.pricing.catalogue.lists import amounts, workbook


def _changed(data: bytes, old: bytes, new: bytes, *, names: bool = False) -> bytes:
    """Return a workbook with a text replaced in its parts, or in their names."""
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as before, zipfile.ZipFile(written, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if names:
                after.writestr(name.replace(old.decode(), new.decode()), content)
            else:
                after.writestr(name, content.replace(old, new))
    return written.getvalue()


def test_a_cell_far_below_and_far_right_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million rows of 256 cells were made, of nothing: minutes, and far more memory than the file has."""
    made = 0

    def counted(*args: Any, **named: Any) -> Cell:
        nonlocal made
        made += 1
        return Cell(*args, **named)

    monkeypatch.setattr(rows_xlsx, "Cell", counted)
    data = workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", 1290, "EUR"))
    far = b'<row r="200000"><c r="XFD200000"><v>1</v></c></row></sheetData>'
    assert amounts(_changed(data, b"</sheetData>", far)) == [129000]
    assert made < 10_000


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            b"http://purl.oclc.org/ooxml/spreadsheetml/main",
            "Strict Open XML",
        ),
        (b"workbook.xml", b"workbook.bin", "a binary workbook"),
    ],
)
def test_a_workbook_of_another_form_is_named(old: bytes, new: bytes, said: str) -> None:
    data = workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", 1290, "EUR"))
    with pytest.raises(BadCatalogue, match=rf"{said}.*save it as \.xlsx"):
        read(_changed(data, old, new, names=old == b"workbook.xml"), "prices.xlsx")


def test_a_workbook_with_a_password_is_called_so() -> None:
    data = b"\xd0\xcf\x11\xe0" + bytes(1000) + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(BadCatalogue, match="a workbook with a password; save it without one"):
        read(data, "prices.xlsx")


ROWS = ("brand", "type", "price", "currency"), ("Nike", "hat", 10, "EUR"), ("Prada", "hat", 20, "EUR")


@pytest.mark.parametrize(
    ("pattern", "put", "place", "said"),
    [
        (rb"(<row r=.2.*?</row>)(<row r=.3.*?</row>)", rb"\2\1", "2:1", "row 2"),
        (rb"(<row r=.2.*?</row>)", rb"\1\1", "2:1", "row 2"),
        (rb"(<c r=.C2.*?</c>)", rb"\1\1", "2:3", "cell C2"),
        (rb"(<c r=.A2.*?</c>)(.*?)(<c r=.D2.*?</c>)", rb"\3\2\1", "2:2", "cell B2"),
        (rb"r=.C2.", b'r="C3"', "2:3", "cell C3"),
    ],
)
def test_rows_and_cells_twice_or_out_of_order_are_refused(
    pattern: bytes, put: bytes, place: str, said: str
) -> None:
    """Of two rows or cells one was taken, a row out of order was left out: a price lost without a word."""
    data = workbook(*ROWS)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    changed, count = re.subn(pattern, put, sheet)
    assert count == 1
    with pytest.raises(BadCatalogue) as refused:
        read(_changed(data, sheet, changed), "prices.xlsx")
    assert str(refused.value).startswith(f"prices.xlsx:{place}  {said} is there twice or out of order;")


def test_rows_and_cells_need_not_say_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook(*ROWS)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    for part in (1024, 1031, 2**20):  # wherever a tag is cut
        monkeypatch.setattr(rows_xlsx, "_PART", part)
        assert amounts(data) == [1000, 2000]
        assert amounts(_changed(data, sheet, re.sub(rb' r="\w+"', b"", sheet))) == [1000, 2000]


def test_a_hidden_column_that_would_be_read_is_told() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("Autumn", None, None, None, None), ("brand", "type", "price", "currency", None), *ROWS[1:]):
        sheet.append(list(row))
    for column in "CE":
        sheet.column_dimensions[column].hidden = True
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue) as refused:
        read(written.getvalue(), "prices.xlsx")
    assert str(refused.value) == 'prices.xlsx:2:3  the column "price" is hidden; show it, or delete it'
    sheet.column_dimensions["C"].hidden = False
    book.save(written)
    assert amounts(written.getvalue()) == [1000, 2000]


def test_many_rows_with_cells_far_right_are_refused() -> None:
    """Two megabytes took 18 s: each row was filled up to its last cell."""
    data = workbook(*ROWS)
    far = b"".join(b'<row r="%d"><c r="XFD%d"><v>1</v></c></row>' % (row, row) for row in range(4, 1006))
    with pytest.raises(
        BadCatalogue, match=r"prices\.xlsx:1004:16384  many rows have cells right of column IV;"
    ):
        read(_changed(data, b"</sheetData>", far + b"</sheetData>"), "prices.xlsx")
