"""Reads a price list in an Excel workbook: the first sheet that is not hidden."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from io import BytesIO
from typing import TYPE_CHECKING

from pricing.catalogue.rows import BadCatalogue, Cell, PriceRow, RowReader, visible
from pricing.catalogue.rows_csv import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openpyxl.worksheet.worksheet import Worksheet

    from pricing.catalogue.list_format import ListFormat

MAX_UNPACKED = 512 * 2**20
MAX_COLUMNS = 256
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
    return read_table(_records(data, file), reader)


def _records(data: bytes, file: str) -> Iterator[list[Cell]]:
    from openpyxl import load_workbook  # noqa: PLC0415 only workbooks need it

    unreadable = BadCatalogue([f"{file}:1:1  an Excel workbook that cannot be read; export it as CSV"])
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
                raise BadCatalogue([f"{file}:1:1  a workbook too large to be a price list; export it as CSV"])
        if "xl/workbook.xml" not in names:
            what = "an OpenDocument file" if "mimetype" in names else "a ZIP archive, not a workbook"
            raise BadCatalogue([f"{file}:1:1  {what}; save it as .xlsx, or export it as CSV"])
        workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        for sheet in workbook.worksheets:
            if sheet.sheet_state == "visible":
                yield from _rows(sheet)
                break
    except BadCatalogue:
        raise
    except Exception:  # noqa: BLE001 whatever a damaged workbook makes the library raise
        raise unreadable from None


def _rows(sheet: Worksheet) -> Iterator[list[Cell]]:
    width = 0
    for line, values in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), 1):
        used = max((place for place, value in enumerate(values, 1) if value not in (None, "")), default=0)
        width = width or used
        cells = [_cell(value, line, column) for column, value in enumerate(values[: max(used, width)], 1)]
        if used and not cells[0].text.startswith("#"):
            yield cells


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
    return Cell(" ".join(visible(str(value)).split("\n")), line, column)
