"""Reads a price list in CSV, as RFC 4180 and spreadsheets write it.

Not with the csv module, which does not tell the columns of what it finds.
"""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import TYPE_CHECKING

from pricing.catalogue.cells import is_error, text_cell
from pricing.catalogue.file_text import decoded
from pricing.catalogue.rows import COLUMNS, NAMELESS, BadCatalogue, PriceRow, RowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pricing.catalogue.cells import Cell
    from pricing.catalogue.list_format import ListFormat

SEPARATORS = ",;\t|"
MAX_TITLES = 20
"""Records above the header that may be titles."""
_QUOTE = re.compile(' +"')
_RULE = re.compile(r"(?=.*---)[\s|+:=-]+")
"""A line drawn across a table, as SAP and Markdown write them."""


def read_csv(
    data: str | bytes, file: str, currency: str | None = None, notation: ListFormat | None = None
) -> list[PriceRow]:
    """Return the rows of a price list; `file` is its name in messages.

    Fields are separated by comma, semicolon, tab or |, as the header is, or as a line `sep=;` before it says;
    empty rows, remarks (lines that begin with #), rules (|---|---|), titles above the header and its
    repetitions are skipped.
    `currency` is the store's: rows in another are errors, and it serves where the column is missing.
    Raises BadCatalogue.
    """
    text = decoded(data, file, notation.encoding if notation else "utf-8")
    if text.lstrip().startswith(('{"', "[{")):
        raise BadCatalogue([f"{file}:1:1  JSON, not a list; export it as CSV or .xlsx"])
    reader = RowReader(file, currency, notation)
    return read_table(records(text, reader), reader)


def records(
    text: str, reader: RowReader, is_header: Callable[[Iterable[str]], bool] | None = None
) -> Iterator[list[Cell]]:
    """Yield the cells of each record of a text, titles and the header first; problems go to the reader.

    is_header: tells the header by its texts; None where the reader does.
    """
    yield from _Records(reader, text, is_header or reader.names_columns)


def read_table(records: Iterable[list[Cell]], reader: RowReader) -> list[PriceRow]:
    """Return the rows of a table whose first record names the columns; raises BadCatalogue."""
    header: list[str] | None = None
    rows, line, seen = [], 1, False
    repeated: list[str] = []
    for cells in without_titles(records, reader.names_columns):
        if reader.hopeless:
            break
        if not any(cell.text for cell in cells) or [cell.text for cell in cells] == repeated:
            continue
        if header is None:
            repeated = [cell.text for cell in cells]
            line = cells[0].line
            header = _header(cells, reader)
            if header is None:
                break
            continue
        seen = True
        named = _named(header, cells, reader)
        faulty = [cell for cell in named.values() if cell.fault] if named else []
        for cell in faulty:
            reader.wrong(cell, cell.fault)
        row = reader.row(named) if named and not faulty else None
        if row is not None:
            rows.append(row)
    if header is None and not reader.problems:
        reader.problem(1, 1, f"no header line; the first line names the columns: {','.join(COLUMNS)}")
    if not seen and not reader.problems:
        reader.problem(line, 1, "no prices below this header line; an empty list is taken for a mistake")
    if reader.problems:
        raise BadCatalogue(reader.problems)
    return rows


def without_titles(
    records: Iterable[list[Cell]], is_header: Callable[[Iterable[str]], bool]
) -> Iterator[list[Cell]]:
    """Yield the records from the header on, where one of the first names columns; else all of them."""
    following = iter(records)
    first = list(islice(following, MAX_TITLES))
    header = next((n for n, cells in enumerate(first) if is_header(cell.text for cell in cells)), 0)
    return chain(first[header:], following)


