"""Mistakes of price lists, as text and in YAML: each with its place."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.catalogue.catalogue import read
from pricing.catalogue.rows import BadCatalogue
from tests.pricing.catalogue.lists import COMMAS, TODAY

GTINS = "brand,type,price,currency,gtin\nNike,hat,1,EUR,"


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("", "1:1", "no header"),
        ("brand,typ,price,currency\n", "1:7", '"type"'),
        ("brand,type,price,brand,currency\n", "1:18", "twice"),
        ("brand,type,price,VAT,currency\n", "1:18", "take it out, or name yours under prices.format"),
        ("brand,price,currency\n", "1:1", "column missing: type"),
        ("brand,type,currency\n", "1:1", "column missing: price"),
        (COMMAS + "Nike,hat,10\n", "2:1", "3 fields where the header has 4"),
        (COMMAS + "Nike,hat,10,EUR,x\n", "2:17", "5 fields"),
        (COMMAS + ",hat,10,EUR\n", "2:1", "no brand"),
        (COMMAS + "Nike, handbgs,10,EUR\n", "2:7", '"handbag"'),
        (COMMAS + 'Nike,hat,"1,290.00",EUR\n', "2:10", 'write "1290.00"'),
        (COMMAS + "\n\nNike,hat,x,EUR\n", "4:10", "plain amount"),
        (COMMAS + "Nike,hat,,EUR\n", "2:1", "either price"),
        (COMMAS + "Nike,hat,10,EURO\n", "2:13", "ISO 4217"),
        (COMMAS + "Nike,hat,10,EUR\nNike,cap,10,USD\n", "3:13", "this list is in EUR"),
        (COMMAS + 'Nike,hat,10,"EUR\n', "2:13", "not closed"),
        (COMMAS + 'Nike,"hat"x,10,EUR\n', "2:11", "closing quote"),
        (COMMAS + "Nike,hat,10,EUR\r\nNIKE,hat,11,EUR\r\n", "3:1", "in line 2 already"),
        (
            "brand,type,price,currency,valid_from\nNike,hat,1,EUR,22.11.2026\n",
            "2:16",
            "write it as 2026-11-30",
        ),
        ("brand,type,price,currency,valid_from\nNike,hat,1,EUR,2026-02-30\n", "2:16", "not a date"),
        ("brand,type,price,currency,valid_from\nNike,hat,1,EUR,2026-W48-1\n", "2:16", "not a date"),
        (
            "brand,type,price,currency,valid_from,valid_until\nNike,hat,1,EUR,2026-02-02,2026-01-01\n",
            "2:27",
            "before valid_from",
        ),
        ("brand,type,price_min,price_max,currency\nNike,hat,5,4,EUR\n", "2:12", "below price_min"),
        ("brand,type,price_min,price_max,currency\nNike,hat,0,4,EUR\n", "2:10", "price_min: 0 is no price"),
        ("brand;type;price;currency\nNike;hat;0.00;EUR\n", "2:10", '"not sold" or "live"'),
        (GTINS + "36000291452\n", "2:16", "write 036000291452"),
        (GTINS + "36000291453\n", "2:16", "11 digits, not 8, 12, 13 or 14"),
        ("brand;type;price;currency\nNike;hat;12,50;EUR\n", "2:10", 'write "12.50"'),
    ],
)
def test_mistakes_have_their_place(text: str, place: str, word: str) -> None:
    with pytest.raises(BadCatalogue) as caught:
        read(text, "list.csv")
    (problem,) = caught.value.problems
    assert problem.startswith(f"list.csv:{place}  ")
    assert word in problem


LONG = "<p>A bag of leather.</p>" * 400
TOO_LONG = '9,600 characters ("<p>A bag of leather....")'
ALL = dict.fromkeys(("brand", "type", "price", "currency", "model", "valid_until", "gtin"), "")


@pytest.mark.parametrize("column", ALL)
def test_a_text_of_another_column_is_not_printed_as_a_whole(column: str) -> None:
    row = ALL | {"brand": "Nike", "type": "hat", "price": "1", "currency": "EUR", column: LONG}
    with pytest.raises(BadCatalogue) as caught:
        read(f"{','.join(row)}\n{','.join(row.values())}\n", "list.csv")
    (problem,) = caught.value.problems
    assert problem.endswith(f"  {column}: {TOO_LONG}; is it of another column?")


def test_a_heading_is_not_printed_as_a_whole() -> None:
    with pytest.raises(BadCatalogue) as caught:
        read(f"brand,type,price,currency,{LONG}\nNike,hat,1,EUR,\n", "list.csv")
    told = f"list.csv:1:27  a column with {TOO_LONG} for a name; is this the header?"
    assert caught.value.problems == (told,)


def test_a_long_name_is_one() -> None:
    name = "Maison " + "de la Haute Couture " * 9
    assert read(f"{COMMAS}{name},hat,1,EUR\n", "list.csv").rows[0].name == name.strip()


def test_a_line_below_the_prices_is_told_how_to_stay() -> None:
    with pytest.raises(BadCatalogue) as caught:
        read(f"{COMMAS}Nike,hat,1,EUR\nAs of 30.11.2026\n", "list.csv")
    told = "list.csv:3:1  1 field where the header has 4; a remark begins with #"
    assert caught.value.problems == (told,)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadCatalogue) as caught:
        read(COMMAS + "Nike,ht,1x,EURO\n,hat,1,EUR\n", "list.csv")
    places = [problem.split("  ")[0] for problem in caught.value.problems]
    assert places == ["list.csv:2:6", "list.csv:2:12", "list.csv:3:1"]


@given(st.text())
def test_any_text_is_a_catalogue_or_one_clear_error(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        read(COMMAS + text, "list.csv")
    except BadCatalogue as error:
        problems = error.problems
    assert all(problem.startswith("list.csv:") for problem in problems)


YAML = """
currency: EUR
prices:
  - {brand: Burberry, type: handbag, price_min: 1100.00, price_max: 1480, source: autumn}
  - brand: Nike
    type: sneakers
    price: 0.10
    valid_from: 2026-11-01
  - {brand: Levi's, type: "*", price: not sold}
"""


def test_a_list_in_yaml_is_the_same_list() -> None:
    catalogue = read(YAML, "list.yaml", "EUR")
    price = catalogue.lookup("nike", None, "shoes", TODAY)
    assert price
    assert (price.amount_minor, price.as_of) == (10, date(2026, 11, 1))
    assert not catalogue.find("levis", "jeans", "trousers", TODAY).sold
    assert [row.line for row in catalogue.rows] == [4, 5, 9]


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("", "1:1", "prices:"),
        ("prices: 5\n", "1:1", "no list"),
        ("price: []\nprices: []\n", "1:1", "unknown key"),
        ("prices: [{brand: Nike, type: hat, price: 5}]\n", "1:18", "no currency"),
        ("currency: EUR\nprices: [{brand: Nike, typ: hat, price: 5}]\n", "2:24", '"type"'),
        ("currency: EUR\nprices: [{brand: Nike, price: 5}]\n", "2:10", "type missing"),
        ("currency: EUR\nprices: [{brand: Nike, type: hat, price: '1,5'}]\n", "2:42", 'write "1.5"'),
        ("currency: EUR\nprices: [{brand: Nike, type: hat, price: [5]}]\n", "2:35", "plain value"),
        ("currency: EUR\nprices: [{brand: Nike, type: hat, type: cap}]\n", "2:35", "twice"),
        ("currency: EUR\nprices: [{brand: Nike, type: hat, price: 0}]\n", "2:42", "0 is no price"),
        ("currency: EUR\nprices: [5]\n", "2:10", "block"),
        ("currency: EUR\nprices: [{brand: &a Nike, type: hat}]\n", "2:18", "quotes"),
        ("currency: EUR\nprices: [{brand: Nike\n", "3:1", "not valid YAML"),
        ("currency: USD\nprices: [{brand: Nike, type: hat, price: 5}]\n", "1:11", "this list is in EUR"),
        ("prices:\n  - {brand: N\tike: x", "2:18", "not valid"),
    ],
)
def test_mistakes_in_yaml_have_their_place(text: str, place: str, word: str) -> None:
    with pytest.raises(BadCatalogue) as caught:
        read(text, "list.yaml", "EUR" if "USD" in text else None)
    problem = caught.value.problems[0]
    assert problem.startswith(f"list.yaml:{place}  "), problem
    assert word in problem


@given(st.text(), st.booleans())
def test_any_text_is_a_yaml_list_or_one_clear_error(text: str, inside: bool) -> None:
    problems: tuple[str, ...] = ()
    try:
        read("currency: EUR\nprices:\n - " + text if inside else text, "list.yaml")
    except BadCatalogue as error:
        problems = error.problems
    assert all(problem.startswith("list.yaml:") for problem in problems)
