"""Reads a price list in an Excel workbook: the first sheet with its header that is not hidden."""

from __future__ import annotations

import re
import warnings
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pricing.catalogue.cell_number import CellNumber
from pricing.catalogue.cells import Cell, is_error, text_cell
from pricing.catalogue.drawn_text import STRUCK, drawn_cells
from pricing.catalogue.rows import BadCatalogue, PriceRow, RowReader
from pricing.catalogue.rows_csv import MAX_TITLES, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from pricing.catalogue.list_format import ListFormat

    # openpyxl's stubs do not tell sheets that are only read from others.
    ReadOnlySheet: TypeAlias = Any
    ReadOnlyCell: TypeAlias = Any

MAX_UNPACKED = 512 * 2**20
MAX_COLUMNS = 256
MAX_WIDE = 1000
"""Rows with cells right of those columns: each costs as much as a hundred others."""
NO_VALUE = "the formula has no stored value; open the workbook in a spreadsheet program and save it once"
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_HIDDEN = re.compile(rb"<(?:\w+:)?row(?=[^<>]*\shidden=.(?:1|true)\W)(?=[^<>]*?\sr=.(\d+)\W)[^<>]*>")
_HIDDEN_COLUMNS = re.compile(
    rb"<(?:\w+:)?col(?=[^<>]*\shidden=.(?:1|true)\W)(?=[^<>]*?\smin=.(\d+)\W)(?=[^<>]*?\smax=.(\d+)\W)[^<>]*>"
)
_PLACED = re.compile(rb"<(?:\w+:)?(row|c)(?=[\s/>])(?:[^<>]*?\sr=.([A-Z]{0,3})(\d{1,7})\W)?[^<>]*>")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?\bref=.(([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7}))\W")
_MONEY = {5: "#,##0", 6: "#,##0", 7: "#,##0.00", 8: "#,##0.00", 42: "#,##0", 44: "#,##0.00"}
"""Formats whose currency is that of whoever opens the workbook, unless it defines them itself."""
_OWN_MONEY = re.compile(rb"<(?:\w+:)?numFmt\s[^>]*?\bnumFmtId=.(\d+)")
_PART = 2**20
_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_LONGEST_TAG = 1024
_OUT_OF_ORDER = "is there twice or out of order; open the workbook in a spreadsheet program and save it once"
_STRINGS = "sharedstrings.xml"
_DRAWN = re.compile(rb"<(?:\w+:)?(?:strike|vertAlign)[\s/>]")
_XSTRING = re.compile("_x([0-9A-Fa-f]{4})_")
"""A character that XML cannot hold (ECMA-376 22.9.2.19): line breaks of databases come as _x000D_."""
_KINDS = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls"}


class _Looks(NamedTuple):
    """What the styles of a workbook hold: number formats of its own, and maybe struck cells."""

    own: frozenset[int]
    may_be_struck: bool


def workbook_kind(data: bytes) -> str | None:
    """Return "xlsx" for a ZIP container, "xls" for an old workbook, None for what is neither."""
    return _KINDS.get(data[:4])


def read_xlsx(
    data: bytes, file: str, kind: str, currency: str | None = None, notation: ListFormat | None = None
) -> list[PriceRow]:
    """Return the rows of a price list; parameters as for `rows_csv.read_csv`. Raises BadCatalogue.

    Dates are taken as such, numbers as their cells show them; only text is read in the list's notation.
    """
    if kind == "xls" and _ENCRYPTED in data:
        raise BadCatalogue([f"{file}:1:1  a workbook with a password; save it without one"])
    if kind == "xls":
        raise BadCatalogue([f"{file}:1:1  an old Excel workbook; save it as .xlsx, or export it as CSV"])
    reader = RowReader(file, currency, notation)
    return read_table(_records(data, file, reader), reader)


