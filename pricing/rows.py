"""Reads the rows of a price list in CSV; every problem is told as file:line:column, all at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pricing.errors import BadInput
from pricing.money import exponent, parse
from pricing.names import normal_brand
from pricing.slots import normal_type

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

COLUMNS = (
    "brand",
    "type",
    "price",
    "price_min",
    "price_max",
    "currency",
    "valid_from",
    "valid_until",
    "source",
)
ANY_TYPE = "*"
MAX_PROBLEMS = 100
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a price list: `brand` a normal form, `type` a known type or `*`, the dates inclusive."""

    brand: str
    name: str
    type: str
    amount_minor: int
    min_minor: int
    max_minor: int
    currency: str
    valid_from: date
    valid_until: date
    source: str
    line: int


class BadCatalogue(BadInput):
    """All that is wrong in one price list, a line each: file:line:column message."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        shown = problems[:MAX_PROBLEMS]
        if len(problems) > MAX_PROBLEMS:
            shown = [*shown, f"and {len(problems) - MAX_PROBLEMS} more"]
        super().__init__("\n".join(shown))


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    column: int


class _Reader:
    """One pass over a text; problems gather in `problems`, ordered by place."""

    def __init__(self, file: str, currency: str | None) -> None:
        self._file = file
        self._currency = currency
        self._line = 0
        self._cells: dict[str, _Cell] = {}
        self._problems: list[tuple[int, int, str]] = []

    @property
    def problems(self) -> list[str]:
        found = sorted(self._problems, key=lambda problem: problem[:2])
        return [f"{self._file}:{line}:{column}  {message}" for line, column, message in found]

    def problem(self, column: int, message: str) -> None:
        self._problems.append((self._line, column, message))

    def read(self, text: str) -> list[Row]:
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
            row = self._row(header, cells) if cells else None
            if row is not None:
                rows.append(row)
        if header is None:
            self._line = 1
            self.problem(1, f"no header line; the first line names the columns: {','.join(COLUMNS)}")
        return rows

    def _split(self, line: str, separator: str) -> list[_Cell] | None:
        cells: list[_Cell] = []
        start = 0
        while True:
            if line[start : start + 1] == '"':
                end = start + 1
                while (end := line.find('"', end)) >= 0 and line[end + 1 : end + 2] == '"':
                    end += 2
                if end < 0:
                    self.problem(start + 1, 'the quote opened here is not closed; end the field with "')
                    return None
                text, after = line[start + 1 : end].replace('""', '"'), end + 1
                if line[after : after + 1] not in ("", separator):
                    self.problem(after + 1, f'after a closing quote comes "{separator}" or the end of line')
                    return None
            else:
                after = line.find(separator, start)
                after = len(line) if after < 0 else after
                text = line[start:after]
            cells.append(_Cell(text.strip(), start + 1 + len(text) - len(text.lstrip())))
            if after >= len(line):
                return cells
            start = after + 1

    def _header(self, cells: list[_Cell]) -> list[str] | None:
        names: list[str] = []
        for cell in cells:
            name = cell.text.casefold()
            if name not in COLUMNS:
                near = get_close_matches(name, COLUMNS, 1)
                hint = f'did you mean "{near[0]}"?' if near else f"the columns are {', '.join(COLUMNS)}"
                self.problem(cell.column, f'unknown column "{cell.text}"; {hint}')
            elif name in names:
                self.problem(cell.column, f'column "{name}" comes twice; keep one')
            names.append(name)
        needed = ["brand", "type", *(() if self._currency else ("currency",))]
        needed += () if {"price_min", "price_max"} <= set(names) else ("price",)
        missing = [name for name in needed if name not in names]
        if missing and not self._problems:
            self.problem(1, f"column missing: {', '.join(missing)}; add it to this header line")
        return None if self._problems else names

    def _row(self, header: list[str], cells: list[_Cell]) -> Row | None:
        if len(cells) != len(header):
            many = len(cells) > len(header)
            hint = '; write decimals with a point, and text with a separator in "quotes"' if many else ""
            column = cells[len(header)].column if many else 1
            self.problem(column, f"{len(cells)} fields where the header has {len(header)}{hint}")
            return None
        self._cells = dict(zip(header, cells, strict=True))
        brand = self._cells["brand"]
        key = normal_brand(brand.text)
        if not key:
            self.problem(brand.column, "no brand; name one, or take the line out")
        currency = self._read_currency()
        type_ = ANY_TYPE if self._text("type") == ANY_TYPE else self._field("type", normal_type)
        prices = self._prices(currency) if currency else None
        first = self._field("valid_from", parse_day) if self._text("valid_from") else date.min
        last = self._field("valid_until", parse_day) if self._text("valid_until") else date.max
        if first and last and last < first:
            self.problem(
                self._cells["valid_until"].column, f"valid_until {last} is before valid_from {first}"
            )
        if not (key and type_ and prices and currency and first and last):
            return None
        amount, low, high = prices
        source = self._text("source") or "catalogue"
        return Row(key, brand.text, type_, amount, low, high, currency, first, last, source, self._line)

    def _text(self, name: str) -> str:
        cell = self._cells.get(name)
        return cell.text if cell else ""

    def _field(self, name: str, read: Callable[[str], T]) -> T | None:
        cell = self._cells[name]
        try:
            return read(cell.text)
        except BadInput as error:
            self.problem(cell.column, f"{name}: {error}")
            return None

    def _read_currency(self) -> str | None:
        if "currency" not in self._cells:
            return self._currency
        code = self._field("currency", lambda text: text if exponent(text) >= 0 else None)
        if code is None:
            return None
        self._currency = self._currency or code
        if code != self._currency:
            cell = self._cells["currency"]
            self.problem(cell.column, f"currency: {code}, but this list is in {self._currency}; use one")
            return None
        return code

    def _prices(self, currency: str) -> tuple[int, int, int] | None:
        given = [name for name in ("price", "price_min", "price_max") if self._text(name)]
        if given not in (["price"], ["price_min", "price_max"]):
            column = self._cells[given[0]].column if given else self._cells["brand"].column
            self.problem(column, "give either price, or both price_min and price_max")
            return None
        found = [self._field(name, lambda text: parse(text, currency)) for name in given]
        amounts = [amount for amount in found if amount is not None]
        if len(amounts) != len(given):
            return None
        low, high = amounts[0], amounts[-1]
        if low > high:
            self.problem(self._cells["price_max"].column, "price_max is below price_min; exchange them")
            return None
        return (low + high + 1) // 2, low, high


def parse_day(text: str) -> date:
    """Return a day written as 2026-11-30; BadInput for anything else, other ISO 8601 forms too."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f'"{text}" is not a date; write it as 2026-11-30') from None


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise BadCatalogue([f"{file}:{line}:{column}  not UTF-8 text; save the file as UTF-8"]) from None


def read_rows(data: str | bytes, file: str, currency: str | None = None) -> list[Row]:
    """Return the rows of a price list; `file` is its name in messages.

    Fields are parted by comma, semicolon or tab, as the header is; empty lines and those that begin with #
    are skipped. `currency` is the store's: rows in another are errors, and it serves where the column is
    missing. Raises BadCatalogue.
    """
    text = _decoded(data, file) if isinstance(data, bytes) else data.removeprefix("\ufeff")
    reader = _Reader(file, currency)
    rows = reader.read(text)
    if reader.problems:
        raise BadCatalogue(reader.problems)
    return rows
