from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalogue import amounts
from pricing.catalogue.amounts import Span, ThreeDigits, is_doubtful, read_span
from pricing.money import EXPONENTS, display


@pytest.mark.parametrize(
    ("value", "expected", "low", "high", "currency"),
    [
        ("$129.00", "USD", "129", "129", "USD"),
        ("$129.00", "CAD", "129", "129", "CAD"),
        ("$129.00", "EUR", "129", "129", "USD"),
        ("1.290,00 €", "EUR", "1290", "1290", "EUR"),
        ("1 290,00 €", "EUR", "1290", "1290", "EUR"),
        ("1\u202f290,00\u00a0€", "EUR", "1290", "1290", "EUR"),
        ("CHF 1’290.00", "CHF", "1290", "1290", "CHF"),
        ("CHF 129.–", "CHF", "129", "129", "CHF"),
        ("129,- €", "EUR", "129", "129", "EUR"),
        ("₹1,29,000", "INR", "129000", "129000", "INR"),
        ("1,290", "USD", "1290", "1290", "USD"),
        ("1.290 €", "EUR", "1290", "1290", "EUR"),
        ("1.290 EUR", "EUR", "1290", "1290", "EUR"),
        ("ab 1.290", "EUR", "1290", "1290", "EUR"),
        (Decimal("1.290"), "KWD", "1.290", "1.290", "KWD"),
        (Decimal("1.2900"), "EUR", "1.2900", "1.2900", "EUR"),
        (Decimal("1290.000"), "EUR", "1290.000", "1290.000", "EUR"),
        ("¥1290.00", "JPY", "1290", "1290", "JPY"),
        ("KD 1290.500", "KWD", "1290.500", "1290.500", "KWD"),
        (Decimal("1290.5"), "JPY", "1290.5", "1290.5", "JPY"),
        ("1.290", "KWD", "1.290", "1.290", "KWD"),
        ("1.290,-", "KWD", "1290", "1290", "KWD"),
        ("0.125", "EUR", "0.125", "0.125", "EUR"),
        ("129,5", "EUR", "129.5", "129.5", "EUR"),
        ("¥12,900", "JPY", "12900", "12900", "JPY"),
        ("￥12,900", "CNY", "12900", "12900", "CNY"),
        ("kr 1.290,00", "DKK", "1290", "1290", "DKK"),
        ("1 290 kr.", "SEK", "1290", "1290", "SEK"),
        ("1.234.567 Ft", "HUF", "1234567", "1234567", "HUF"),
        ("ab 99,00 €", "EUR", "99", "99", "EUR"),
        ("US$1,290.50", "EUR", "1290.5", "1290.5", "USD"),
        ("129.00 USD", "EUR", "129", "129", "USD"),
        ("Dh 129", "AED", "129", "129", "AED"),
        ("129 dh", "MAD", "129", "129", "MAD"),
        ("1,290元", "TWD", "1290", "1290", "TWD"),
        ("129 lei", "MDL", "129", "129", "MDL"),
        ("129 руб.", "BYN", "129", "129", "BYN"),
        ("1´290.50", "CHF", "1290.5", "1290.5", "CHF"),
        ("1.290,-", "EUR", "1290", "1290", "EUR"),
        ("Rs. 1,29,000/-", "INR", "129000", "129000", "INR"),
        ("Rs.50", "INR", "50", "50", "INR"),
        ("١٢٩٠ ر.س", "SAR", "1290", "1290", "SAR"),
        ("৳1,290", "BDT", "1290", "1290", "BDT"),
        ("1 290 F CFA", "XOF", "1290", "1290", "XOF"),
        ("$100 - $200", "USD", "100", "200", "USD"),
        ("100–200 €", "EUR", "100", "200", "EUR"),
        ("€200 to €100", "EUR", "100", "200", "EUR"),
        ("$20-50", "USD", "20", "50", "USD"),
        ("١٢٩٫٥٠", "AED", "129.5", "129.5", "AED"),
        (129, "EUR", "129", "129", "EUR"),
        (129.9, "EUR", "129.9", "129.9", "EUR"),
        (["$99.99", "$149"], "USD", "99.99", "149", "USD"),
        ([149, 99], "EUR", "99", "149", "EUR"),
        (["$99"], "USD", "99", "99", "USD"),
    ],
)
def test_prices_as_shops_write_them(value: object, expected: str, low: str, high: str, currency: str) -> None:
    assert read_span(value, expected) == Span(Decimal(low), Decimal(high), currency)