def _records(data: bytes, file: str, reader: RowReader) -> Iterator[list[Cell]]:
    from openpyxl import load_workbook  # noqa: PLC0415 only workbooks need it

    # Of styles and rules that it leaves out: nothing that a price depends on, or that people can mend.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
    unreadable = BadCatalogue([f"{file}:1:1  an Excel workbook that cannot be read; export it as CSV"])
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            if sum(info.file_size for info in archive.infolist()) > MAX_UNPACKED:
                raise BadCatalogue([f"{file}:1:1  a workbook too large to be a price list; export it as CSV"])
            with_formulas = any(
                next(_matches(archive, name, _FORMULA), None)
                for name in names
                if name.startswith("xl/worksheets/")
            )
            styles = archive.read("xl/styles.xml") if "xl/styles.xml" in names else b""
            looks = _Looks(frozenset(map(int, _OWN_MONEY.findall(styles))), _DRAWN.search(styles) is not None)
            book = archive.read("xl/workbook.xml") if "xl/workbook.xml" in names else b""
        if not book or _STRICT in book:
            what = "a workbook in a form that few programs read (Strict Open XML)" if book else _other(names)
            raise BadCatalogue([f"{file}:1:1  {what}; save it as .xlsx, or export it as CSV"])
        workbook = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        shown: list[ReadOnlySheet] = [
            sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"
        ]
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for sheet in shown:
                name = f' of "{sheet.title}"' if len(shown) > 1 else ""
                _check_places(archive, sheet._worksheet_path, file, name)
        tops = {sheet.title: [*islice(_rows(sheet, None, looks), MAX_TITLES)] for sheet in shown}
        listed = [s for s in shown if any(reader.names_columns(c.text for c in row) for row in tops[s.title])]
        if len(listed) > 1:
            titles = " and ".join(f'"{sheet.title}"' for sheet in listed)
            mend = "put all prices on one, or hide the others"
            raise BadCatalogue([f"{file}:1:1  the sheets {titles} are price lists; {mend}"])
        chosen = next(iter(listed), next((sheet for sheet in shown if tops[sheet.title]), None))
        if chosen is not None:
            formulas: Iterable[Sequence[ReadOnlyCell]] | None = None
            if with_formulas:
                again = load_workbook(BytesIO(data), read_only=True, data_only=False, keep_links=False)
                formulas = _cells(again[chosen.title])
            with zipfile.ZipFile(BytesIO(data)) as archive:
                hidden, unseen, merges, drawn = _unread(archive, chosen._worksheet_path)
            header_due = bool(unseen)
            for cells in _marked(_rows(chosen, formulas, looks, drawn), merges):
                if header_due and reader.names_columns(cell.text for cell in cells):
                    header_due = False
                    _tell_hidden(cells, unseen, reader)
                if cells[0].line in hidden and any(cell.text for cell in cells):
                    reader.problem(cells[0].line, 1, "a hidden row; show it, or delete it if it is no price")
                yield cells
    except BadCatalogue:
        raise
    except Exception:  # noqa: BLE001 whatever a damaged workbook makes the library raise
        raise unreadable from None


def _unread(
    archive: zipfile.ZipFile, sheet: str
) -> tuple[set[int], list[range], set[tuple[str, ...]], dict[tuple[int, int], str]]:
    """Return what openpyxl does not keep of a sheet that it only reads.

    Hidden rows, hidden columns, merged cells as for `_marked`, and how parts of texts are drawn.
    """
    hidden = {int(match[1]) for match in _matches(archive, sheet, _HIDDEN)}
    columns = _matches(archive, sheet, _HIDDEN_COLUMNS)
    unseen = [range(int(match[1]), int(match[2]) + 1) for match in columns]
    merges = {tuple(part.decode() for part in match.groups()) for match in _matches(archive, sheet, _MERGED)}
    strings = next((name for name in archive.namelist() if name.casefold().endswith(_STRINGS)), None)
    texts = [name for name in (strings, sheet) if name]
    is_drawn = any(next(_matches(archive, name, _DRAWN), None) for name in texts)
    return hidden, unseen, merges, drawn_cells(archive, sheet, strings) if is_drawn else {}


def _other(names: set[str]) -> str:
    """Return what a ZIP container is that is no .xlsx, by the names of its parts."""
    if "xl/workbook.bin" in names:
        return "a binary workbook (.xlsb)"
    return "an OpenDocument file" if "mimetype" in names else "a ZIP archive, not a workbook"


