"""Reads a price list in an Excel workbook: the first sheet with its header that is not hidden."""

from __future__ import annotations

import re
import zipfile
from datetime import date, datetime
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

from pricing.catalogue.rows import BadCatalogue, Cell, PriceRow, RowReader, visible
from pricing.catalogue.rows_csv import MAX_TITLES, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from openpyxl.worksheet.worksheet import Worksheet

    from pricing.catalogue.list_format import ListFormat

MAX_UNPACKED = 512 * 2**20
MAX_COLUMNS = 256
NO_VALUE = "the formula has no stored value; open the workbook in a spreadsheet program and save it once"
_ERRORS = frozenset(
    ("#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#GETTING_DATA")
)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_PART = 2**20
_KINDS = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}


def workbook_kind(data: bytes) -> str | None:
    """Return "xlsx" for a ZIP container, "xls" for an old workbook, None for what is neither."""
    return _KINDS.get(data[:4])


def read_xlsx(
    data: bytes, file: str, kind: str, currency: str | None = None, notation: ListFormat | None = None
) -> list[PriceRow]:
    """Return the rows of a price list; parameters as for `rows_csv.read_csv`. Raises BadCatalogue.

    Cells that hold numbers and dates are taken as such; only text is read in the list's notation.
    """
    if kind == "xls":
        raise BadCatalogue([f"{file}:1:1  an old Excel workbook; save it as .xlsx, or export it as CSV"])
    reader = RowReader(file, currency, notation)
    return read_table(_records(data, file, reader), reader)


def _records(data: bytes, file: str, reader: RowReader) -> Iterator[list[Cell]]:
    from openpyxl import load_workbook  # noqa: PLC0415 only workbooks need it

    unreadable = BadCatalogue([f"{file}:1:1  an Excel workbook that cannot be read; export it as CSV"])
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
                raise BadCatalogue([f"{file}:1:1  a workbook too large to be a price list; export it as CSV"])
            with_formulas = any(_has_formula(archive, name) for name in names)
        if "xl/workbook.xml" not in names:
            what = "an OpenDocument file" if "mimetype" in names else "a ZIP archive, not a workbook"
            raise BadCatalogue([f"{file}:1:1  {what}; save it as .xlsx, or export it as CSV"])
        workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        shown = [n for n, sheet in enumerate(workbook.worksheets) if sheet.sheet_state == "visible"]
        tops = {n: [*islice(_rows(workbook.worksheets[n], None), MAX_TITLES)] for n in shown}
        listed = (n for n in shown if any(reader.names_columns(c.text for c in row) for row in tops[n]))
        chosen = next(listed, next((n for n in shown if tops[n]), None))
        if chosen is not None:
            formulas: Iterable[Sequence[object]] | None = None
            if with_formulas:
                again = load_workbook(BytesIO(data), read_only=True, data_only=False, keep_links=False)
                formulas = again.worksheets[chosen].iter_rows(values_only=True, max_col=MAX_COLUMNS)
            yield from _rows(workbook.worksheets[chosen], formulas)
    except BadCatalogue:
        raise
    except Exception:  # noqa: BLE001 whatever a damaged workbook makes the library raise
        raise unreadable from None


def _has_formula(archive: zipfile.ZipFile, name: str) -> bool:
    """Return whether a part of a workbook is a sheet with formulas, without unpacking it as a whole."""
    if not name.startswith("xl/worksheets/"):
        return False
    with archive.open(name) as part:
        before = b""
        while block := part.read(_PART):
            if _FORMULA.search(before + block):
                return True
            before = block[-64:]
    return False


def _rows(sheet: Worksheet, formulas: Iterable[Sequence[object]] | None) -> Iterator[list[Cell]]:
    """Yield the rows of a sheet; formulas: its cells again with the formulas instead of their values."""
    width = 0
    below = iter(formulas or ())
    for line, values in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), 1):
        cells = [_cell(value, line, column) for column, value in enumerate(values, 1)]
        for place, formula in enumerate(next(below, ())[: width or None]):
            if formula is not None and values[place] is None:
                cells[place] = Cell("=", line, place + 1, fault=NO_VALUE)
        used = max((cell.column for cell in cells if cell.text), default=0)
        width = width or used
        if used and (cells[0].fault or not cells[0].text.startswith("#")):
            yield cells[: max(used, width)]


def _cell(value: object, line: int, column: int) -> Cell:
    if value is None:
        return Cell("", line, column)
    if isinstance(value, (date, datetime)):
        return Cell(f"{value:%Y-%m-%d}", line, column, plain=True)
    if isinstance(value, float):
        # A workbook holds 15 digits: 12.899999999999999 is how a formula writes 12.9.
        text = f"{value:.15g}"
        return Cell(text if "e" not in text else f"{value:.0f}", line, column, plain=True)
    if isinstance(value, int) and not isinstance(value, bool):
        return Cell(str(value), line, column, plain=True)
    if value in _ERRORS:
        return Cell(str(value), line, column, fault=f"the formula gives {value}; mend it in the workbook")
    return Cell(" ".join(visible(str(value)).split("\n")), line, column)
