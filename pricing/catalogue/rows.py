"""Reads rows of a price list from cells of text; all problems are reported at once, as file:line:column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.catalogue.cells import heading
from pricing.catalogue.list_format import ListFormat
from pricing.errors import BadInput
from pricing.money import exponent
from pricing.type_words import listed_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from pricing.catalogue.cells import Cell
    from pricing.catalogue.list_format import Point

    T = TypeVar("T")

COLUMNS = (
    "brand",
    "type",
    "model",
    "price",
    "price_min",
    "price_max",
    "currency",
    "valid_from",
    "valid_until",
    "source",
    "gtin",
)
_DAYS = ("valid_from", "valid_until")
_MUST_HOLD = ("brand", "type", "price", "price_min", "price_max")
_MAY_BE_EMPTY = ("model", "currency", *_DAYS, "gtin")
ANY_TYPE = "*"
ANY_BRAND = "*"
NAMELESS = " "
MAX_PROBLEMS = 100
LONGEST, LONGEST_NAME = 80, 200
"""Characters of an amount, a type, a date ..., and of a brand's or model's name."""
_GTIN_DIGITS = (8, 12, 13, 14)
_AROUND_GTIN = re.compile(r"^['’]|\.0$")
"""What spreadsheets and shop systems write so that a number stays text, and programs after a number."""
MAX_COUNTED = 1000
"""Reading ends at so many problems: the list is in another notation than was said."""


class Says(str, Enum):
    """What a line says of a thing: its price, that the shop does not sell it, or that the service be asked.

    The values are what may stand in the price column instead of an amount.
    """

    PRICE = ""
    NOT_SOLD = "not sold"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One line of a price list: `brand` a normal form, `type` a known type or `*`, the dates inclusive.

    model: a normal form, empty where the line speaks of all models. The amounts are 0 where it says no price.
    point: what a point in its amounts is before, where that is a question.
    """

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
    model: str = ""
    says: Says = Says.PRICE
    gtin: str = ""
    point: Point | None = None