def _matches(archive: zipfile.ZipFile, name: str, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """Yield what matches in a part of a workbook, each once, without unpacking it as a whole."""
    with archive.open(name) as part:
        text, begun, last = b"", 0, -1
        while block := part.read(_PART):
            begun += max(0, len(text) - _LONGEST_TAG)
            text = text[-_LONGEST_TAG:] + block
            for match in pattern.finditer(text):
                if begun + match.start() > last:
                    last = begun + match.start()
                    yield match


def _check_places(archive: zipfile.ZipFile, path: str, file: str, sheet: str) -> None:
    """Refuse a sheet whose rows or cells do not rise: openpyxl would leave some of them out.

    So too one with many cells far right: openpyxl fills each such row up to them. sheet: named in messages.
    """
    from openpyxl.utils import column_index_from_string, get_column_letter  # noqa: PLC0415 as above

    row = column = wide = 0
    for match in _matches(archive, path, _PLACED):
        letters = (match[2] or b"").decode()
        if match[1] == b"row":
            before, row, column = row, int(match[3] or row + 1), 0
            if row <= before:
                raise BadCatalogue([f"{file}:{row}:1  row {row}{sheet} {_OUT_OF_ORDER}"])
            continue
        before, column = column, column_index_from_string(letters) if letters else column + 1
        if column <= before or (letters and int(match[3]) != row):
            cell = f"{get_column_letter(column)}{int(match[3] or row)}"
            raise BadCatalogue([f"{file}:{row}:{column}  cell {cell}{sheet} {_OUT_OF_ORDER}"])
        wide += before <= MAX_COLUMNS < column
        if wide > MAX_WIDE:
            last = get_column_letter(MAX_COLUMNS)
            what = f"many rows{sheet} have cells right of column {last}; delete what is there"
            raise BadCatalogue([f"{file}:{row}:{column}  {what}"])


def _tell_hidden(header: Iterable[Cell], unseen: Sequence[range], reader: RowReader) -> None:
    """Note the columns that would be read though nobody sees them."""
    for cell in header:
        if any(cell.column in columns for columns in unseen) and (reader.known_column(cell) or "").strip():
            reader.wrong(cell, f'the column "{cell.text}" is hidden; show it, or delete it')


def _cells(sheet: ReadOnlySheet) -> Iterator[Sequence[ReadOnlyCell]]:
    sheet.reset_dimensions()  # some programs write less than there is
    # Not with `max_col`: each of a million rows without a cell would be filled up to it.
    for row in sheet.iter_rows():
        yield row[:MAX_COLUMNS]


def _rows(
    sheet: ReadOnlySheet,
    formulas: Iterable[Sequence[ReadOnlyCell]] | None,
    looks: _Looks,
    drawn: Mapping[tuple[int, int], str] | None = None,
) -> Iterator[list[Cell]]:
    """Yield the rows of a sheet; formulas: its cells again with the formulas instead of their values.

    drawn: what the looks of parts of a text say, by row and column.
    """
    width = 0
    below = iter(formulas or ())
    for line, found in enumerate(_cells(sheet), 1):
        with_formulas = next(below, ())
        if not found:  # one of maybe a million before a cell far below
            continue
        cells = [_cell(cell, line, column, looks.own) for column, cell in enumerate(found, 1)]
        for place, raw in enumerate(found if looks.may_be_struck or drawn else ()):
            struck = STRUCK if raw.value is not None and raw.font.strike else ""
            if how := struck or (drawn or {}).get((line, place + 1), ""):
                cells[place] = cells[place]._replace(drawn=how)
        for place, formula in enumerate(with_formulas[: width or None]):
            if formula.value is not None and found[place].value is None:
                cells[place] = Cell("=", line, place + 1, fault=NO_VALUE)
        used = max((cell.column for cell in cells if cell.text), default=0)
        width = width or used
        cells += [Cell("", line, column) for column in range(len(cells) + 1, width + 1)]
        if used and (is_error(cells[0].text) or not cells[0].text.startswith("#")):
            yield cells[: max(used, width)]


def _marked(rows: Iterable[list[Cell]], merges: Iterable[tuple[str, ...]]) -> Iterator[list[Cell]]:
    """Yield the rows; an empty cell among merged ones that show a value says which those are.

    Spreadsheets store the value of merged cells in the first alone. merges: such as A2:A5, A, 2, A, 5.
    """
    from openpyxl.utils import column_index_from_string  # noqa: PLC0415 only workbooks need it

    coming = [
        (int(top), int(bottom), column_index_from_string(left), column_index_from_string(right), ref)
        for ref, left, top, right, bottom in merges
    ]
    coming.sort(reverse=True)
    open_: list[tuple[int, int, int, str, str]] = []
    for cells in rows:
        line = cells[0].line
        while coming and coming[-1][0] <= line:
            top, bottom, left, right, ref = coming.pop()
            if top == line and left <= len(cells) and cells[left - 1].text:
                open_.append((bottom, left, right, ref, cells[left - 1].text))
        open_ = [merge for merge in open_ if merge[0] >= line]
        for _, left, right, ref, shown in open_:
            for place in range(left - 1, min(right, len(cells))):
                if not cells[place].text:
                    cells[place] = cells[place]._replace(merged=ref, shown=shown, shown_column=left)
        yield cells


def _cell(cell: ReadOnlyCell, line: int, column: int, own: frozenset[int]) -> Cell:
    value = cell.value
    if value is None:
        return Cell("", line, column)
    if isinstance(value, (date, datetime)):
        return Cell(f"{value:%Y-%m-%d}", line, column, is_day=True)
    if isinstance(value, (time, timedelta)):
        return Cell(str(value), line, column, is_day=True)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        # A workbook holds 15 digits: 12.899999999999999 is how a formula writes 12.9.
        exact = Decimal(value if isinstance(value, int) else f"{value:.15g}")
        kind = cell.style_array.numFmtId
        number = CellNumber(
            exact, cell.number_format if kind in own else _MONEY.get(kind, cell.number_format)
        )
        return Cell(number.text, line, column, number=number)
    return text_cell(_XSTRING.sub(_character, str(value)), line, column, from_text_file=False)


def _character(code: re.Match[str]) -> str:
    number = int(code[1], 16)
    return code[0] if 0xD800 <= number < 0xE000 else chr(number)