@pytest.mark.parametrize(
    "value",
    [
        ".50",
        "$.50",
        "USD.50",
        "$12.50 - $.99",
        "12'99 €",
        "5'11",
        "1290 500 €",
        "1290-50 €",
        "1 290-50 руб.",
        "12-90 ₽",
        None, True, "", "free", "Unknown", "-5", "€-5", "0", 0, -1, float("nan"), float("inf"), 1e13, "1e3",
        "$21.50/mo", "20%", "12⁹⁹ €", "12½", "1.2万", "3②", "3 x 50 €", "1,2,3", "1.23.456,0", "1,23.4,5",
        "12.3456", "$1 €1", "$1 $2", "$1 - 2 - 3",
        [], [1, 2, 3], ["$1", "€2"], ["x", "$1"], {"price": 1}, "9" * 70, "1" * 50,
        [["$1", "$2"], "$3", "$4"],
    ],
)  # fmt: skip
def test_what_is_no_clear_price_is_none(value: object) -> None:
    assert read_span(value, "EUR") is None


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("1.290", "EUR"),
        ("12.900", "CLP"),
        (Decimal("1.290"), "CLP"),
        (Decimal("1.290"), "EUR"),
        (Decimal("129.000"), "USD"),
        ("1,290", "KWD"),
        ("1,290 KWD", "KWD"),
        ("1.290 TND", "TND"),
        ("1.290 د.ت", "TND"),
        ("12.900", "LYD"),
        ("25.000 IQD", "IQD"),
        ("1290.000 EUR", "EUR"),
        ("1290,000 €", "EUR"),
        ("$1290.000", "CLP"),
        ("0.290.000 €", "EUR"),
        ("0,290.00 €", "EUR"),
        ("0 290 EUR", "EUR"),
        ("012,345 EUR", "EUR"),
        ("¥12.90", "JPY"),
        ("12,50 Ft 1290.000", "HUF"),
    ],
)
def test_what_may_be_thousands_or_decimals_is_none(value: object, currency: str) -> None:
    assert read_span(value, currency) is None


@pytest.mark.parametrize(
    ("value", "currency", "decimals", "thousands"),
    [
        (Decimal("129.990"), "EUR", "129.990", "129990"),
        ([Decimal("1.290"), Decimal("2.450")], "EUR", "1.290", "1290"),
        ("129.990", "EUR", "129.990", "129990"),
        ("1.290 €", "EUR", "1.290", "1290"),
        ("1.290,-", "EUR", "1290", "1290"),
        ("1290.000", "EUR", "1290.000", None),
        ("12.990", "CLP", None, "12990"),
        (Decimal("999.990"), "JPY", None, "999990"),
        (Decimal("1.290"), "KWD", "1.290", "1.290"),
        ("0.290", "EUR", "0.290", "0.290"),
        ("1.290.000", "EUR", "1290000", "1290000"),
        ("1,290", "KWD", "1.290", "1290"),
        ("KD 12,500", "KWD", "12.500", "12500"),
        ("1290,500", "KWD", "1290.500", "1290.500"),
        ("0,290", "KWD", "0.290", "0.290"),
        ("1.290,500", "KWD", "1290.500", "1290.500"),
        ("1,290", "EUR", "1290", "1290"),
        ("1.290 TND", "TND", "1.290", "1290"),
        ("1.290.000", "TND", "1290000", "1290000"),
        ("1.290,500 DT", "TND", "1290.500", "1290.500"),
        ("1290.500", "TND", "1290.500", "1290.500"),
        (Decimal("1.290"), "TND", "1.290", "1.290"),
        ("1.290 OMR", "OMR", "1.290", "1.290"),
    ],
)
def test_three_digits_after_a_point_are_read_as_was_said(
    value: object, currency: str, decimals: str | None, thousands: str | None
) -> None:
    for said, expected in (("decimals", decimals), ("thousands", thousands)):
        span = read_span(value, currency, ThreeDigits(said, said))
        assert (span and span.low) == (expected and Decimal(expected))


@pytest.mark.parametrize(
    ("value", "currency", "doubtful"),
    [
        (Decimal("1.290"), "EUR", True),
        ("129.990", "EUR", True),
        ("12.990", "CLP", True),
        ([Decimal("1.290"), Decimal("2.5")], "EUR", True),
        (Decimal("1.290"), "KWD", False),
        (Decimal("1290.000"), "EUR", False),
        ("1.290 €", "EUR", False),
        ("on request", "EUR", False),
        ("1,290", "KWD", True),
        ("1,290 د.ك", "KWD", True),
        ("1.290 د.ك", "KWD", False),
        ("1.290 د.ت", "TND", True),
        ("1290,500", "KWD", False),
        ("0,290", "KWD", False),
        (Decimal("-1.290"), "EUR", False),
        ("¥12.90", "JPY", False),
    ],
)
def test_only_what_is_an_amount_in_one_of_two_ways_is_doubtful(
    value: object, currency: str, *, doubtful: bool
) -> None:
    assert is_doubtful(value, currency) is doubtful


@given(st.one_of(st.text(), st.text("0123456789.,' $€-–kr"), st.floats(), st.integers()))
def test_anything_is_a_sane_span_or_none(value: object) -> None:
    span = read_span(value, "EUR")
    assert span is None or 0 < span.low <= span.high <= 10**12


@given(
    st.integers(1, 10**9),
    st.sampled_from(sorted(EXPONENTS)),
    st.sampled_from(["en", "de", "fr", "de_CH", "sv", "ja", "hi", "pt_BR"]),
)
def test_what_is_displayed_is_read_again(minor: int, currency: str, locale: str) -> None:
    text = display(minor, currency, locale)
    span = read_span(text, currency)
    # Signs that this reader does not know, and dots whose meaning only the locale knows, may stay unread.
    assert span is None or EXPONENTS[currency] == 3 or span.low == Decimal(minor).scaleb(-EXPONENTS[currency])


def test_the_sign_of_a_withdrawn_currency_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bulgaria pays in euros since 2026: a price in leva is no price, and no error."""
    left = {code: digits for code, digits in EXPONENTS.items() if code != "BGN"}
    monkeypatch.setattr(amounts, "EXPONENTS", left)
    assert read_span("12,50 лв", "EUR") is None
    assert read_span("лв 12.50", "PLN") is None
    assert read_span("12,50 €", "EUR") == Span(Decimal("12.5"), Decimal("12.5"), "EUR")
