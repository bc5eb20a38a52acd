"""Reads rows of a price list from cells of text; all problems are told at once, as file:line:column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.errors import BadInput
from pricing.money import exponent, parse
from pricing.slots import normal_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

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
)
ANY_TYPE = "*"
ANY_BRAND = "*"
MAX_PROBLEMS = 100
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


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


class BadCatalogue(BadInput):
    """All that is wrong in one price list, a line each: file:line:column message."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        shown = problems[:MAX_PROBLEMS]
        if len(problems) > MAX_PROBLEMS:
            shown = [*shown, f"and {len(problems) - MAX_PROBLEMS} more"]
        super().__init__("\n".join(shown))


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and where it begins."""

    text: str
    line: int
    column: int


class RowReader:
    """Turns cells into rows; problems gather in `problems`, ordered by place.

    currency: the store's, which rows must be in and need not say; None: the first row's binds the others.
    """

    def __init__(self, file: str, currency: str | None) -> None:
        self._file = file
        self._currency = currency
        self._cells: Mapping[str, Cell] = {}
        self._problems: list[tuple[int, int, str]] = []

    @property
    def problems(self) -> list[str]:
        """A line for each problem."""
        found = sorted(self._problems, key=lambda problem: problem[:2])
        return [f"{self._file}:{line}:{column}  {message}" for line, column, message in found]

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

    def known_column(self, cell: Cell) -> str | None:
        """Return the column that a cell names, or note that there is none."""
        name = cell.text.casefold()
        if name in COLUMNS:
            return name
        near = get_close_matches(name, COLUMNS, 1)
        hint = f'did you mean "{near[0]}"?' if near else f"the columns are {', '.join(COLUMNS)}"
        self.wrong(cell, f'unknown column "{cell.text}"; {hint}')
        return None

    def row(self, cells: Mapping[str, Cell]) -> PriceRow | None:
        """Return the row in the cells by column, which must hold `brand` and `type`; None with a problem."""
        self._cells = cells
        before = len(self._problems)
        brand = cells["brand"]
        key = ANY_BRAND if brand.text == ANY_BRAND else normal_brand(brand.text)
        if not key:
            self.wrong(brand, "no brand; name one, or take the line out")
        currency = self._read_currency()
        type_ = ANY_TYPE if self._text("type") == ANY_TYPE else self._field("type", normal_type)
        prices = self._prices(currency) if currency else None
        first = self._field("valid_from", parse_day) if self._text("valid_from") else date.min
        last = self._field("valid_until", parse_day) if self._text("valid_until") else date.max
        if first and last and last < first:
            self.wrong(cells["valid_until"], f"valid_until {last} is before valid_from {first}")
        if key == ANY_BRAND:
            self._check_any_brand(brand, type_, prices)
        if len(self._problems) > before or not (type_ and prices and currency and first and last):
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
        )

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
        try:
            return read(cell.text)
        except BadInput as error:
            self.wrong(cell, f"{name}: {error}")
            return None

    def _read_currency(self) -> str | None:
        if "currency" not in self._cells:
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
            cell = self._cells[given[0]] if given else self._cells["brand"]
            self.wrong(cell, "give either price, or both price_min and price_max")
            return None
        for says in (Says.NOT_SOLD, Says.LIVE):
            if self._text("price").casefold() == says.value:
                return 0, 0, 0, says
        found = [self._field(name, lambda text: parse(text, currency)) for name in given]
        amounts = [amount for amount in found if amount is not None]
        if len(amounts) != len(given):
            return None
        low, high = amounts[0], amounts[-1]
        if low > high:
            self.wrong(self._cells["price_max"], "price_max is below price_min; exchange them")
            return None
        return (low + high + 1) // 2, low, high, Says.PRICE


def parse_day(text: str) -> date:
    """Return a day written as 2026-11-30; BadInput for anything else, other ISO 8601 forms too."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f'"{text}" is not a date; write it as 2026-11-30') from None


def decoded(data: str | bytes, file: str) -> str:
    """Return the text of a file; raises BadCatalogue where it is no UTF-8."""
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise BadCatalogue([f"{file}:{line}:{column}  not UTF-8 text; save the file as UTF-8"]) from None
