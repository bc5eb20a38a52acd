from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.paths import CONFIGS
from pricing.brands.names import normal_brand
from pricing.catalogue.catalogue import load, read
from pricing.catalogue.reload import REST, CatalogueFile
from pricing.catalogue.rows import BadCatalogue
from pricing.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "brand,type,price,currency\n"
TODAY = date(2026, 11, 22)
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
        HEADER + "Prada,coat,2450,EUR\nPrada,suitcase,900,EUR\nGucci,coat,not sold,EUR\n", "list.csv"
    )
    for seen in ("sweater", "dress", "blazer"):
        price = listed.lookup("prada", seen, "top", TODAY)
        assert price is not None
        assert (price.amount_minor, price.type) == (245000, "coat")
        assert listed.lookup("gucci", seen, "top", TODAY) is None
    assert listed.lookup("prada", "handbag", "bag", TODAY) is None
    assert listed.lookup("prada", "jeans", "trousers", TODAY) is None


ANY = HEADER + "*,coat,120,EUR\n*,handbag,80,EUR\n*,trousers,50,EUR\nNike,coat,99,EUR\n"


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
        read(HEADER + line + "\n", "list.csv")


@pytest.mark.parametrize(("day", "minor"), [(date(2026, 11, 21), 10000), (date(2026, 11, 22), 12000)])
def test_validity_is_inclusive(day: date, minor: int) -> None:
    price = read(LIST, "list.csv").lookup("nike", "sneakers", "shoes", day)
    assert price
    assert price.amount_minor == minor


def test_as_of_is_the_first_day_of_the_price() -> None:
    price = read(LIST, "list.csv").lookup("burberry", "handbag", "bag", TODAY)
    assert price
    assert price.as_of == date(2026, 11, 1)


GTINS = "brand,type,price,currency,gtin\nNike,hat,1,EUR,"


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("", "1:1", "no header"),
        ("brand,typ,price,currency\n", "1:7", '"type"'),
        ("brand,type,price,brand,currency\n", "1:18", "twice"),
        ("brand,price,currency\n", "1:1", "column missing: type"),
        ("brand,type,currency\n", "1:1", "column missing: price"),
        (HEADER + "Nike,hat,10\n", "2:1", "3 fields where the header has 4"),
        (HEADER + "Nike,hat,10,EUR,x\n", "2:17", "5 fields"),
        (HEADER + ",hat,10,EUR\n", "2:1", "no brand"),
        (HEADER + "Nike, handbgs,10,EUR\n", "2:7", '"handbag"'),
        (HEADER + 'Nike,hat,"1,290.00",EUR\n', "2:10", 'write "1290.00"'),
        (HEADER + "\n\nNike,hat,x,EUR\n", "4:10", "plain amount"),
        (HEADER + "Nike,hat,,EUR\n", "2:1", "either price"),
        (HEADER + "Nike,hat,10,EURO\n", "2:13", "ISO 4217"),
        (HEADER + "Nike,hat,10,EUR\nNike,cap,10,USD\n", "3:13", "this list is in EUR"),
        (HEADER + 'Nike,hat,10,"EUR\n', "2:13", "not closed"),
        (HEADER + 'Nike,"hat"x,10,EUR\n', "2:11", "closing quote"),
        (HEADER + "Nike,hat,10,EUR\r\nNIKE,hat,11,EUR\r\n", "3:1", "in line 2 already"),
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


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadCatalogue) as caught:
        read(HEADER + "Nike,ht,1x,EURO\n,hat,1,EUR\n", "list.csv")
    places = [problem.split("  ")[0] for problem in caught.value.problems]
    assert places == ["list.csv:2:6", "list.csv:2:12", "list.csv:3:1"]


def test_the_store_s_currency_binds() -> None:
    assert read("brand,type,price\nNike,hat,10\n", "list.csv", "EUR").currency == "EUR"
    with pytest.raises(BadCatalogue, match="this list is in CHF"):
        read(LIST, "list.csv", "CHF")


def test_bytes_must_be_utf8() -> None:
    assert len(read(("\ufeff" + LIST).encode(), "list.csv")) == 9
    with pytest.raises(BadCatalogue, match=r"list\.csv:2:5  not UTF-8"):
        read(HEADER.encode() + "Herm\xe8s,hat,1,EUR".encode("latin-1"), "list.csv")


