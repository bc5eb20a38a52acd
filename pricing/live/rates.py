"""Conversion between currencies by a dated rate table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from pricing.catalogue.rows import parse_day
from pricing.errors import BadInput
from pricing.money import EXPONENTS, exponent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True)
class ExchangeRates:
    """How many units of each currency one unit of `base` buys, on a day, by a source."""

    day: date
    source: str
    base: str
    per_base: Mapping[str, Decimal]

    def __post_init__(self) -> None:
        for code, rate in self.per_base.items():
            if exponent(code) < 0 or not (rate.is_finite() and 0 < rate < 10**9):
                raise BadInput(f"rate of {code}: must be above 0 and below a thousand million")

    def rate(self, origin: str, target: str) -> Decimal | None:
        """Return the factor from one currency to another, 1 for the same; None where one is not listed."""
        if origin == target:
            return Decimal(1)
        table = {**self.per_base, self.base: Decimal(1)}
        if origin not in table or target not in table:
            return None
        return table[target] / table[origin]


def to_minor(units: Decimal, currency: str) -> int:
    """Return units in minor units of their currency, halves to the even.

    >>> to_minor(Decimal("12.90"), "EUR"), to_minor(Decimal(1290), "JPY")
    (1290, 1290)
    """
    return int(units.scaleb(EXPONENTS[currency]).quantize(Decimal(1), ROUND_HALF_EVEN))


def read_ecb(data: bytes) -> ExchangeRates:
    """Return the rates in the daily file of the European Central Bank (eurofxref-daily.xml).

    Raises BadInput for anything else, document types and entities too, of which that file has none.
    """
    try:
        if b"<!" in data:
            raise ValueError
        cubes = [e for e in ElementTree.fromstring(data).iter() if e.tag.rpartition("}")[2] == "Cube"]  # noqa: S314 no entities, see above
        day = next(parse_day(cube.attrib["time"]) for cube in cubes if "time" in cube.attrib)
        rates = {
            cube.attrib["currency"]: Decimal(cube.attrib["rate"])
            for cube in cubes
            if cube.attrib.get("currency") in EXPONENTS and "rate" in cube.attrib
        }
        if not rates:
            raise ValueError
        return ExchangeRates(day, "ECB", "EUR", rates)
    except (ValueError, ArithmeticError, ElementTree.ParseError, StopIteration):
        raise BadInput("not a daily rate file of the European Central Bank") from None
