"""A list is the same as CSV, in YAML and as a workbook, and its prices lie in their ranges."""

from __future__ import annotations

import csv
import unicodedata
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pricing.brands.names import normal_brand
from pricing.catalogue.catalogue import Catalogue, read
from pricing.catalogue.cells import spoiled, visible
from pricing.catalogue.rows import ANY_TYPE, COLUMNS, PriceRow
from pricing.catalogue.rows_csv import SEPARATORS
from pricing.money import EXPONENTS
from pricing.slots import TYPES, slot_of
from tests.pricing.catalogue.lists import workbook


class Line(NamedTuple):
    """What a shopkeeper means by a line. price: one amount, two of a range, or words."""

    brand: str
    type: str
    model: str
    price: tuple[int, ...] | str
    valid_from: date | None
    valid_until: date | None
    source: str


# Not what begins a comment or a formula, nor what an export spoiled.
TEXTS = (
    st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t\"';,|"), max_size=12)
    .map(str.strip)
    .filter(lambda text: not visible(text).startswith(("#", "=")) and not spoiled(text))
)
DAYS = st.none() | st.dates(date(1900, 1, 1), date(2499, 12, 31))
AMOUNTS = st.integers(1, 10**9)
LINES = st.builds(
    Line,
    TEXTS.filter(lambda text: bool(normal_brand(text))),
    st.sampled_from(sorted({*TYPES, ANY_TYPE})),
    TEXTS,
    st.tuples(AMOUNTS)
    | st.tuples(AMOUNTS, AMOUNTS).map(lambda pair: tuple(sorted(pair)))
    | st.sampled_from(["not sold", "Live"]),
    DAYS,
    DAYS,
    TEXTS,
).map(lambda line: line._replace(**in_order(line)))


def in_order(line: Line) -> dict[str, Any]:
    first, last = line.valid_from, line.valid_until
    return {"valid_from": last, "valid_until": first} if first and last and last < first else {}


def thing(line: Line) -> tuple[str, str, str]:
    return normal_brand(line.brand), line.type, normal_brand(line.model)


BROKEN = Line("Dolce\n& Gabbana", "top", "", (500,), None, None, "spring\n2026")
LISTS = st.lists(LINES, min_size=1, max_size=6, unique_by=thing)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


def fields(line: Line, currency: str) -> dict[str, str]:
    amounts = [line.price]
    if not isinstance(line.price, str):
        digits = EXPONENTS[currency]
        amounts = [f"{Decimal(minor).scaleb(-digits):.{digits}f}" for minor in line.price]
    prices = dict(zip(("price",) if len(amounts) == 1 else ("price_min", "price_max"), amounts, strict=True))
    days = {name: str(getattr(line, name) or "") for name in ("valid_from", "valid_until")}
    texts = {name: getattr(line, name) for name in ("brand", "type", "model", "source")}
    return dict.fromkeys(COLUMNS, "") | texts | days | prices | {"currency": currency}


def as_csv(rows: list[dict[str, str]], **how: Any) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, **how)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_yaml(rows: list[dict[str, str]], flow: bool) -> str:
    return yaml.safe_dump({"prices": rows}, allow_unicode=True, default_flow_style=flow, sort_keys=False)


def facts(row: PriceRow) -> tuple[object, ...]:
    amounts = row.amount_minor, row.min_minor, row.max_minor, row.currency, row.says
    return row.brand, row.name, row.type, row.model, row.source, row.valid_from, row.valid_until, *amounts


@given(
    LISTS,
    CURRENCIES,
    st.sampled_from(SEPARATORS),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
@example([BROKEN], "EUR", ",", csv.QUOTE_ALL, False)
def test_a_list_is_the_same_in_every_form(
    lines: list[Line], currency: str, separator: str, quoting: Any, flow: bool
) -> None:
    rows = [fields(line, currency) for line in lines]
    listed = read(as_csv(rows, delimiter=separator, quoting=quoting), "list.csv").rows
    for line, row in zip(lines, listed, strict=True):
        assert (row.brand, row.type, row.model) == thing(line)
        assert (row.valid_from, row.valid_until) == (
            line.valid_from or date.min,
            line.valid_until or date.max,
        )
        if isinstance(line.price, str):
            assert row.says.value == line.price.casefold()
        else:
            assert (row.min_minor, row.max_minor) == (line.price[0], line.price[-1])
        assert not any(unicodedata.category(c) == "Cc" for c in row.name + row.source), "shown in one line"
    in_yaml = read(as_yaml(rows, flow), "list.yaml").rows
    assert [facts(row) for row in in_yaml] == [facts(row) for row in listed]
    book = workbook(COLUMNS, *(list(row.values()) for row in rows))
    assert [facts(row) for row in read(book, "list.xlsx").rows] == [facts(row) for row in listed]


@given(LISTS, st.data())
def test_a_price_lies_in_its_range_and_the_order_of_rows_does_not_matter(
    lines: list[Line], data: st.DataObject
) -> None:
    listed = read(as_csv([fields(line, "EUR") for line in lines]), "list.csv")
    mixed = Catalogue(data.draw(st.permutations(listed.rows)))
    brand = data.draw(st.sampled_from(sorted(listed.names)))
    type_ = data.draw(st.none() | st.sampled_from(sorted(TYPES)))
    slot = slot_of(type_ or "top")
    day = data.draw(st.dates(date(1900, 1, 1), date(2499, 12, 31)))
    model = data.draw(st.none() | st.sampled_from([line.model for line in lines]))
    assert listed.find(brand, type_, slot, day, model) == mixed.find(brand, type_, slot, day, model)
    price = listed.lookup(brand, type_, slot, day, model)
    assert price == mixed.lookup(brand, type_, slot, day, model)
    if price is not None:
        rows = [row for row in listed.rows if row.brand == brand and row.valid_from <= day <= row.valid_until]
        assert 0 < price.min_minor <= price.amount_minor <= price.max_minor
        assert price.min_minor in {row.min_minor for row in rows}
        assert price.max_minor in {row.max_minor for row in rows}
