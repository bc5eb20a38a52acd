"""Money as integer minor units of an ISO 4217 currency: strict reading, display."""

from __future__ import annotations

import re
import unicodedata
from copy import copy
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from babel.core import Locale, UnknownLocaleError, get_global
from babel.numbers import get_group_symbol

from pricing.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

# ISO 4217 codes whose minor unit is not 2 digits. CLDR's digits are of no use here: they say how many people
# write (0 for RSD, of which 100 para are one), not how many are counted.
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
Tender = tuple[str, tuple[int, int, int] | None, tuple[int, int, int] | None, bool]
"""Of a territory by CLDR: code, first and last day, None where there is none, whether it is legal tender."""
_DIGITS = {code: digits for digits, codes in ((0, _ZERO), (3, _THREE)) for code in codes.split()}


def currencies(
    by_territory: Mapping[str, list[Tender]], today: date
) -> tuple[dict[str, int], dict[str, tuple[int, str | None]]]:
    """Return the digits of each currency in use, and the last year and successor of each withdrawn one.

    A last day that is still to come, and a first one, are known long before.
    """
    tenders = [
        [(code, begin, end) for code, begin, end, is_tender in entries if is_tender]
        for entries in by_territory.values()
    ]
    day = (today.year, today.month, today.day)
    in_use = [
        [code for code, begin, end in entries if (begin or day) <= day <= (end or day)] for entries in tenders
    ]
    current = {code for codes in in_use for code in codes}
    withdrawn: dict[str, tuple[int, str | None]] = {}
    for entries, codes in zip(tenders, in_use, strict=True):
        for code, _, end in entries:
            if end is not None and end < day and code not in current:
                successor = codes[0] if codes else None
                withdrawn[code] = max(withdrawn.get(code, (0, None)), (end[0], successor), key=_year)
    return {code: _DIGITS.get(code, 2) for code in sorted(current)}, withdrawn


def _year(entry: tuple[int, str | None]) -> int:
    return entry[0]


_EARLIEST = date(2026, 11, 1)
"""Before this release no day is today: a box without a battery starts in 1970, when nobody paid in euros."""
EXPONENTS, _WITHDRAWN = currencies(
    get_global("territory_currencies"), max(_EARLIEST, datetime.now(timezone.utc).date())
)
"""Digits after the point by ISO 4217 code, of the currencies in use."""

