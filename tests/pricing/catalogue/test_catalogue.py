"""What a price list says of a brand, a type and a model on a day."""

from __future__ import annotations

from datetime import date

import pytest

from engines.paths import CONFIGS
from pricing.catalogue.catalogue import load, read
from pricing.catalogue.rows import BadCatalogue
from tests.pricing.catalogue.lists import COMMAS, TODAY

LIST = """
# an example
brand,type,price,price_min,price_max,currency,valid_from,valid_until,source
Burberry,handbag,,1100.00,1480.00,EUR,2026-11-01,,autumn
Burberry,backpack,890,,,EUR,,,
Nike,sneakers,100,,,EUR,,2026-11-21,old
Nike,sneakers,120,,,EUR,2026-11-22,,new
Nike,bomber,99.99,,,EUR,,,
Nike,t-shirt,30.01,,,EUR,,,
Nike,top,50,,,EUR,,2026-01-01,
Levi's,*,80,,,EUR,,,
"Dolce & Gabbana",*,500,,,EUR,,,"the ""big"" one, signed"
"""


@pytest.mark.parametrize(
    ("brand", "type_", "slot", "expected"),
    [
        ("burberry", "handbag", "bag", (129000, 110000, 148000, "autumn")),
        ("BURBERRY", "tote", "bag", (129000, 110000, 148000, "autumn")),
        ("burberry", None, "bag", (109000, 89000, 148000, "catalogue")),
        ("burberry", "suitcase", "bag", None),
        ("burberry", None, "top", None),
        ("nike", None, "shoes", (12000, 12000, 12000, "new")),
        ("nike", "running-shoes", "shoes", (12000, 12000, 12000, "new")),
        ("nike", "jacket", "top", (9999, 9999, 9999, "catalogue")),
        ("nike", None, "top", (6500, 3001, 9999, "catalogue")),
        ("LEVIS", "jeans", "trousers", (8000, 8000, 8000, "catalogue")),
        ("levi’s", None, "top", (8000, 8000, 8000, "catalogue")),
        ("Dolce&Gabbana", None, "top", (50000, 50000, 50000, 'the "big" one, signed')),
        ("gucci", None, "top", None),
    ],
)
def test_lookup(brand: str, type_: str | None, slot: str, expected: tuple[int, int, int, str] | None) -> None:
    price = read(LIST, "list.csv").lookup(brand, type_, slot, TODAY)
    assert (price and (price.amount_minor, price.min_minor, price.max_minor, price.source)) == expected


@pytest.mark.parametrize(
    ("type_", "slot", "minor"),
    [("sweater", "top", 3001), ("cardigan", "top", 3001), ("coat", "top", 9999), ("dress", "top", None)],
)
def test_a_type_that_was_seen_costs_what_looks_like_it(type_: str, slot: str, minor: int | None) -> None:
    listed = read(LIST, "list.csv")
    price = listed.lookup("nike", type_, slot, TODAY)
    assert (price and price.amount_minor) == minor
    assert listed.find("nike", type_, slot, TODAY).price is None
    assert listed.lookup("burberry", "suitcase", "bag", TODAY) is None


def test_clothes_of_a_brand_that_sells_one_thing_there_are_that_thing() -> None:
    listed = read(
        COMMAS + "Prada,coat,2450,EUR\nPrada,suitcase,900,EUR\nGucci,coat,not sold,EUR\n", "list.csv"
    )
    for seen in ("sweater", "dress", "blazer"):
        price = listed.lookup("prada", seen, "top", TODAY)
        assert price is not None
        assert (price.amount_minor, price.type) == (245000, "coat")
        assert listed.lookup("gucci", seen, "top", TODAY) is None
    assert listed.lookup("prada", "handbag", "bag", TODAY) is None
    assert listed.lookup("prada", "jeans", "trousers", TODAY) is None


ANY = COMMAS + "*,coat,120,EUR\n*,handbag,80,EUR\n*,trousers,50,EUR\nNike,coat,99,EUR\n"