class _Records:
    """The records of a text, each a list of cells; the quotes of a field may enclose line breaks."""

    def __init__(self, reader: RowReader, text: str, is_header: Callable[[Iterable[str]], bool]) -> None:
        self._reader = reader
        self._is_header = is_header
        self._text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._separator = ""
        self._fields = 0

    def __iter__(self) -> Iterator[list[Cell]]:
        text, start, line = self._text, 0, 1
        while start < len(text):
            end = text.find("\n", start)
            end = len(text) if end < 0 else end
            first = text[start:end]
            if not first.strip() or self._is_remark(first) or _RULE.fullmatch(first):
                start, line = end + 1, line + 1
                continue
            if not self._separator:
                if first.casefold().startswith("sep=") and len(first.strip()) == 5:
                    self._separator = first[4]
                    start, line = end + 1, line + 1
                    continue
                self._separator = self._find_separator(start, end)
            cells, after = self._record(start, end, line)
            if cells:
                self._fields = self._fields or len(cells)
                yield cells
            line += text.count("\n", start, after)
            start = after

    def _is_remark(self, line: str) -> bool:
        """Return whether a line is a remark: it begins with #, and not with a formula's error as #N/A is."""
        if not line.startswith("#") or self._fields < 2 or self._separator not in line:
            return line.startswith("#")
        return not is_error(line.split(self._separator, 1)[0].strip())

    def _find_separator(self, start: int, end: int) -> str:
        """Return what separates the names of columns: in the header, else in the first line."""
        text, line = self._text, start
        for _ in range(MAX_TITLES):
            close = text.find("\n", line)
            close = len(text) if close < 0 else close
            for separator in SEPARATORS:
                names = [name.strip(' "') for name in text[line:close].split(separator)]
                if self._is_header(names):
                    return separator
            line = close + 1
        return max(SEPARATORS, key=text[start:end].count)

    def _record(self, start: int, end: int, line: int) -> tuple[list[Cell] | None, int]:
        """Return the cells of the record at `start`, None for a broken one, and where the next begins.

        end: of its first line.
        """
        text, separator = self._text, self._separator
        cells: list[Cell] = []
        begin, at = start, start  # of the line, of the field
        while True:
            if text[at : at + 1] == " " and (quote := _QUOTE.match(text, at, end)):
                at = quote.end() - 1
            column = at - begin + 1
            if text[at : at + 1] == '"':
                close = at + 1
                while (close := text.find('"', close)) >= 0 and text[close + 1 : close + 2] == '"':
                    close += 2
                after = close + 1
                while text[after : after + 1] == " ":
                    after += 1
                proper = text[after : after + 1] in ("", "\n", separator)
                if close < 0 or (close > end and (not proper or self._holds_rows(at, close))):
                    message = 'the quote opened here is not closed; end the field with "'
                    self._reader.problem(line, column, message)
                    return None, end + 1
                if not proper:
                    message = f'after a closing quote comes "{separator}" or the end of line'
                    self._reader.problem(line, close - begin + 2, message)
                    return None, end + 1
                value = text[at + 1 : close].replace('""', '"')
                cell = text_cell(value, line, column + _indent(value))
                line += text.count("\n", at, close)
                if line != cell.line:
                    begin = text.rfind("\n", at, close) + 1
                    end = text.find("\n", close)
                    end = len(text) if end < 0 else end
            else:
                after = text.find(separator, at, end)
                after = end if after < 0 else after
                value = text[at:after]
                cell = text_cell(value, line, column + _indent(value))
            cells.append(cell)
            if after >= end:
                return cells, end + 1
            at = after + 1

    def _holds_rows(self, at: int, close: int) -> bool:
        """Return whether a quoted field holds lines that look like rows: its quote was rather forgotten."""
        lines = self._text[at:close].split("\n")[1:]
        return self._fields > 1 and any(line.count(self._separator) >= self._fields - 1 for line in lines)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip()) if text[:1].isspace() else 0


def _header(cells: list[Cell], reader: RowReader) -> list[str] | None:
    while cells and not cells[-1].text:
        cells = cells[:-1]  # spreadsheets write empty columns at the end
    if len(cells) == 1 and len(re.split(r"[,;\t|^:，]", cells[0].text)) > 2:
        message = "this line is one field; separate fields by comma, semicolon or tab, each in its own quotes"
        reader.problem(cells[0].line, 1, message)
        return None
    names: list[str] = []
    for cell in cells:
        name = reader.known_column(cell)
        if name and name in names and cell.text:
            reader.problem(cell.line, cell.column, f'column "{name}" comes twice; keep one')
        names.append(name or "")
    needed = ["brand", "type", *(() if reader.knows_currency else ("currency",))]
    needed += () if {"price_min", "price_max"} <= set(names) else ("price",)
    missing = [name for name in needed if name not in names]
    if missing and not reader.problems:
        message = f"column missing: {', '.join(missing)}; add it to this header line"
        reader.problem(cells[0].line, 1, f"{message}, or name yours under prices.format")
    return None if reader.problems else names


def _named(header: list[str], cells: list[Cell], reader: RowReader) -> dict[str, Cell] | None:
    while len(cells) > len(header) and not cells[-1].text:
        cells = cells[:-1]
    for name, cell in zip(header, cells, strict=False):
        if name == NAMELESS and cell.text:
            reader.wrong(cell, "a value in a column without a name; name the column in the header")
            return None
    if len(cells) == len(header):
        return {name: cell for name, cell in zip(header, cells, strict=True) if name.strip()}
    many = len(cells) > len(header)
    hint = '; write decimals with a point, and text with a separator in "quotes"' if many else ""
    hint = "; a remark begins with #" if len(cells) == 1 else hint
    cell = cells[len(header)] if many else cells[0]._replace(column=1)
    message = f"{len(cells)} field{'s' * (len(cells) != 1)} where the header has {len(header)}{hint}"
    reader.problem(cell.line, cell.column, message)
    return None