_SPACES = re.compile(r"[\u00a0\u202f]")
_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "EURO": "EUR", "zł": "PLN", "Kč": "CZK"}
_OF_SIGN = {
    "€": "EUR",
    "EURO": "EUR",
    "US$": "USD",
    "R$": "BRL",
    "£": "GBP EGP FKP GIP LBP SDG SHP SSP SYP",
    "¥": "JPY CNY",
    "円": "JPY",
    "원": "KRW",
    "₩": "KRW KPW",
    "₹": "INR",
    "₺": "TRY",
    "TL": "TRY",
    "₽": "RUB",
    "₫": "VND",
    "₪": "ILS",
    "₴": "UAH",
    "฿": "THB",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "KR": "SEK NOK DKK ISK",
    "RM": "MYR",
    "RP": "IDR",
    "RS": "INR PKR LKR NPR MUR SCR",
    "LEI": "RON MDL",
    "FR": "CHF XAF XOF XPF BIF CDF DJF GNF KMF RWF",
    "ЛВ": "BGN",
    "РУБ": "RUB BYN",
    "元": "CNY TWD HKD MOP",
    "₱": "PHP CUP",
    "₦": "NGN",
    "₸": "KZT",
    "₾": "GEL",
    "₡": "CRC SVC",
    "₲": "PYG",
    "₵": "GHS",
    "₭": "LAK",
    "₮": "MNT",
    "₼": "AZN",
    "֏": "AMD",
    "৳": "BDT",
    "៛": "KHR",
    "؋": "AFN",
    "$": "USD AUD CAD NZD HKD SGD TWD MXN CLP COP ARS UYU DOP BRL BBD BMD BND BOB BSD BZD CUP CVE FJD GYD JMD"
    " KYD LRD MOP NAD NIO SBD SRD TOP TTD WST XCD XCG",
}
"""Currencies that a sign may stand for; of a sign that is not here nobody says that it is another one's."""
_BESIDE = (
    "EURO",
    "ZŁ",
    "KČ",
    "KR",
    "FT",
    "RS",
    "RP",
    "RM",
    "TL",
    "LEI",
    "FR",
    "ЛВ",
    "РУБ",
    "R$",
    "US$",
    "円",
    "元",
    "원",
)
_SPACES_TYPED = "\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_APOSTROPHES_TYPED = "\u2018\u2019\u02bc\u2032\uff07`\u00b4"
_LOOK_ALIKES = str.maketrans(
    dict.fromkeys(_SPACES_TYPED, " ") | dict.fromkeys(_APOSTROPHES_TYPED, "'") | {"，": ",", "．": "."}
)
_SCIENTIFIC = re.compile(r"\d+(?:[.,]\d+)?[eE][+-]?\d{1,3}", re.ASCII)
_CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Z]{3})(?=-?\d)")
_WORD_DOT = re.compile(r"(?<=[^\W\d_])\.")
"""The dot of a shortened word, such as "kr."; it is no mark of the number."""
MAX_MINOR = 10**12
_MARKED = re.compile(
    r"\d*[.,]?\d*|\d{1,3}([.,' ])\d{3}(?:\1\d{3})*(?:(?!\1)[.,]\d*)?|\d{1,2}(?:,\d{2})*,\d{3}(?:\.\d*)?"
)
"""Marks where thousands and decimals have them; elsewhere nobody knows what is meant: 1290.00.00, 12.5."""
ARABIC_DECIMAL, ARABIC_GROUPING = "٫", "٬"


def exponent(currency: str) -> int:
    """Return the digits after the point of a currency; BadInput for a code that is none, or no longer one."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        pass
    year, successor = _WITHDRAWN.get(currency, (0, None))
    if year:
        mend = f'; write "{successor}"' if successor else ""
        raise BadInput(f'currency "{currency}" was withdrawn in {year}{mend}')
    code = _SIGNS.get(currency) or currency.upper()
    hint = f'; write "{code}"' if code in EXPONENTS else ', for example "EUR"'
    raise BadInput(f'currency "{currency}" is not an ISO 4217 code{hint}')


def parse(text: str, currency: str, decimal: str = ".", grouping: str = "") -> int:
    """Return an amount in minor units; BadInput says how to write it else.

    decimal: the mark before the decimals. grouping: the mark between thousands, "" for none; both are taken
    at their word, so that nothing is guessed. More decimals than the currency has are refused, zeros too:
    `1.290` may be meant as 1290.

    >>> parse("1290.00", "EUR"), parse("1290", "JPY"), parse("1.500", "KWD"), parse("1.290", "EUR", ",", ".")
    (129000, 1290, 1500, 129000)
    """
    digits = exponent(currency)
    plain = with_ascii_digits(plain_marks(text))
    if ARABIC_DECIMAL in plain or ARABIC_GROUPING in plain:
        # These mean nothing else, whatever the list's own marks are.
        decimal, grouping = ARABIC_DECIMAL, ARABIC_GROUPING
    found = _pattern(decimal, grouping).fullmatch(plain)
    if found is None:
        raise BadInput(f'"{text}" is not a plain amount{_mend(plain, currency, decimal, grouping)}')
    whole, fraction = re.sub(r"\D", "", found[1]), found[2] or ""
    if len(fraction) > digits:
        meant = _either(found, digits, decimal)
        raise BadInput(f'"{text}" has more than the {digits} decimals that {currency} has{meant}')
    minor = int(whole[:20] + fraction.ljust(digits, "0"))
    if minor > MAX_MINOR or len(whole) > 20:
        raise BadInput(f'"{text}" is more than a price can be')
    return minor


def plain_marks(text: str) -> str:
    """Return the text with plain spaces and apostrophes: people type what looks like them.

    >>> plain_marks("1\u202f290,50"), plain_marks("1´290")
    ('1 290,50', "1'290")
    """
    return text if text.isascii() and "`" not in text else text.translate(_LOOK_ALIKES)