@given(st.text())
def test_any_text_is_a_catalogue_or_one_clear_error(text: str) -> None:
    problems: tuple[str, ...] = ()
    try:
        read(HEADER + text, "list.csv")
    except BadCatalogue as error:
        problems = error.problems
    assert all(problem.startswith("list.csv:") for problem in problems)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("LEVI'S", "levis"),
        ("Levi’s", "levis"),
        ("Hermès", "hermes"),
        ("H & M", "h&m"),
        ("Coca-Cola", "coca cola"),
        ("!", ""),
        ("ユニクロ", "ユニクロ"),
        ("バナナ", "バナナ"),
        ("ﾊﾞﾅﾅ", "バナナ"),
        ("구찌", "구찌"),
        ("กุชชี่", "กุชชี่"),
        ("गुच्ची", "गुच्ची"),
        ("Ёлка Й", "елка и"),
        ("ΖΕΎΣ", "ζευσ"),
        ("گوچی", "گوچي"),
        ("أَحْمَد", "احمد"),
        ("李宁", "李宁"),
    ],
)
def test_normal_brand(name: str, key: str) -> None:
    assert normal_brand(name) == key


@given(st.text())
def test_normal_brand_is_its_own_normal_form(name: str) -> None:
    assert normal_brand(normal_brand(name)) == normal_brand(name)


def test_a_broken_file_keeps_the_old_list_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(HEADER + "Nike,hat,10,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    assert not follower.poll()
    path.write_text(HEADER + "Nike,hat,ten,EUR\n")
    assert [follower.poll() for _ in range(2 * REST)] == [False] * 2 * REST
    assert follower.problem
    path.unlink()
    assert [follower.poll() for _ in range(2 * REST)] == [False] * 2 * REST
    price = follower.lookup("nike", "cap", "hat")
    assert price
    assert price.amount_minor == 1000
    assert len(caplog.records) == 2
    path.write_text(HEADER + "Nike,hat,12.50,EUR\n")
    assert [follower.poll() for _ in range(2 * REST)].count(True) == 1
    assert follower.problem is None
    price = follower.lookup("nike", "cap", "hat")
    assert price
    assert price.amount_minor == 1250


def test_a_bad_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="cannot be read"):
        load(tmp_path)


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


@pytest.mark.parametrize("anew", [False, True])
def test_a_file_that_is_written_slowly_is_taken_when_it_is_still(tmp_path: Path, anew: bool) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(HEADER + "Nike,hat,10,EUR\nNike,shoes,50,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    if anew:
        path.unlink()
    with path.open("w") as file:
        for text in (HEADER, "Nike,hat,12,EUR\n", "Nike,shoes,5", "5,EUR\n"):
            file.write(text)
            file.flush()
            assert [follower.poll() for _ in range(REST)] == [False] * REST
    assert len(follower.current) == 2
    assert follower.poll()
    price = follower.lookup("nike", "shoes", "shoes")
    assert price
    assert price.amount_minor == 5500


def test_a_file_that_is_exchanged_is_taken_at_once(tmp_path: Path) -> None:
    path, fresh = tmp_path / "prices.csv", tmp_path / "fresh.csv"
    path.write_text(HEADER + "Nike,hat,10,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    fresh.write_text(HEADER + "Nike,hat,13,EUR\nNike,shoes,50,EUR\n")
    os.utime(fresh, ns=(0, fresh.stat().st_mtime_ns - 1))  # written before it is moved: the clock ticks in ms
    fresh.replace(path)
    assert follower.poll()
    assert len(follower.current) == 2


def test_a_tool_that_keeps_the_time_of_a_file_does_not_hide_its_change(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(HEADER + "Nike,hat,10,EUR\n")
    follower = CatalogueFile(path, "EUR", lambda: TODAY)
    times = path.stat()
    path.write_text(HEADER + "Nike,hat,14,EUR\n")  # of the same size
    while path.stat().st_ctime_ns == times.st_ctime_ns:  # its clock ticks every few ms
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert [follower.poll() for _ in range(REST + 1)] == [*[False] * REST, True]


def test_thousands_of_rows_are_read_in_a_moment() -> None:
    rows = "".join(f"Brand {n},sneakers,{n},EUR\n" for n in range(1, 8001))
    assert len(read(HEADER + rows, "list.csv").names) == 8000
