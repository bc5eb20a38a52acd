"""Money as integer minor units of an ISO 4217 currency: strict reading, display."""

from __future__ import annotations

import re
from copy import copy
from decimal import Decimal
from functools import lru_cache

from babel.core import Locale, UnknownLocaleError

from pricing.errors import BadInput

# ISO 4217: active codes whose minor unit is not 2 digits, list one of 2024-06-25, without funds and metals.
_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
    "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
    "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR "
    "ZMW ZWG"
)
EXPONENTS = {code: digits for digits, codes in _EXPONENTS.items() for code in codes.split()}
EXPONENTS.update(dict.fromkeys(_TWO.split(), 2))

_SPACES = re.compile(r"[\u00a0\u202f]")
_CODE_BEFORE_DIGIT = re.compile(r"(?<=[A-Z]{3})(?=-?\d)")
_DECIMAL = re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII)
MAX_MINOR = 10**12


def exponent(currency: str) -> int:
    """Return the digits after the point of a currency; BadInput for a code that ISO 4217 does not list."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        hint = f'; write "{currency.upper()}"' if currency.upper() in EXPONENTS else ', for example "EUR"'
        raise BadInput(f'currency "{currency}" is not an ISO 4217 code{hint}') from None


def parse(text: str, currency: str) -> int:
    """Return a plain decimal in minor units; BadInput says how to write it else.

    >>> parse("1290.00", "EUR"), parse("1290", "JPY"), parse("1.500", "KWD")
    (129000, 1290, 1500)
    """
    digits = exponent(currency)
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise BadInput(f'"{text}" is not a plain amount{_mend(text)}')
    whole, fraction = found.group(1), (found.group(2) or "").rstrip("0")
    if len(fraction) > digits:
        raise BadInput(f'"{text}" has more than the {digits} decimals that {currency} has')
    minor = int(whole[:20] + fraction.ljust(digits, "0"))
    if minor > MAX_MINOR or len(whole) > 20:
        raise BadInput(f'"{text}" is more than a price can be')
    return minor


def _mend(text: str) -> str:
    if text.strip().startswith("-"):
        return "; a price is not negative"
    bare = re.sub(r"[^0-9.,]", "", text)
    last = max(bare.rfind("."), bare.rfind(","))
    tail = bare[last + 1 :] if last >= 0 else ""
    if len(tail) == 3 or last < 0:
        whole, fraction = re.sub(r"[.,]", "", bare), ""
    else:
        whole, fraction = re.sub(r"[.,]", "", bare[:last]), tail
    if not whole:
        return ', for example "1290.00"'
    return f'; write "{whole}.{fraction}"' if fraction else f'; write "{whole}"'


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
    known = Locale.parse(locale)
    pattern = copy(known.currency_formats["standard"])
    pattern.frac_prec = (shown, shown)
    amount = Decimal(minor).scaleb(-digits)
    text = pattern.apply(amount, known, currency=currency, currency_digits=False)
    return _CODE_BEFORE_DIGIT.sub(" ", _SPACES.sub(" ", text)).replace("￥", "¥")


def locale_name(text: str) -> str:
    """Return the CLDR name of a locale written as `de_CH` or `de-CH`; BadInput for an unknown one."""
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except (UnknownLocaleError, ValueError, TypeError):
        raise BadInput(f'unknown locale "{text}"; write language and country, such as de_DE') from None
