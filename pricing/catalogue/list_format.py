"""How a price list is written: its columns, number marks, dates and encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from pricing.catalogue.amounts import NO_CENTS, read_currency
from pricing.errors import BadInput
from pricing.money import EXPONENTS, parse, plain_marks, with_ascii_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_YEAR = 1900
_BUDDHIST_YEARS = range(2500, 2700)
DECIMALS = (".", ",")
GROUPINGS = ("", ".", ",", " ", "'")
DATE_PARTS = {"YYYY": r"(?P<year>\d{4})", "MM": r"(?P<month>\d{1,2})", "DD": r"(?P<day>\d{1,2})"}
_MIDNIGHT = re.compile(r"[T ]0?0:00(?::00)?$", re.ASCII)
# A dot between letters and a number ends a shortened word (Rs.50), after a sign it begins decimals ($.50).
_WORDS = r"[^\d\s.,'+-]+(?:[.\s'][^\d\s.,'+-]+)*(?:(?<=[^\W\d_])\.|(?<=/)\.(?=\s))?"
_POINT = re.compile(r"(\d*)\.(\d+)", re.ASCII)
_SIGN = re.compile(rf"({_WORDS})?\s*(\d(?:[\d.,٫٬'\s]*\d)?)\s*({_WORDS})?")

Point = Literal["either", "decimals"]
"""What a point in an amount is before: decimals, or, as in 1.290 dinars, these or thousands."""


@dataclass(frozen=True, slots=True)
class ListFormat:
    """The notation of a price list; the defaults are that of the examples.

    columns: our name -> name in the list; with it, columns that it does not name are passed over. decimal,
    grouping: as for `money.parse`. dates: YYYY, MM and DD with what stands between. encoding: of the file,
    where no byte order mark tells it. currency: of amounts without one, None for the store's. marks_said:
    somebody said the marks, the defaults too, so that 1.290 dinars are no question.

    Raises BadInput for marks or dates that cannot be told apart.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    grouping: str = ""
    dates: str = "YYYY-MM-DD"
    encoding: str = "utf-8"
    currency: str | None = None
    marks_said: bool = False

    def __post_init__(self) -> None:
        if self.decimal not in DECIMALS or self.grouping not in GROUPINGS:
            raise BadInput('decimal is "." or ",", grouping one of "", ".", ",", " ", "\'"')
        if self.decimal == self.grouping:
            raise BadInput("decimal and grouping are the same mark; they must differ")
        date_pattern(self.dates)
        try:
            "".encode(self.encoding)
        except LookupError:
            raise BadInput(f'encoding "{self.encoding}" is not known; such as utf-8 or cp1252') from None

    @property
    def described(self) -> bool:
        """Whether anybody said how the list is written."""
        return self != ListFormat()

    def point(self, text: str, currency: str) -> Point | None:
        """Return what the point of a currency with three decimals shows; None where that is no question."""
        if EXPONENTS[currency] != 3 or self.marks_said or (self.decimal, self.grouping) != (".", ""):
            return None
        found = _POINT.search(with_ascii_digits(plain_marks(text)))
        if found is None:
            return None
        either = len(found[2]) == 3 and 0 < len(found[1]) <= 3 and found[1][0] != "0"
        return "either" if either else "decimals"

    def amount(self, text: str, currency: str) -> int:
        """Return an amount in minor units; in a described list it may have its currency's sign beside it."""
        written = text
        if self.described:
            text = NO_CENTS.sub("", plain_marks(text).strip())
        found = _SIGN.fullmatch(text) if self.described else None
        if found is not None:
            beside = [sign for sign in (found[1], found[3]) if sign]
            strange = next((sign for sign in beside if not says(sign, currency)), None)
            if strange is not None:
                what = f'beside the amount "{strange.strip()}" is no sign of {currency}'
                raise BadInput(f'"{written}": {what}; write the amount alone')
            text = found[2]
        return parse(text, currency, self.decimal, self.grouping)

    def day(self, text: str) -> date:
        """Return a day; BadInput for anything else.

        >>> ListFormat(dates="DD.MM.YYYY").day("5.11.2026")
        datetime.date(2026, 11, 5)
        """
        found = date_pattern(self.dates).fullmatch(_MIDNIGHT.sub("", with_ascii_digits(text)))
        example = re.sub("DD", "30", re.sub("MM", "11", self.dates.replace("YYYY", "2026")))
        try:
            if found is None:
                raise ValueError
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            raise BadInput(f'"{text}" is not a date; write it as {example}') from None
        if day.year < _FIRST_YEAR or day.year in _BUDDHIST_YEARS:
            raise BadInput(f'"{text}": the year {day.year} is of another calendar; write it as {example}')
        return day


def says(beside: str, currency: str) -> bool:
    """Return whether what stands beside a number is the currency's sign, its code, or both: `USD $`."""
    if beside.removesuffix(".").upper() in EXPONENTS and beside.endswith("."):
        return False  # EUR.50
    words = beside.split()
    return read_currency(beside, currency) == currency or (
        len(words) > 1 and all(read_currency(word, currency) == currency for word in words)
    )


@lru_cache(maxsize=16)
def date_pattern(form: str) -> re.Pattern[str]:
    """Return what matches dates in a form such as DD.MM.YYYY; BadInput where year, month or day lacks."""
    parts = re.split("(YYYY|MM|DD)", form)
    if sorted(part for part in parts if part in DATE_PARTS) != ["DD", "MM", "YYYY"]:
        raise BadInput(f'dates "{form}" needs YYYY, MM and DD once each, such as DD.MM.YYYY')
    between = [part for part in parts if part not in DATE_PARTS]
    # 2026年11月30日 has letters of its own; others stand for a form that nobody told, such as MMM.
    written = "".join(between)
    if re.search("[A-Za-z]", written) or any(map(str.isdecimal, written)) or not all(between[1:-1]):
        raise BadInput(f'dates "{form}" needs a mark between its parts, such as DD.MM.YYYY')
    if form == "YYYY-MM-DD":
        return re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)", re.ASCII)
    return re.compile("".join(DATE_PARTS.get(part) or re.escape(part) for part in parts), re.ASCII)