class BadCatalogue(BadInput):
    """All that is wrong in one price list, a line each: file:line:column message."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        shown = problems[:MAX_PROBLEMS]
        if len(problems) > MAX_PROBLEMS:
            rest = "; the rest was not read" if len(problems) >= MAX_COUNTED else ""
            shown = [*shown, f"and {len(problems) - MAX_PROBLEMS} more{rest}"]
        super().__init__("\n".join(shown))


class RowReader:
    """Turns cells into rows; problems gather in `problems`, ordered by place.

    currency: the store's, which rows must be in and need not say; None: the first row's binds the others.
    notation: how the list is written.
    """

    def __init__(self, file: str, currency: str | None, notation: ListFormat | None = None) -> None:
        self._file = file
        self._format = notation or ListFormat()
        self._currency = currency or self._format.currency
        if self._format.currency not in (None, self._currency):
            raise BadCatalogue(
                [f"{file}:1:1  the list is in {self._format.currency}, the store in {currency}"]
            )
        self._columns = {heading(theirs): ours for ours, theirs in self._format.columns.items()}
        self._cells: Mapping[str, Cell] = {}
        self._problems: list[tuple[int, int, str]] = []
        self._merged: set[str] = set()

    @property
    def problems(self) -> list[str]:
        """A line for each problem."""
        found = sorted(set(self._problems), key=lambda problem: problem[:2])
        return [f"{self._file}:{line}:{column}  {message}" for line, column, message in found]

    @property
    def hopeless(self) -> bool:
        """Whether there are so many problems that reading on is of no use."""
        return len(self._problems) >= MAX_COUNTED

    @property
    def knows_currency(self) -> bool:
        """Whether rows may do without one."""
        return self._currency is not None

    def problem(self, line: int, column: int, message: str) -> None:
        """Note a problem."""
        self._problems.append((line, column, message))

    def wrong(self, cell: Cell, message: str) -> None:
        """Note a problem with a cell."""
        self.problem(cell.line, cell.column, message)

    def names_columns(self, texts: Iterable[str]) -> bool:
        """Return whether at least two of the texts are names of columns: the line is the header."""
        names = {heading(text) for text in texts}
        return len(names & (self._columns.keys() | set(COLUMNS))) > 1

    def known_column(self, cell: Cell) -> str | None:
        """Return the column that a cell names, "" for one to pass over, or note that there is none.

        NAMELESS stands for an empty cell: nothing may stand below it.
        """
        name = heading(cell.text)
        if name in self._columns:
            return self._columns[name]
        if name in COLUMNS and name not in self._format.columns:
            return name
        if self._columns:
            return ""
        if not name:
            return NAMELESS
        if len(name) > LONGEST:
            self.wrong(cell, f"a column with {_too_long(cell.text)} for a name; is this the header?")
            return None
        near = get_close_matches(name, COLUMNS, 1)
        mend = f"take it out, or name yours under prices.format; the columns are {', '.join(COLUMNS)}"
        hint = f'did you mean "{near[0]}"?' if near else mend
        self.wrong(cell, f'unknown column "{cell.text}"; {hint}')
        return None

    def row(self, cells: Mapping[str, Cell]) -> PriceRow | None:
        """Return the row in the cells by column, which must hold `brand` and `type`; None with a problem."""
        self._cells = cells
        before = len(self._problems)
        if self._has_stray_days() or self._is_drawn():
            return None
        self._check_merged()
        self._check_names()
        brand = cells["brand"]
        key = ANY_BRAND if brand.text == ANY_BRAND else normal_brand(brand.text)
        if not key:
            self._empty(brand, "no brand", "; name one, or take the line out")
        currency = self._read_currency()
        type_ = self._read_type()
        prices = self._prices(currency) if currency else None
        first = self._day("valid_from", date.min)
        last = self._day("valid_until", date.max)
        gtin = self._field("gtin", parse_gtin) if self._text("gtin") else ""
        if first and last and last < first:
            self.wrong(cells["valid_until"], f"valid_until {last} is before valid_from {first}")
        if key == ANY_BRAND:
            self._check_any_brand(brand, type_, prices)
        if len(self._problems) > before or not (key and type_ and prices and currency and first and last):
            return None
        amount, low, high, says = prices
        source = self._text("source") or "catalogue"
        model = normal_brand(self._text("model"))
        return PriceRow(
            key,
            brand.text,
            type_,
            amount,
            low,
            high,
            currency,
            first,
            last,
            source,
            brand.line,
            model,
            says,
            gtin or "",
            self._point(currency) if says is Says.PRICE else None,
        )

    def _point(self, currency: str) -> Point | None:
        """Return what the point in a row's amounts is before; a workbook's cell that is a number has none."""
        if exponent(currency) != 3:
            return None
        cells = [self._cells[name] for name in ("price", "price_min", "price_max") if self._text(name)]
        seen = {self._format.point(cell.text, currency) for cell in cells if cell.number is None}
        return "decimals" if "decimals" in seen else "either" if "either" in seen else None

    def _read_type(self) -> str | None:
        text = self._text("type")
        if not text:
            self._empty(self._cells["type"], "no type", "; name one, or take the line out if it is no price")
        return ANY_TYPE if text == ANY_TYPE else self._field("type", _type) if text else None

    def _empty(self, cell: Cell, what: str, mend: str = "") -> None:
        """Note that a cell is empty that must not be; of cells that are merged, once."""
        if not cell.merged:
            self.wrong(cell, f"{what}{mend}")
        elif cell.merged not in self._merged:
            self._merged.add(cell.merged)
            hint = "hold their value in the first cell only: unmerge them and fill it in"
            self.wrong(cell, f"{what}: the merged cells {cell.merged} {hint}")

    def _check_merged(self) -> None:
        """Note empty cells that a spreadsheet shows as part of a filled one, where empty has a meaning."""
        for name in _MAY_BE_EMPTY:
            cell = self._cells.get(name)
            if cell is not None and cell.merged and not cell.text and self._shows_its_own(name, cell):
                self._empty(cell, f"no {name}")

    def _check_names(self) -> None:
        """Note brands and models that are no names but descriptions, or whole files."""
        for name in ("brand", "model"):
            if len(text := self._text(name)) > LONGEST_NAME:
                self.wrong(self._cells[name], f"{name}: {_too_long(text)}; is it of another column?")

    def _shows_its_own(self, name: str, cell: Cell) -> bool:
        """Return whether what a merged cell shows would be read as this column's, and be news."""
        if name == "currency" and cell.shown == self._currency:
            return False
        own = [self._cells[day].column for day in _DAYS if day in self._cells] if name in _DAYS else []
        return cell.shown_column in (cell.column, *own)

    def _day(self, name: str, default: date) -> date | None:
        if not self._text(name):
            return default
        return self._field(name, parse_day if self._cells[name].is_day else self._format.day)

    def _amount(self, name: str, currency: str) -> int | None:
        number = self._cells[name].number
        if number is not None:
            return self._field(name, lambda _: number.amount(currency))
        return self._field(name, lambda text: self._format.amount(text, currency))

    def _has_stray_days(self) -> bool:
        """Note dates where none belong: a spreadsheet made them of a text such as 1.12 or 3-4."""
        stray = [name for name, cell in self._cells.items() if cell.is_day and name not in _DAYS]
        for name in stray:
            hint = f"format the cell as Text, then write the {name} again"
            self.wrong(self._cells[name], f"{name}: the cell holds a date or a time; {hint}")
        return bool(stray)

    def _is_drawn(self) -> bool:
        """Note a row that its looks take back, or an amount that shows another one than its text."""
        shown = [cell for name, cell in self._cells.items() if cell.drawn and name in _MUST_HOLD]
        for cell in shown[:1]:
            self.wrong(cell, cell.drawn)
        return bool(shown)

    def _check_any_brand(
        self, brand: Cell, type_: str | None, prices: tuple[int, int, int, Says] | None
    ) -> None:
        """Note what a line about things of any brand must not say."""
        if type_ == ANY_TYPE or self._text("model"):
            self.wrong(brand, "brand * is an estimate for a type: name the type, and no model")
        elif prices and prices[3] is not Says.PRICE:
            self.wrong(brand, f"brand * is an estimate for a type: give a price, not {prices[3].value}")

    def _text(self, name: str) -> str:
        cell = self._cells.get(name)
        return cell.text if cell else ""

    def _field(self, name: str, read: Callable[[str], T]) -> T | None:
        cell = self._cells[name]
        if len(cell.text) > LONGEST:
            self.wrong(cell, f"{name}: {_too_long(cell.text)}; is it of another column?")
            return None
        try:
            return read(cell.text)
        except BadInput as error:
            self.wrong(cell, f"{name}: {error}")
            return None

    def _read_currency(self) -> str | None:
        if not self._text("currency") and ("currency" not in self._cells or self._currency):
            if self._currency is None:
                self.wrong(self._cells["brand"], "no currency; give one, such as EUR")
            return self._currency
        code = self._field("currency", lambda text: text if exponent(text) >= 0 else None)
        if code is None:
            return None
        self._currency = self._currency or code
        if code != self._currency:
            message = f"currency: {code}, but this list is in {self._currency}; use one"
            self.wrong(self._cells["currency"], message)
            return None
        return code

    def _prices(self, currency: str) -> tuple[int, int, int, Says] | None:
        given = [name for name in ("price", "price_min", "price_max") if self._text(name)]
        if given not in (["price"], ["price_min", "price_max"]):
            prices = (self._cells.get(name) for name in ("price", "price_min", "price_max"))
            merged = next((one for one in prices if one and one.merged and not one.text), None)
            cell = merged or self._cells[given[0] if given else "brand"]
            self._empty(cell, "no price" if merged else "give either price, or both price_min and price_max")
            return None
        for says in (Says.NOT_SOLD, Says.LIVE):
            if self._text("price").casefold() == says.value:
                return 0, 0, 0, says
        found = [self._amount(name, currency) for name in given]
        amounts = [amount for amount in found if amount is not None]
        if len(amounts) != len(given):
            return None
        low, high = amounts[0], amounts[-1]
        if not all(amounts):  # an export has it where nobody knows the price yet
            name = given[amounts.index(0)]
            hint = 'write it, or "not sold" or "live" as the price'
            self.wrong(self._cells[name], f"{name}: 0 is no price; {hint}")
            return None
        if low > high:
            self.wrong(self._cells["price_max"], "price_max is below price_min; exchange them")
            return None
        return (low + high + 1) // 2, low, high, Says.PRICE


