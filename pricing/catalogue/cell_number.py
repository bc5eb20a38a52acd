"""Numbers of a workbook as its cells show them, by the number format of each cell (ECMA-376 18.8.31)."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from pricing.catalogue.amounts import NO_CENTS
from pricing.catalogue.list_format import says
from pricing.errors import BadInput
from pricing.money import exponent, parse

GENERAL = "General"
_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;])+|(?<=;)(?=;|\Z)|\A(?=;)', re.S)
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].|\[\$(?P<sign>[^\]-]*)[^\]]*\]|\[(?P<mode>[^\]]*)\]'
    r"|(?P<digits>[0#?]+)|(?P<general>General|@)|(?P<mark>[.,])|(?P<power>[Ee][+-])|(?P<other>.)",
    re.S,
)
_CONDITION = re.compile(r"\[([<>]=?|=|<>)(-?\d+(?:\.\d+)?)\]")
_GROUPING = frozenset(" '\u00a0\u202f’")
_HOLDS = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_ANY_DIGIT = frozenset("0#?")


@dataclass(frozen=True, slots=True)
class _Section:
    """What a section of a number format does with a number.

    places: decimals that it shows, None for as many as there are. zeros: digits before the point, at least.
    plain: whether it shows the number as such: no percentage, no thousands left out, no fraction.
    """

    before: str
    after: str
    places: int | None
    zeros: int
    plain: bool


@dataclass(frozen=True, slots=True)
class CellNumber:
    """A number of a workbook and the format that it is shown in.

    >>> CellNumber(Decimal("12.899"), "#,##0.00").amount("EUR"), CellNumber(Decimal(47), "0000").text
    (1290, '0047')
    """

    value: Decimal
    form: str = GENERAL

    @property
    def text(self) -> str:
        """The number in full, with the zeros and the words that its format puts around a whole number."""
        section, written = self._section, format(self.value, "f")
        if self.value < 0 or section.places or not section.plain or "." in written:
            return written
        return f"{section.before}{written.zfill(section.zeros)}{section.after}".strip()

    def amount(self, currency: str) -> int:
        """Return what the cell shows as an amount in minor units.

        Raises BadInput where the cell shows another number than it holds, or another currency.
        """
        section, digits, written = self._section, exponent(currency), format(self.value, "f")
        if self.value < 0:
            return parse(written, currency)
        if not section.plain:
            mend = "format the cell as a number"
            raise BadInput(f'the cell holds {written} and shows it as "{self.form}"; {mend}')
        beside = f"{section.before} {section.after}".strip()
        if beside and not says(beside, currency):
            raise BadInput(f'the cell shows "{beside}" beside {written}, which is not {currency}')
        if section.places is None:
            return parse(written, currency)
        shown = self.value.quantize(Decimal(1).scaleb(-section.places), ROUND_HALF_UP)
        if shown != self.value and section.places < digits:
            mend = "show all its decimals, or round it"
            raise BadInput(f"the cell shows {shown:f}, but holds {written}; {mend}")
        if section.places == 3 != digits and shown < 1000:  # people read 1.290 as 1290 too
            return parse(f"{shown:f}", currency)
        whole, _, fraction = f"{shown:f}".partition(".")
        while len(fraction) > digits and fraction.endswith("0"):
            fraction = fraction[:-1]
        return parse(f"{whole}.{fraction}" if fraction else whole, currency)

    @property
    def _section(self) -> _Section:
        return _read(_chosen(self.form, self.value))


def _chosen(form: str, value: Decimal) -> str:
    """Return the section of a format that shows a value of 0 and more."""
    sections: list[str] = _SECTION.findall(form) or [GENERAL]
    conditions = [_CONDITION.search(section) for section in sections[:2]]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=False):
            if condition is None or _HOLDS[condition[1]](value, Decimal(condition[2])):
                return section
        return sections[min(2, len(sections) - 1)]
    return sections[2] if value == 0 and len(sections) > 2 else sections[0]


@lru_cache(maxsize=256)
def _read(section: str) -> _Section:
    before, after, marks = "", "", ""
    plain, general = True, False
    for token in _TOKEN.finditer(section):
        kind, text = token.lastgroup, str(token[token.lastgroup or 0])
        if kind in ("digits", "mark"):
            plain = plain and not general and set(after) <= _GROUPING
            marks, after = marks + text, ""
        elif kind == "general":
            general = True
        elif kind == "power" or (kind == "other" and text in "%/"):
            plain = False
        elif kind in ("quoted", "escaped", "sign", "other"):
            before, after = (before, after + text) if marks or general else (before + text, after)
    whole, _, decimals = marks.partition(".")
    plain = (
        plain
        and not whole.endswith(",")
        and "," not in decimals
        and (general or bool(_ANY_DIGIT & set(marks)))
    )
    after = NO_CENTS.sub("", f"0{after}").removeprefix("0")  # 0".-" and 0",--"
    return _Section(
        before.strip(), after.strip(), None if general else len(decimals), whole.count("0"), plain
    )
