"""Reads amounts of money as shops write them: currency signs, separators of many locales, ranges.

What is not clearly one amount or one range is no amount: instalments, percentages, words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from babel.core import Locale, UnknownLocaleError, get_global
from babel.languages import get_official_languages

from pricing.money import EXPONENTS, plain_marks

MAX_LENGTH = 60
_MAX_AMOUNT = Decimal(10**12)

# The first is meant where the expected currency is none of them.
_SIGNS = {
    "$": "USD CAD AUD NZD HKD SGD TWD MXN CLP COP ARS",
    "US$": "USD",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "R$": "BRL",
    "MX$": "MXN",
    "NT$": "TWD",
    "€": "EUR",
    "£": "GBP EGP LBP",
    "¥": "JPY CNY",
    "JP¥": "JPY",
    "CN¥": "CNY",
    "円": "JPY",
    "元": "CNY TWD HKD MOP",
    "₹": "INR",
    "RS": "INR PKR LKR NPR",
    "₩": "KRW",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "KR": "SEK NOK DKK ISK",
    "₺": "TRY",
    "TL": "TRY",
    "₽": "RUB",
    "LEI": "RON MDL",
    "₫": "VND",
    "฿": "THB",
    "₪": "ILS",
    "₴": "UAH",
    "₱": "PHP",
    "FR": "CHF",
    "SFR": "CHF",
    "RP": "IDR",
    "RM": "MYR",
    "R": "ZAR",
    "РУБ": "RUB BYN",
    "ГРН": "UAH",
    "ЛВ": "BGN",
    "원": "KRW",
    "บาท": "THB",
    "₸": "KZT",
    "₦": "NGN",
    "₾": "GEL",
    "ریال": "IRR",
    "EURO": "EUR",
    "EUROS": "EUR",
    "Р": "RUB BYN",
    "DIN": "RSD",
    "DH": "MAD AED",
    "DHS": "AED MAD",
    "KD": "KWD",
    "BD": "BHD",
    "Đ": "VND",
    "VNĐ": "VND",
    "СУМ": "UZS",
    "SO'M": "UZS",
    'ש"ח': "ILS",
    "MT": "MZN",
    "GHC": "GHS",
    "$U": "UYU",
}
_MULTIPLES = frozenset("KM")
_WORDS = frozenset(("FROM", "AB", "DÈS", "DESDE", "NOW", "ONLY", "INCL", "INKL", "VAT", "MWST"))
_BETWEEN = frozenset(("-", "–", "—", "~", "TO", "BIS", "À"))
_NUMBER = re.compile(r"\d(?:[\d.,']|[ ](?=\d{3}(?!\d)))*")
NO_CENTS = re.compile(r"(?<=\d)(?:[.,:]\s?[-–—‐‑−]+|\s?/[-=])(?!\s*\d)")
"""What is written for no decimals: `1290,-`, `1290:-`, `1290/-`."""
_DASHED_CENTS = re.compile(r"\d[-–—]\d\d(?!\d)")
_CENTS_AFTER_DASH = frozenset(("BYN", "KGS", "KZT", "RUB", "UAH", "UZS"))
"""Where price tags say `12-90` for 12.90. Elsewhere that is a range, but 1290-50 is none anywhere."""
_MARK_FIRST = re.compile(r"(?:^|\W|([^\W\d_]+))[.,]\d")
# The second is Indian: 1,29,000.
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})*|[1-9]\d?(?:,\d{2})*,\d{3}|[1-9]\d{0,2}(?:,\d{3})*", re.ASCII)
_SPACED = re.compile(r"[1-9]\d{0,2}([ '])\d{3}(?:\1\d{3})*(?:[.,]\d*)?", re.ASCII)
_PIECE = re.compile(r"[A-ZÀ-ÖØ-Þ]*[$¥]|[^\W\d_]+|[^\w\s]|\S")
_PLAIN = str.maketrans({"٫": ".", "٬": ",", "−": "-"})


_DOTTED_DINARS = frozenset(("IQD", "LYD", "TND"))
"""Currencies with three decimals whose people part thousands by dots (CLDR: ar_TN, ar_LY, ku_IQ)."""

Meaning = Literal["decimals", "thousands"]


@dataclass(frozen=True, slots=True)
class ThreeDigits:
    """What three digits after a point are where a currency has fewer decimals, as in 1.290 EUR.

    In a text of a currency with three decimals: what they are after a comma, as in 1,290 KWD, and after a
    point where its people part thousands by one, as in 1.290 TND.
    None: nobody said; a number or a bare text of that form is then no amount.
    """

    of_numbers: Meaning | None = None
    of_texts: Meaning | None = None


UNKNOWN = ThreeDigits()
_SAID = (ThreeDigits("decimals", "decimals"), ThreeDigits("thousands", "thousands"))


@dataclass(frozen=True, slots=True)
class Span:
    """A price or a price range in whole units (not minor ones) of a currency, low <= high, both above 0."""

    low: Decimal
    high: Decimal
    currency: str

    @property
    def middle(self) -> Decimal:
        """The mean of both ends."""
        return (self.low + self.high) / 2


def read_span(value: object, expected: str, three_digits: ThreeDigits = UNKNOWN) -> Span | None:
    """Return what a JSON value says: a number, a text, or a list of one or two of them; None if unclear.

    expected: the currency where none is written, or where a sign such as "$" is that of several.
    """
    if isinstance(value, (list, tuple)):
        parts = [part for part in value[:3] if not isinstance(part, (list, tuple))]
        found = [read_span(part, expected, three_digits) for part in parts]
        spans = [span for span in found if span is not None]
        if len(value) not in (1, 2) or len(spans) != len(value) or spans[0].currency != spans[-1].currency:
            return None
        return _span([spans[0].low, spans[-1].high], spans[0].currency)
    if isinstance(value, str):
        return _read_text(value, expected, three_digits.of_texts) if len(value) <= MAX_LENGTH else None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return _read_number(value, expected, three_digits.of_numbers)


def _read_number(value: float | Decimal, currency: str, three_digits: Meaning | None) -> Span | None:
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    if _looks_grouped(number, currency):
        if three_digits is None or (three_digits == "decimals" and not EXPONENTS[currency]):
            return None
        number = number.scaleb(3) if three_digits == "thousands" else number
    return _span([number], currency)


def is_doubtful(value: object, expected: str) -> bool:
    """Return whether a JSON value is an amount but for three digits of which nobody said what they are.

    >>> is_doubtful(Decimal("1.290"), "EUR"), is_doubtful("on request", "EUR")
    (True, False)
    """
    if read_span(value, expected) is not None:
        return False
    return any(read_span(value, expected, said) is not None for said in _SAID)


def shows_decimals(number: object) -> bool:
    """Return whether the point of a JSON number can be before decimals only: 49.95, 1290.000, 0.125."""
    if not isinstance(number, Decimal) or not number.is_finite():
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent < 0 and (exponent != -3 or not 1 <= abs(number) < 1000)


def _looks_grouped(number: Decimal, currency: str) -> bool:
    """Return whether a JSON number has three decimals and its currency fewer: 1.290 is 1290 or 1.29."""
    return EXPONENTS[currency] < 3 and number.as_tuple().exponent == -3 and 1 <= abs(number) < 1000


def read_currency(text: str, expected: str) -> str | None:
    """Return the ISO 4217 code that a code or sign stands for, or None."""
    sign = _plain_sign(text)
    if sign in EXPONENTS:
        return sign
    meant = _meant(sign)
    if expected in meant or sign in _own_signs(expected):
        return expected
    return meant[0] if meant else None


def _plain_sign(text: str) -> str:
    """Return a sign without what is left out at will: `S/.` is `S/`, `F CFA` is `FCFA`."""
    plain = unicodedata.normalize("NFKC", plain_marks(text)).upper()
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c) != "Cf").rstrip(".")


@lru_cache(maxsize=8)
def _own_signs(currency: str) -> frozenset[str]:
    """Return the signs that a currency has in the languages of the countries that pay with it (CLDR)."""
    by_territory: dict[str, list[tuple[str, object, object, bool]]]
    by_territory = dict(get_global("territory_currencies"))
    signs = set()
    for territory, entries in by_territory.items():
        if not any(code == currency and end is None and tender for code, _, end, tender in entries):
            continue
        for language in get_official_languages(territory, de_facto=True):
            try:
                locale = Locale.parse(f"{language}_{territory}")
            except (UnknownLocaleError, ValueError):
                continue
            signs.add(_plain_sign(locale.currency_symbols.get(currency, currency)))
    return frozenset(signs) - _MULTIPLES  # 1.2K may as well be 1200


def ambiguous(sign: str) -> tuple[str, ...]:
    """Return the currencies that a sign such as "kr" may stand for, where it may for several."""
    meant = _meant(_plain_sign(sign))
    return meant if len(meant) > 1 else ()


def _meant(sign: str) -> tuple[str, ...]:
    """Return the currencies in use that a sign may stand for: one may have been withdrawn meanwhile."""
    return tuple(code for code in _SIGNS.get(sign, "").split() if code in EXPONENTS)


def _read_text(text: str, expected: str, three_digits: Meaning | None) -> Span | None:
    if any(unicodedata.category(c) == "No" for c in text):
        return None  # 12⁹⁹ is 12.99 and 12½ is 12.50: neither is 1299
    plain, dashed = NO_CENTS.subn(
        "", unicodedata.normalize("NFKC", plain_marks(text)).translate(_PLAIN).upper()
    )
    plain = "".join(str(unicodedata.digit(c, c)) for c in plain)
    shortened = _MARK_FIRST.search(plain)
    if shortened is not None and shortened[1] in (None, *EXPONENTS):
        return None  # $.50 is no 50; the dot of Rs.50 ends a word
    numbers = _NUMBER.findall(plain)
    between, currency = 0, None
    beside = _NUMBER.sub(" ", plain).strip()
    whole = len(beside) > 1 and read_currency(beside, expected) is not None  # a sign such as د.إ
    for piece in [beside] if whole else _PIECE.findall(beside):
        if piece in _BETWEEN:
            between += 1
        elif piece not in _WORDS and piece not in ".:":
            meant = read_currency(piece, expected)
            if meant is None or currency not in (None, meant):
                return None
            currency = meant
    if len(numbers) not in (1, 2) or between != len(numbers) - 1:
        return None
    currency = currency or expected
    for_people = bool(dashed) or any(c.isalpha() or unicodedata.category(c) == "Sc" for c in plain)
    amounts = [
        _number(one, currency, three_digits, for_people=for_people, dashed=bool(dashed)) for one in numbers
    ]
    found = [amount for amount in amounts if amount is not None]
    if _DASHED_CENTS.search(plain) and (currency in _CENTS_AFTER_DASH or found != sorted(found)):
        return None
    return _span(found, currency, len(numbers))


def _number(
    text: str, currency: str, three_digits: Meaning | None, *, for_people: bool, dashed: bool
) -> Decimal | None:
    """Return a number written in any locale; None where its separators fit none, or may mean two things.

    for_people: a sign or a word stands beside it, as people read prices. dashed: `,-` stood for no decimals.
    """
    if re.search("[ ']", text) and not _SPACED.fullmatch(text):
        return None  # 12'99 is twelve euros in Spain, and 1290 500 two amounts
    bare = re.sub("[ ']", "", text).rstrip(".,")
    dots, commas = bare.count("."), bare.count(",")
    if dots and commas:
        decimal = "." if bare.rfind(".") > bare.rfind(",") else ","
        whole, _, fraction = bare.rpartition(decimal)
        if decimal in whole or len(fraction) > 3 or not _GROUPED.fullmatch(whole):
            return None
    elif dots + commas == 1:
        whole, fraction = re.split("[.,]", bare)
        # Three digits are thousands, but 1.250 of a currency with three decimals, and 0.125, are fractions.
        three = EXPONENTS[currency] == 3 and not dashed
        unsure = three and (bool(commas) or currency in _DOTTED_DINARS)
        thousands = len(fraction) == 3 and whole[:1] != "0"
        thousands = thousands and not (three and (not unsure or len(whole) > 3))
        if (unsure or (dots and not three)) and not dashed and three_digits is not None:
            for_people, unsure = True, False  # somebody said what is meant
            thousands = thousands and three_digits == "thousands"
        if len(fraction) == 3 and re.match("0.", whole):
            return None
        # 1,250 of three decimals may be either, and 1.250 of Tunisian dinars; "1.250" alone may come from a
        # program; 1290.000 has no group of thousands, and decimals that no currency has.
        if (thousands and (unsure or (dots and not for_people) or len(whole) > 3)) or len(fraction) > 3:
            return None
        if thousands:
            whole, fraction = whole + fraction, ""
    elif dots or commas:
        if not _GROUPED.fullmatch(bare):
            return None
        whole, fraction = bare, ""
    else:
        whole, fraction = bare, ""
    # ¥12.90 is of another country, or not all that is written there.
    is_possible = EXPONENTS[currency] > 0 or not fraction.strip("0")
    return Decimal(f"{re.sub('[.,]', '', whole)}.{fraction or '0'}") if is_possible else None


def _span(ends: list[Decimal], currency: str, needed: int = 1) -> Span | None:
    if len(ends) < needed or not all(end.is_finite() and 0 < end <= _MAX_AMOUNT for end in ends):
        return None
    return Span(min(ends), max(ends), currency)