def _too_long(text: str) -> str:
    return f'{len(text):,} characters ("{text[:20].rstrip()}...")'


def parse_day(text: str) -> date:
    """Return a day written as 2026-11-30; BadInput for anything else, other ISO 8601 forms too."""
    return ListFormat().day(text)


def parse_gtin(text: str) -> str:
    """Return a GTIN (EAN, UPC) of 8, 12, 13 or 14 digits; BadInput where digits or the check digit are wrong.

    >>> parse_gtin("4006381333931"), parse_gtin("'4006381333931"), parse_gtin("4006381333931.0")
    ('4006381333931', '4006381333931', '4006381333931')
    """
    digits = _AROUND_GTIN.sub("", text).replace(" ", "").replace("-", "")
    if not digits.isascii() or not digits.isdigit():
        hint = "; set the column to Text, a spreadsheet shortened it" if "E+" in text.upper() else ""
        raise BadInput(f'"{text}" is not a GTIN{hint}')
    # GS1 General Specifications 7.9: weights 3 and 1 from the right, so that zeros before it change nothing.
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    if len(digits) not in _GTIN_DIGITS:
        whole = next((digits.zfill(size) for size in _GTIN_DIGITS if size > len(digits)), "")
        hint = ""
        if whole and total % 10 == 0 and int(digits):
            hint = f"; set the column to Text and write {whole}, if a spreadsheet took the zero before it"
        raise BadInput(f'"{text}" is not a GTIN: it has {len(digits)} digits, not 8, 12, 13 or 14{hint}')
    if total % 10:
        raise BadInput(f'"{text}" is not a GTIN: its last digit does not fit the others')
    return digits


@lru_cache(maxsize=4096)
def _type(text: str) -> str:
    return listed_type(text)
