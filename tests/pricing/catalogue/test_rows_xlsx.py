"""Price lists in workbooks: a price is what its cell shows."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime, timedelta
from io import BytesIO

import pytest
from openpyxl import Workbook

from pricing.catalogue.catalogue import read
from pricing.catalogue.rows import BadCatalogue
from pricing.catalogue.rows_xlsx import read_xlsx
from tests.pricing.catalogue.lists import amounts, workbook


def test_a_workbook_is_read_whatever_its_name() -> None:
    data = workbook(
        ("brand", "type", "price", "currency", "valid_from", "gtin", None),
        ("Gucci", "handbag", 1290, "EUR", datetime(2026, 11, 1), 4006381333931),  # noqa: DTZ001 as in a cell
        (None, None, None, None),
        ("Nike", "hat", 0.1 + 0.2, "EUR", "2026-11-02"),
        ("Prada", "hat", "12.50", "EUR"),
        hidden=True,
    )
    rows = read(data, "prices.csv").rows
    found = [(row.name, row.amount_minor, row.valid_from, row.line, row.gtin) for row in rows]
    assert found == [
        ("Gucci", 129000, date(2026, 11, 1), 2, "4006381333931"),
        ("Nike", 30, date(2026, 11, 2), 4, ""),
        ("Prada", 1250, date.min, 5, ""),
    ]
    text = workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", "1.290", "EUR"))
    with pytest.raises(BadCatalogue, match=r"prices\.xlsx:2:3  price: .*1290 or 1\.29\?"):
        read(text, "prices.xlsx")


def test_the_sheet_with_the_header_is_read() -> None:
    book = Workbook()
    for title, rows in (
        ("empty", []),
        ("cover", [["Prices of autumn"]]),
        ("list", [["Prices of autumn"], [], [None, "brand", "type", "price"], [None, "Gucci", "hat", 5]]),
    ):
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    written = BytesIO()
    book.save(written)
    assert amounts(written.getvalue(), currency="EUR") == [500]


@pytest.mark.parametrize(
    ("value", "form", "currency", "expected"),
    [
        # The number is what the cell shows.
        (1290, "#,##0.00", "EUR", 129000),
        (1290, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-;_-* "-"??\\ "€"_-;_-@_-', "EUR", 129000),
        (1290, "[$€-407]\\ #,##0.00", "EUR", 129000),
        (1290, "#,##0.00\\ [$kr.-406]", "DKK", 129000),
        (1290, "[$₹-4009]\\ #,##,##0.00", "INR", 129000),
        (1290, '"CHF" #,##0".-"', "CHF", 129000),
        (1290, '#\\ ##0.00\\ "€"', "EUR", 129000),
        (1290, '_("$"* #,##0.00_)_("$"* \\(#,##0.00\\)_("$"* "-"??_)_(@_)', "EUR", 129000),  # of the program
        (12.899, "0.00", "EUR", 1290),
        (12, '[>=1000]#,##0.0,"k";0.00', "EUR", 1200),
        (1290, "0.00", "JPY", 1290),
        (1.29, "0.000", "KWD", 1290),
        (12.9, 'General\\ "€"', "EUR", 1290),
        # The cell shows another number, or may be read as another.
        (1.29, "0.000", "EUR", "1290 or 1.29"),
        (12.9, "0", "EUR", "shows 13, but holds 12.9"),
        (1.295, "0.00", "KWD", "shows 1.30, but holds 1.295"),
        (1290, '[>=1000]#,##0.0,"k";0.00', "EUR", "format the cell as a number"),
        (1290000, "#,##0,", "EUR", "format the cell as a number"),
        (0.129, "0%", "EUR", "format the cell as a number"),
        (12.5, "# ?/?", "EUR", "format the cell as a number"),
        (1290, ";;;", "EUR", "format the cell as a number"),
        (1290, '#"."##0', "EUR", "format the cell as a number"),
        (1290, "[$$-409]#,##0.00", "EUR", 'shows "\\$" beside 1290, which is not EUR'),
        (1290, '0" k"', "EUR", 'shows "k"'),
        (1290, '"ab "0.00', "EUR", 'shows "ab"'),
        (0, '0.00;-0.00;"-"??', "EUR", 'shows "-"'),
        (-5, "0.00;0.00", "EUR", "not negative"),
        # What is no number.
        (True, "General", "EUR", "not a plain amount"),
        ("'1290", "General", "EUR", 'write "1290"'),
        ("1290.00", "@", "EUR", 129000),
        (date(2026, 12, 1), "d-mmm", "EUR", "holds a date or a time"),
        (timedelta(hours=30), "[h]:mm", "EUR", "holds a date or a time"),
    ],
)
def test_a_price_of_a_workbook_is_what_its_cell_shows(
    value: object, form: str, currency: str, expected: int | str
) -> None:
    data = workbook(("brand", "type", "price"), ("Gucci", "hat", value), form=form)
    if isinstance(expected, int):
        assert amounts(data, currency=currency) == [expected]
        return
    with pytest.raises(BadCatalogue, match=f"list.csv:2:3  price: .*{expected}"):
        amounts(data, currency=currency)


@pytest.mark.parametrize(
    ("column", "value", "form", "expected"),
    [
        ("gtin", 36000291452, "0" * 12, "036000291452"),
        ("gtin", 4006381333931, "0.00E+00", "4006381333931"),
        ("model", 47, "0000", "0047"),
        ("model", 12, '"AB-"0000', "ab 0012"),
    ],
)
def test_a_number_that_is_no_price_keeps_the_zeros_that_its_cell_shows(
    column: str, value: int, form: str, expected: str
) -> None:
    data = workbook(("brand", "type", "price", column), ("Gucci", "hat", 5, value), form=form)
    assert getattr(read(data, "list.xlsx", "EUR").rows[0], column) == expected


def test_what_a_workbook_hides_or_parts_is_told() -> None:
    book = Workbook()
    for title in ("Men", "Women"):
        for row in (("brand", "type", "price"), ("Gucci", "hat", 5)):
            book.create_sheet(title).append(row) if title not in book.sheetnames else book[title].append(row)
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue, match='the sheets "Men" and "Women" are price lists'):
        amounts(written.getvalue(), currency="EUR")
    book["Women"].sheet_state = "hidden"
    book["Men"].row_dimensions[2].hidden = True
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue, match=r"list\.csv:2:1  a hidden row; show it"):
        amounts(written.getvalue(), currency="EUR")


def test_cells_merged_over_rows_are_named_once_with_what_to_do() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    rows = [
        ("Prices", None, None, "of May"),
        (),
        ("brand", "type", "price", "source"),
        ("Gucci", "hat", 5, "x"),
    ]
    rows += [(None, name, price) for name, price in (("handbag", 9), ("watch", 7), ("coat", None))]
    for row in rows:
        sheet.append(row)
    for ref in ("A1:C2", "A4:A7", "C6:C7", "D4:D5"):
        sheet.merge_cells(ref)
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue) as refused:
        read(written.getvalue(), "prices.xlsx", "EUR")
    hint = "hold their value in the first cell only: unmerge them and fill it in"
    assert refused.value.problems == (
        f"prices.xlsx:5:1  no brand: the merged cells A4:A7 {hint}",
        f"prices.xlsx:7:3  no price: the merged cells C6:C7 {hint}",
    )
    for name in ("A5", "A6", "A7"):  # as after unmerging
        sheet.unmerge_cells("A4:A7") if name == "A5" else None
        sheet[name] = "Gucci"
    sheet.unmerge_cells("C6:C7")
    sheet["C7"] = 3
    written = BytesIO()
    book.save(written)
    assert amounts(written.getvalue(), currency="EUR") == [500, 900, 700, 300]


def test_an_empty_cell_that_shows_its_neighbours_value_is_not_taken_for_empty() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(
        ["brand", "type", "price", "model", "currency", "valid_from", "valid_until", "gtin", "source"]
    )
    sheet.append(("Gucci", "hat", 5, "Jackie", "EUR", "2026-01-01", None, "4006381333931", "list"))
    sheet.append(("Gucci", "coat", 6, None, None, None, "2026-12-31", None, None))
    sheet.append(("Gucci", "watch", 7, None, None, None, None, None, None))
    for ref in ("D2:D3", "E2:E4", "F2:G2", "F3:F4", "G3:G4", "H2:H3", "I2:I4"):
        sheet.merge_cells(ref)
    written = BytesIO()
    book.save(written)
    with pytest.raises(BadCatalogue) as refused:
        read(written.getvalue(), "prices.xlsx", "EUR")
    hint = "hold their value in the first cell only: unmerge them and fill it in"
    named = (
        "2:7  no valid_until: the merged cells F2:G2",
        "3:4  no model: the merged cells D2:D3",
        "3:8  no gtin: the merged cells H2:H3",
        "4:7  no valid_until: the merged cells G3:G4",
    )
    assert refused.value.problems == tuple(f"prices.xlsx:{one} {hint}" for one in named)


@pytest.mark.parametrize(
    ("merge", "header", "first", "second"),
    [
        ("C2:D2", "brand type price currency", ("Gucci", "hat", 5), ("Gucci", "coat", 6)),
        ("C2:E2", "brand type price currency model", ("Gucci", "hat", 5), ("Gucci", "coat", 6)),
        ("C2:F2", "brand type price valid_from valid_until gtin", ("Gucci", "hat", 5), ("Gucci", "coat", 6)),
        ("B2:C2", "brand type model price", ("Gucci", "hat", None, 5), ("Gucci", "coat", None, 6)),
        ("D2:D3", "brand type price currency", ("Gucci", "hat", 5, "EUR"), ("Gucci", "coat", 6)),
        ("D2:E2", "brand type price currency model", ("Gucci", "hat", 5, "EUR"), ("Gucci", "coat", 6)),
        ("D2:E3", "brand type price source currency", ("Gucci", "hat", 5, "me"), ("Gucci", "coat", 6)),
    ],
)
def test_a_merged_cell_that_shows_nothing_new_of_its_column_is_empty(
    merge: str, header: str, first: tuple[object, ...], second: tuple[object, ...]
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header.split(), first, second):
        sheet.append(row)
    sheet.merge_cells(merge)
    written = BytesIO()
    book.save(written)
    assert amounts(written.getvalue(), currency="EUR") == [500, 600]


def test_a_merged_currency_is_named_where_it_is_not_the_stores() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("brand", "type", "price", "currency"), ("Gucci", "hat", 5, "USD"), ("Gucci", "coat", 6)):
        sheet.append(row)
    sheet.merge_cells("D2:D3")
    written = BytesIO()
    book.save(written)
    assert amounts(written.getvalue(), currency="USD") == amounts(written.getvalue()) == [500, 600]
    with pytest.raises(BadCatalogue, match="3:4  no currency: the merged cells D2:D3 hold"):
        read(written.getvalue(), "prices.xlsx", "EUR")


def test_all_rows_of_a_workbook_are_read_whatever_its_size_says() -> None:
    small = BytesIO()
    data = workbook(("brand", "type", "price"), ("Gucci", "hat", 5), ("Nike", "hat", 7))
    with zipfile.ZipFile(BytesIO(data)) as before, zipfile.ZipFile(small, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b'"A1:C3"', b'"A1"'))
    assert amounts(small.getvalue(), currency="EUR") == [500, 700]


def test_formulas_without_a_stored_value_or_with_an_error_are_named_not_taken_for_empty_cells() -> None:
    data = workbook(
        ("brand", "type", "price", "currency", "valid_until", None),
        ("Gucci", "handbag", "=2*645", "EUR", None, "=1+1"),
        ("#N/A", "hat", 10, "EUR"),
        ("# a remark",),
        ("Prada", "hat", 12.5, "EUR", "=TODAY()"),
    )
    with pytest.raises(BadCatalogue) as refused:
        read(data, "prices.xlsx")
    stored = "the formula has no stored value; open the workbook in a spreadsheet program and save it once"
    assert refused.value.problems == (
        f"prices.xlsx:2:3  {stored}",
        "prices.xlsx:3:1  the formula gives #N/A; mend it in the workbook",
        f"prices.xlsx:5:5  {stored}",
    )


def test_a_formula_with_a_stored_value_is_that_value() -> None:
    written = BytesIO(workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", "=2*645", "EUR")))
    stored = BytesIO()
    with zipfile.ZipFile(written) as before, zipfile.ZipFile(stored, "w") as after:
        for name in before.namelist():
            after.writestr(name, re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>1290</v>", before.read(name)))
    assert [row.amount_minor for row in read(stored.getvalue(), "prices.xlsx").rows] == [129000]


def test_what_the_reader_of_workbooks_leaves_out_is_no_warning_of_ours(
    recwarn: pytest.WarningsRecorder,
) -> None:
    """Other programs than Excel write no default style."""
    xf = b"<xf/>" * 9
    space = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    styles = b"<styleSheet %s><cellStyleXfs><xf/></cellStyleXfs><cellXfs>%s</cellXfs></styleSheet>" % (
        space,
        xf,
    )
    made, bare = (
        workbook(("brand", "type", "price", "currency"), ("Gucci", "handbag", 1290, "EUR")),
        BytesIO(),
    )
    with zipfile.ZipFile(BytesIO(made)) as before, zipfile.ZipFile(bare, "w") as after:
        for name in before.namelist():
            after.writestr(name, styles if name == "xl/styles.xml" else before.read(name))
    assert len(read_xlsx(bare.getvalue(), "prices.xlsx", "xlsx")) == 1
    assert [str(warning.message) for warning in recwarn] == []
