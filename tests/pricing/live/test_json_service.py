"""Numbers with three digits after the point, such as 1.290, in the answers of a shop's own price service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pricing.live.http import Failure, Reply, parse_json
from pricing.live.json_service import JsonPaths, JsonService
from pricing.live.live import WORDS
from pricing.live.offers import BadAnswer, Doubtful
from pricing.live.services import DescribedService, read

if TYPE_CHECKING:
    from pricing.catalogue.amounts import Meaning

URL = "https://prices.example.com/{brand}"


def amounts(prices: str, currency: str = "EUR", paths: JsonPaths | None = None) -> list[str]:
    """Return what is read of the offers, in units."""
    service = JsonService(paths or JsonPaths(items="$[*]", price="$.p", price_max="$.to"))
    items = [one if one.startswith("{") else f'{{"p": {one}}}' for one in prices.split()]
    answer = parse_json(f"[{', '.join(items)}]".encode())
    return [f"{offer.span.low.normalize():f}" for offer in service.read_offers(answer, currency)]


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ("129.990 49.95", ["129.99", "49.95"]),
        ("1.290 49.9", ["1.29", "49.9"]),
        ("129.990 1290.000", ["129.99", "1290"]),
        ("129.990 0.125", ["129.99", "0.125"]),
        ("129.990 950.0", ["129.99", "950"]),
        ('{"p":129.990,"to":149.5}', ["129.99"]),
        ("129.995 129.99000000000001", ["129.995", "129.99000000000001"]),
        ("950 1.290", ["950"]),
        ('"49.95" 1.290', ["49.95"]),
        ('49.95 "1.290"', ["49.95"]),
    ],
)
def test_another_number_of_the_answer_shows_what_a_point_is(prices: str, expected: list[str]) -> None:
    assert amounts(prices) == expected


@pytest.mark.parametrize("prices", ["1.290", "129.990 49.950", '"1.290"', '"on-request" 1.290'])
def test_an_answer_of_doubtful_prices_alone_is_asked_about(prices: str) -> None:
    with pytest.raises(Doubtful):
        amounts(prices)


@pytest.mark.parametrize(("currency", "price"), [("KWD", "1.290"), ("BHD", "129.990"), ("TND", "0.250")])
def test_currencies_with_three_decimals_are_clear(currency: str, price: str) -> None:
    assert [float(one) for one in amounts(price, currency)] == [float(price)]


@pytest.mark.parametrize(
    ("said", "expected"), [("decimals", ["129.99", "1.29"]), ("thousands", ["129990", "1290"])]
)
def test_what_the_store_file_says_is_done(said: Meaning, expected: list[str]) -> None:
    paths = JsonPaths(items="$[*]", price="$.p", three_digits=said)
    assert amounts('129.990 "1.290"', paths=paths) == expected


def test_a_price_of_a_currency_without_decimals_is_none_though_others_have_some() -> None:
    """¥999.990 is 999,990 yen or nothing, whatever the point of a price in euros is."""
    paths = JsonPaths(items="$[*]", price="$.p", currency="$.c")
    assert amounts('{"p":999.990,"c":"JPY"} {"p":49.95,"c":"EUR"}', paths=paths) == ["49.95"]
    with pytest.raises(Doubtful):
        amounts('{"p":999.990,"c":"JPY"}', paths=paths)


def test_the_upper_end_of_a_price_is_asked_about_and_an_unknown_currency_is_not() -> None:
    """What three digits are would not say what a currency is."""
    with pytest.raises(Doubtful):
        amounts('{"p":950,"to":1.290}')
    assert amounts('{"p":1.290,"c":"pebbles"}', paths=JsonPaths("$[*]", "$.p", currency="$.c")) == []


@pytest.mark.parametrize("none", ["null", "0", "0.00", '""', '"0"', '" 0.00 "'])
def test_an_upper_end_of_nothing_is_none(none: str) -> None:
    """Services without a field that may be missing write 0 or an empty text where there is one price."""
    assert amounts(f'{{"p":950,"to":{none.replace(" ", chr(92) + "u0020")}}}') == ["950"]


def test_nothing_of_a_price_is_no_doubt() -> None:
    assert amounts('"on-request"') == []
    with pytest.raises(BadAnswer, match="no item"):
        amounts('{"q":1.290}')


def test_a_comma_before_three_digits_of_dinars_is_asked_about() -> None:
    with pytest.raises(Doubtful):
        amounts('"1,290"', "KWD")
    said = JsonPaths(items="$[*]", price="$.p", three_digits="decimals")
    assert amounts('"1,290"', "KWD", paths=said) == ["1.29"]


def test_the_failure_says_which_setting_ends_the_doubt() -> None:
    service = DescribedService(URL, {}, JsonPaths(), values={}, currency="EUR")
    failure = read(service, Reply(200, {}, b'{"price": 129.990}'))
    assert failure is Failure.DOUBTFUL
    assert "prices.live.service.three_digits" in WORDS[failure]