@pytest.mark.parametrize(
    ("type_", "slot", "minor"),
    [
        ("coat", "top", 12000),
        ("trench-coat", "top", 12000),
        ("outerwear", "top", 12000),
        ("shirt", "top", None),
        ("bag", "bag", 8000),
        ("backpack", "bag", None),
        ("jeans", "trousers", 5000),
    ],
)
def test_a_star_for_the_brand_estimates_what_has_none(type_: str, slot: str, minor: int | None) -> None:
    listed = read(ANY, "list.csv").joined(lambda name: f"key of {name.casefold()}")
    price = listed.lookup(None, type_, slot, TODAY)
    assert (price and price.amount_minor) == minor
    assert price is None or price.estimate
    assert listed.names == {"key of nike": "Nike"}
    nike = listed.lookup("key of Nike", "coat", "top", TODAY)
    assert nike is not None
    assert (nike.amount_minor, nike.estimate) == (9900, False)


@pytest.mark.parametrize("line", ["*,*,10,EUR", "*,coat,not sold,EUR", "*,coat,live,EUR"])
def test_an_estimate_names_a_type_and_a_price(line: str) -> None:
    with pytest.raises(BadCatalogue, match=r"list.csv:2:1  brand \* is an estimate for a type"):
        read(COMMAS + line + "\n", "list.csv")


@pytest.mark.parametrize(("day", "minor"), [(date(2026, 11, 21), 10000), (date(2026, 11, 22), 12000)])
def test_validity_is_inclusive(day: date, minor: int) -> None:
    price = read(LIST, "list.csv").lookup("nike", "sneakers", "shoes", day)
    assert price
    assert price.amount_minor == minor


def test_as_of_is_the_first_day_of_the_price() -> None:
    price = read(LIST, "list.csv").lookup("burberry", "handbag", "bag", TODAY)
    assert price
    assert price.as_of == date(2026, 11, 1)


def test_the_store_s_currency_binds() -> None:
    assert read("brand,type,price\nNike,hat,10\n", "list.csv", "EUR").currency == "EUR"
    with pytest.raises(BadCatalogue, match="this list is in CHF"):
        read(LIST, "list.csv", "CHF")


def test_bytes_must_be_utf8() -> None:
    assert len(read(("\ufeff" + LIST).encode(), "list.csv")) == 9
    with pytest.raises(BadCatalogue, match=r"list\.csv:2:5  not UTF-8"):
        read(COMMAS.encode() + "Herm\xe8s,hat,1,EUR".encode("latin-1"), "list.csv")


def test_the_example_list_is_good() -> None:
    catalogue = load(CONFIGS / "prices.csv", "EUR")
    assert len(catalogue.names) >= 40
    assert {row.source for row in catalogue.rows} == {"example"}


MODELS = """brand,type,model,price,currency
Nike,sneakers,,100,EUR
Nike,sneakers,Air Max 90,150,EUR
Nike,boots,,not sold,EUR
Nike,*,,60,EUR
Burberry,handbag,Lola,1200,EUR
Burberry,handbag,TB,1800,EUR
Burberry,top,,Not Sold,EUR
Prada,*,,not sold,EUR
Asics,*,,80,EUR
Asics,shoes,,live,EUR
Cos,*,,live,EUR
"""


@pytest.mark.parametrize(
    ("brand", "type_", "slot", "model", "expected"),
    [
        ("nike", "sneakers", "shoes", None, (10000, True)),
        ("nike", "sneakers", "shoes", "AIR MAX 90", (15000, True)),
        ("nike", "sneakers", "shoes", "Dunk", (10000, True)),
        ("nike", "boots", "shoes", None, (None, False)),
        ("nike", None, "shoes", None, (10000, True)),
        ("nike", "hat", "hat", None, (6000, True)),
        ("burberry", "handbag", "bag", None, (150000, True)),
        ("burberry", "tote", "bag", "lola", (120000, True)),
        ("burberry", "bomber", "top", None, (None, False)),
        ("burberry", "shoes", "shoes", None, (None, True)),
        ("prada", "handbag", "bag", None, (None, False)),
        ("gucci", "handbag", "bag", None, (None, True)),
        ("asics", "sneakers", "shoes", None, (None, True)),
        ("asics", "hat", "hat", None, (8000, True)),
        ("cos", "hat", "hat", None, (None, True)),
    ],
)
def test_models_and_what_is_not_sold(
    brand: str, type_: str, slot: str, model: str | None, expected: tuple[int | None, bool]
) -> None:
    found = read(MODELS, "list.csv").find(brand, type_, slot, TODAY, model)
    assert (found.price and found.price.amount_minor, found.sold) == expected


def test_thousands_of_rows_are_read_in_a_moment() -> None:
    rows = "".join(f"Brand {n},sneakers,{n},EUR\n" for n in range(1, 8001))
    assert len(read(COMMAS + rows, "list.csv").names) == 8000