def with_ascii_digits(text: str) -> str:
    """Return the text with the decimal digits of every script as 0 to 9; superscripts are none."""
    return text if text.isascii() else "".join(str(unicodedata.decimal(c, c)) for c in text)


@lru_cache(maxsize=64)
def _pattern(decimal: str, grouping: str) -> re.Pattern[str]:
    mark = re.escape(grouping)
    # No grouped number begins with 0: where that is written, the mark is of decimals after all.
    grouped = rf"|[1-9]\d{{0,2}}(?:{mark}\d{{3}})+" if grouping else ""
    if grouping in (",", ARABIC_GROUPING):
        grouped += rf"|[1-9]\d?(?:{mark}\d{{2}})*{mark}\d{{3}}"  # Indian and Pakistani: 1,29,000
    return re.compile(rf"(\d+{grouped})(?:{re.escape(decimal)}(\d+))?", re.ASCII)


def _either(found: re.Match[str], digits: int, decimal: str) -> str:
    """Return the amounts that a number with too many decimals may stand for, as a question."""
    whole, fraction = re.sub(r"\D", "", found[1]), found[2]
    meant = [whole + fraction] if len(fraction) == 3 and len(whole) <= 3 and whole.strip("0") else []
    significant = fraction.rstrip("0")
    if len(significant) <= digits and (digits or not meant):
        meant.append(f"{whole}{decimal}{significant.ljust(digits, '0')}" if digits else whole)
    meant = [amount for amount in meant if _accepted(amount, digits, decimal)]
    return f": {' or '.join(meant)}?" if meant else ""


def _example(currency: str, decimal: str) -> str:
    digits = exponent(currency)
    return f', for example "1290{decimal}{"0" * digits}"' if digits else ', for example "1290"'


def _mend(text: str, currency: str, decimal: str, grouping: str) -> str:
    """Return how an amount in another notation is written in this one, as it is accepted then."""
    digits, example = exponent(currency), _example(currency, decimal)
    text = text.strip()
    if text.startswith(("-", "−")) or re.fullmatch(r"\(.*\)|.*\d-", text):
        return "; a price is not negative"
    if _SCIENTIFIC.fullmatch(text):
        number = format(Decimal(text.replace(",", ".")), "f").replace(".", decimal)
        accepted = _accepted(number, digits, decimal)
        return f"; a spreadsheet shortened it: write {_quoted(accepted) if accepted else 'it'} in full"
    if len(re.findall(r"[0-9][0-9.,' ]*", text)) > 1:
        return "; write one amount, or both price_min and price_max"
    if not _only_signs_beside(text):
        return example
    return _of_another_currency(text, currency) or _in_other_marks(text, currency, decimal, grouping)


def _in_other_marks(text: str, currency: str, decimal: str, grouping: str) -> str:
    digits, example = exponent(currency), _example(currency, decimal)
    marked = re.sub(r"[^0-9.,' ]", "", _WORD_DOT.sub("", text)).strip(" '")
    marked = re.sub(r" +(?=[.,]$)", "", marked)  # 1290 ,-
    bare = re.sub("[ ']", "", marked)
    written = _readings(bare, digits, decimal) if _MARKED.fullmatch(marked) else []
    meant = [accepted for amount in written if (accepted := _accepted(amount, digits, decimal))]
    if not meant:
        return f"; {currency} has {digits} decimals{example}" if any(written) else example
    notation = "" if (decimal, grouping) == (".", "") else f' (decimal mark "{decimal}")'
    return f"; write {' or '.join(_quoted(amount) for amount in meant)}{notation}"


