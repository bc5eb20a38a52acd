from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalogue.amounts import read_span
from pricing.errors import BadInput
from pricing.live.offers import BadAnswer, Judge, NoRate, Offer, names, near
from pricing.live.openwebninja import read_offers
from pricing.live.rates import ExchangeRates, read_ecb, to_minor

RATES = ExchangeRates(date(2026, 11, 20), "ECB", "EUR", {"USD": Decimal("1.25"), "JPY": Decimal(160)})
JUDGE = Judge("EUR", Decimal(1), Decimal(100_000), RATES)


def offers(*prices: object, title: str | None = "Nike shoe") -> list[Offer]:
    spans = (read_span(price, "EUR") for price in prices)
    return [Offer(span, title) for span in spans if span is not None]


def product(price: object = None, usual: object = None, title: object = "Nike shoe", **more: object) -> dict:
    return {"product_title": title, "typical_price_range": usual, "offer": {"price": price, **more}}


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        (["€100"], (10000, 10000, 10000)),
        (["€100", "€200"], (15000, 10000, 20000)),
        (["€100", "€110", "€120"], (11000, 10000, 12000)),
        (["€100", "€110", "€120", "€5", "€9000"], (11000, 10000, 12000)),
        (["€90 - €110", "€100 - €140"], (11000, 9000, 14000)),
        (["$125"], (10000, 10000, 10000)),
        (["€100", "¥16,000", "€100"], (10000, 10000, 10000)),
    ],
)
def test_the_price_is_the_median_without_outliers(prices: list[object], expected: tuple[int, ...]) -> None:
    quote = JUDGE.quote("nike", offers(*prices))
    assert quote
    assert (quote.amount_minor, quote.min_minor, quote.max_minor) == expected


def test_the_detail_tells_conversion_and_what_was_dropped() -> None:
    quote = JUDGE.quote("nike", offers("$100", "$110", "$120", "$9000", "£1"))
    assert quote
    assert quote.detail == "median of 3 offers, 2 dropped; USD at 0.8 (ECB 2026-11-20)"


def test_other_brands_are_no_price() -> None:
    assert JUDGE.quote("nike", offers("€100", title="Adidas shoe")) is None


@pytest.mark.parametrize(
    ("judge", "price"), [(JUDGE, "£100"), (Judge("EUR", Decimal(1), Decimal(10)), "$100")]
)
def test_currencies_without_a_rate_are_told_from_no_offer(judge: Judge, price: str) -> None:
    with pytest.raises(NoRate):
        judge.quote("nike", offers(price))


def test_absurd_prices_only_are_a_bad_answer() -> None:
    with pytest.raises(BadAnswer):
        JUDGE.quote("nike", offers("€0.01", "€900000000"))


@pytest.mark.parametrize(
    ("brand", "title", "told"),
    [
        ("levis", "LEVI'S 501 Original", True),
        ("h&m", "H & M Hoodie", True),
        ("nike", "Nikelab tee", False),
        ("nike", None, True),
        ("hermes", "Sac Hermès", True),
    ],
)
def test_names(brand: str, title: str | None, told: bool) -> None:
    assert names(brand, title) is told


@given(st.lists(st.decimals("0.01", "1000000", places=2), min_size=1, max_size=40))
def test_outliers_do_not_depend_on_order_and_some_price_stays(prices: list[Decimal]) -> None:
    kept = sorted(prices[i] for i in near(prices))
    assert kept == sorted(prices[::-1][i] for i in near(prices[::-1]))
    assert kept or len(prices) % 2 == 0


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ({"status": "OK", "data": {"products": [product("$100")]}}, 1),
        ({"status": "OK", "data": [product("$100")]}, 1),
        ({"data": {"products": []}}, 0),
        ({"data": {"products": [product(usual=["$90", "$110"])]}}, 1),
        ({"data": {"products": [product(usual="$90 - $110")]}}, 1),
        ({"data": {"products": [product(usual=["Unknown", "Unknown"])]}}, 0),
        ({"data": {"products": [product(None), "x", None, product("$1", title=None)]}}, 0),
        ({"data": {"products": [product("$100", product_condition="USED")]}}, 0),
        ({"data": {"products": [{"product_title": "x", "price": "$5"}]}}, 1),
        ({"data": {"products": [{"product_title": "x", "offers": [{"price": p} for p in (1, 9, 5)]}]}}, 1),
    ],
)
def test_openweb_ninja_s_answers(answer: object, count: int) -> None:
    found = read_offers(answer, "USD")
    assert len(found) == count
    assert all(offer.span.currency == "USD" for offer in found)


def test_several_offers_of_a_product_are_its_middle_one() -> None:
    (offer,) = read_offers(
        {"data": [{"product_title": "x", "offers": [{"price": p} for p in (1, 9, 5)]}]}, "USD"
    )
    assert offer.span.middle == 5


@pytest.mark.parametrize(
    "answer",
    [None, 5, [], "x", {}, {"status": "ERROR", "error": {}}, {"data": None}, {"data": 5}, {"data": ["x", 1]}],
)
def test_garbage_is_a_bad_answer(answer: object) -> None:
    with pytest.raises(BadAnswer):
        read_offers(answer, "USD")


json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["status", "data", "products", "product_title", "offer", "price", "offers",
                             "typical_price_range", "product_condition"]),
            inner,
        ),
    ),
)  # fmt: skip


@given(json)
def test_any_json_is_read_or_refused(answer: object) -> None:
    try:
        found = read_offers(answer, "EUR")
        quote = JUDGE.quote("nike", found)
    except BadAnswer:
        return
    assert quote is None or 0 < quote.min_minor <= quote.amount_minor <= quote.max_minor


@pytest.mark.parametrize(
    ("origin", "target", "factor"),
    [
        ("EUR", "USD", "1.25"),
        ("USD", "EUR", "0.8"),
        ("USD", "JPY", "128"),
        ("CHF", "CHF", "1"),
        ("GBP", "EUR", None),
    ],
)
def test_rates(origin: str, target: str, factor: str | None) -> None:
    assert RATES.rate(origin, target) == (Decimal(factor) if factor else None)


@pytest.mark.parametrize(
    ("units", "currency", "minor"),
    [("12.345", "EUR", 1234), ("12.355", "EUR", 1236), ("12.5", "JPY", 12), ("1.2345", "KWD", 1234)],
)
def test_to_minor_rounds_halves_to_the_even(units: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(units), currency) == minor


ECB = b"""<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><Cube><Cube time='2026-11-20'>
<Cube currency='USD' rate='1.0815'/><Cube currency='JPY' rate='162.3'/></Cube></Cube></gesmes:Envelope>"""


def test_the_ecb_s_file() -> None:
    rates = read_ecb(ECB)
    assert (rates.day, rates.source, rates.base, rates.rate("EUR", "USD")) == (
        date(2026, 11, 20), "ECB", "EUR", Decimal("1.0815"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html/>",
        b"<!DOCTYPE x><a/>",
        ECB.replace(b"1.0815", b"-1"),
        ECB.replace(b"1.0815", b"x"),
        ECB[:99],
    ],
)
def test_what_is_not_the_ecb_s_file_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        read_ecb(data)
