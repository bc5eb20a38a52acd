"""Reads a price list in CSV. Not with the csv module, which tells no columns of what it finds."""

from __future__ import annotations

from pricing.catalogue.rows import COLUMNS, BadCatalogue, Cell, PriceRow, RowReader, decoded


def read_csv(data: str | bytes, file: str, currency: str | None = None) -> list[PriceRow]:
    """Return the rows of a price list; `file` is its name in messages.

    Fields are parted by comma, semicolon or tab, as the header is; empty lines and those that begin with #
    are skipped. `currency` is the store's: rows in another are errors, and it serves where the column is
    missing. Raises BadCatalogue.
    """
    text = decoded(data, file)
    reader = RowReader(file, currency)
    rows = _Sheet(reader).read(text)
    if reader.problems:
        raise BadCatalogue(reader.problems)
    return rows


class _Sheet:
    """One pass over a text."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self._line = 0

    def _problem(self, column: int, message: str) -> None:
        self._reader.problem(self._line, column, message)

    def read(self, text: str) -> list[PriceRow]:
        header: list[str] | None = None
        separator, rows = ",", []
        for self._line, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if header is None:
                separator = max(",;\t", key=line.count)
                header = self._header(self._split(line, separator) or [])
                if header is None:
                    return []
                continue
            cells = self._split(line, separator)
            named = self._named(header, cells) if cells else None
            row = self._reader.row(named) if named else None
            if row is not None:
                rows.append(row)
        if header is None:
            self._line = 1
            self._problem(1, f"no header line; the first line names the columns: {','.join(COLUMNS)}")
        return rows

    def _split(self, line: str, separator: str) -> list[Cell] | None:
        cells: list[Cell] = []
        start = 0
        while True:
            if line[start : start + 1] == '"':
                end = start + 1
                while (end := line.find('"', end)) >= 0 and line[end + 1 : end + 2] == '"':
                    end += 2
                if end < 0:
                    self._problem(start + 1, 'the quote opened here is not closed; end the field with "')
                    return None
                text, after = line[start + 1 : end].replace('""', '"'), end + 1
                if line[after : after + 1] not in ("", separator):
                    self._problem(after + 1, f'after a closing quote comes "{separator}" or the end of line')
                    return None
            else:
                after = line.find(separator, start)
                after = len(line) if after < 0 else after
                text = line[start:after]
            cells.append(Cell(text.strip(), self._line, start + 1 + len(text) - len(text.lstrip())))
            if after >= len(line):
                return cells
            start = after + 1

    def _header(self, cells: list[Cell]) -> list[str] | None:
        names: list[str] = []
        for cell in cells:
            name = self._reader.known_column(cell)
            if name in names:
                self._problem(cell.column, f'column "{name}" comes twice; keep one')
            names.append(name or "")
        needed = ["brand", "type", *(() if self._reader.knows_currency else ("currency",))]
        needed += () if {"price_min", "price_max"} <= set(names) else ("price",)
        missing = [name for name in needed if name not in names]
        if missing and not self._reader.problems:
            self._problem(1, f"column missing: {', '.join(missing)}; add it to this header line")
        return None if self._reader.problems else names

    def _named(self, header: list[str], cells: list[Cell]) -> dict[str, Cell] | None:
        if len(cells) == len(header):
            return dict(zip(header, cells, strict=True))
        many = len(cells) > len(header)
        hint = '; write decimals with a point, and text with a separator in "quotes"' if many else ""
        column = cells[len(header)].column if many else 1
        self._problem(column, f"{len(cells)} fields where the header has {len(header)}{hint}")
        return None
