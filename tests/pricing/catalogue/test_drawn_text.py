"""Workbooks in which the looks of a cell say more than its text: struck out, raised cents."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

from pricing.catalogue.catalogue import read
from pricing.catalogue.rows import BadCatalogue

HEADER = ("brand", "type", "price", "currency", "source")
RAISED, LOWERED = InlineFont(vertAlign="superscript"), InlineFont(vertAlign="subscript")
STRUCK, PLAIN = InlineFont(strike=True), InlineFont(b=True)


def saved(book: Workbook, *, shared: bool = False) -> bytes:
    """Return a workbook's bytes; shared: its texts lie in a part of their own, as Excel writes them."""
    written = BytesIO()
    book.save(written)
    if not shared:
        return written.getvalue()
    texts: list[bytes] = []

    def numbered(found: re.Match[bytes]) -> bytes:
        texts.append(found[2])
        return b'<c%s t="s"><v>%d</v></c>' % (found[1], len(texts) - 1)

    moved = BytesIO()
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(moved, "w") as after:
        for name in before.namelist():
            part = before.read(name)
            if name.startswith("xl/worksheets/"):
                cell = rb'<c([^>]*?) t="inlineStr"><is>(.*?)</is></c>'
                part = re.sub(cell, numbered, part, flags=re.DOTALL)
            if name == "[Content_Types].xml":
                kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
                more = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % kind
                part = part.replace(b"</Types>", more)
            after.writestr(name, part)
        space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        assert texts
        items = b"".join(b"<si>%s</si>" % text for text in texts)
        after.writestr("xl/sharedStrings.xml", b'<sst xmlns="%s">%s</sst>' % (space, items))
    return moved.getvalue()


def with_price(*parts: str | TextBlock, source: CellRichText | str = "list") -> Workbook:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADER)
    sheet.append(("Dior", "hat", 5, "EUR", "list"))
    sheet.append(("Gucci", "handbag", None, "EUR", source))
    sheet["C3"] = CellRichText(*parts)
    return book


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (
            ("12", TextBlock(RAISED, "99")),
            "digits are raised or lowered, as cents are on price tags; write the",
        ),
        (("12", TextBlock(LOWERED, "50")), "digits are raised or lowered"),
        ((TextBlock(PLAIN, "129"), TextBlock(RAISED, "0")), "digits are raised or lowered"),
        ((TextBlock(STRUCK, "1290"), "990"), "a part of the text is struck out; write only what holds"),
        ((TextBlock(STRUCK, "1290 "), TextBlock(PLAIN, "990")), "a part of the text is struck out"),
    ],
)
def test_an_amount_that_shows_another_one_than_its_text_is_told(
    parts: tuple[str | TextBlock, ...], words: str, shared: bool
) -> None:
    with pytest.raises(BadCatalogue) as refused:
        read(saved(with_price(*parts), shared=shared), "prices.xlsx")
    (told,) = refused.value.problems
    assert told.startswith(f"prices.xlsx:3:3  {words}")


@pytest.mark.parametrize("shared", [False, True])
def test_other_looks_of_a_text_say_nothing(shared: bool) -> None:
    area = CellRichText("2 m", TextBlock(RAISED, "2"))
    off = InlineFont(strike=False)
    book = with_price(TextBlock(PLAIN, "12"), TextBlock(off, "90"), TextBlock(STRUCK, " "), source=area)
    sheet = book.active
    assert sheet is not None
    sheet["A3"] = CellRichText("Gucci", TextBlock(RAISED, "®"))
    rows = read(saved(book, shared=shared), "prices.xlsx").rows
    assert [(row.name, row.amount_minor) for row in rows] == [("Dior", 500), ("Gucci®", 129000)]


@pytest.mark.parametrize("column", ["A", "B", "C"])
def test_a_row_that_is_struck_out_is_told_once(column: str) -> None:
    book = with_price("1290")
    sheet = book.active
    assert sheet is not None
    sheet["C3"] = 1290
    sheet[f"{column}3"].font = Font(strike=True)
    sheet["E2"].font = Font(strike=True)
    sheet["A1"].font = Font(strike=True, bold=True)
    place = 1 + "ABC".index(column)
    with pytest.raises(BadCatalogue) as refused:
        read(saved(book), "prices.xlsx")
    mend = "struck out; delete the row if it is no price, or take the line away"
    assert refused.value.problems == (f"prices.xlsx:3:{place}  {mend}",)
    for cell in sheet[3]:
        cell.font = Font(strike=True)
    with pytest.raises(BadCatalogue) as refused:
        read(saved(book), "prices.xlsx")
    assert refused.value.problems == (f"prices.xlsx:3:1  {mend}",)