def _readings(bare: str, digits: int, decimal: str) -> list[str]:
    """Return the amounts that digits with points and commas may stand for."""
    marks = [mark for mark in ".," if mark in bare]
    last = max(bare.rfind("."), bare.rfind(","))
    whole, tail = re.sub(r"[.,]", "", bare[:last] if marks else bare), bare[last + 1 :] if marks else ""
    whole = whole or ("0" if tail else "")
    if not tail:
        return [whole]
    if re.match("0.", whole):
        return []
    is_grouped = len(marks) == 1 and bare.count(marks[0]) > 1
    # Of two marks the last is of the decimals, and before a group of thousands are three digits at most.
    may_be_grouped = len(marks) == 1 and len(tail) == 3 and len(whole) <= 3 and whole[0] != "0"
    meant = [whole + tail] if is_grouped or may_be_grouped else []
    if not is_grouped and (len(tail) <= digits or not meant):
        meant.append(f"{whole}{decimal}{tail}")
    return meant


def _accepted(amount: str, digits: int, decimal: str) -> str:
    """Return an amount with no more decimals than its currency has; "" where it says more, or is too much."""
    whole, _, fraction = amount.partition(decimal)
    kept, cut = fraction[:digits], fraction[digits:]
    if not 0 < len(whole) <= 20 or cut.strip("0") or int(whole + kept.ljust(digits, "0")) > MAX_MINOR:
        return ""
    return f"{whole}{decimal}{kept}" if kept else whole


def _only_signs_beside(text: str) -> bool:
    """Return whether the text beside a number leaves its value: 12 EUR is 12, but 12k, 12½, 1.2万 are not."""
    # Dashes after a mark stand for no decimals.
    beside = re.sub(r"[.,:]\s?[-–—]+(?!\s*\d)|/[-=]$|[0-9.,' \"“”„=]", " ", _WORD_DOT.sub(" ", text)).split()
    return all(
        word.upper() in _BESIDE
        or word in EXPONENTS
        or (len(word) == 1 and unicodedata.category(word) == "Sc" and word != "¢")
        for word in beside
    )


def _of_another_currency(text: str, currency: str) -> str:
    """Return what to do where the sign or code beside a number is of another currency; "" where none is."""
    plain = unicodedata.normalize("NFKC", text)
    for word in re.findall(r"[^\W\d_]*[^\W\d_$]?[$]|[^\W\d_]+|[^\w\s]", plain):
        meant = word if word in EXPONENTS else _OF_SIGN.get(word.upper(), currency)
        if currency not in meant.split():
            return f'; "{word}" is not {currency}: write the price in {currency}, or name its own currency'
    return ""


def _quoted(amount: str) -> str:
    return f'"{amount}"'


@lru_cache(maxsize=4096)
def display(minor: int, currency: str, locale: str = "en") -> str:
    """Return an amount as people of a locale (such as `de_CH`) write it; whole amounts without decimals.

    Spaces and the yen are plain ones: fonts and terminals do not all have the narrow and the wide ones.

    >>> display(129000, "EUR", "de_DE"), display(129050, "EUR"), display(1290, "JPY")
    ('1.290 €', '€1,290.50', '¥1,290')
    """
    digits = exponent(currency)
    # A currency may show no decimals by custom (CLDR) where ISO 4217 counts some: ISO's are what is counted.
    shown = 0 if minor % 10**digits == 0 else digits
    parsed = Locale.parse(locale)
    pattern = copy(parsed.currency_formats["standard"])
    pattern.frac_prec = (shown, shown)
    amount = Decimal(minor).scaleb(-digits)
    # babel takes a pair of plain apostrophes, two groups of a Swiss million, for the quotes of a pattern.
    by_hand = get_group_symbol(parsed) == "'"
    text = pattern.apply(
        amount, parsed, currency=currency, currency_digits=False, group_separator=not by_hand
    )
    if by_hand:
        text = re.sub(r"\d{4,}", lambda whole: f"{int(whole[0]):_}".replace("_", "'"), text, count=1)
    return _CODE_BEFORE_DIGIT.sub(" ", _SPACES.sub(" ", text)).replace("￥", "¥")


def locale_name(text: str) -> str:
    """Return the CLDR name of a locale written as `de_CH` or `de-CH`; BadInput for an unknown one."""
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except (UnknownLocaleError, ValueError, TypeError):
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise BadInput(f'unknown locale "{shown}"; write language and country, such as de_DE') from None
