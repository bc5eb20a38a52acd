from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.brands.book import ALL_SLOTS, Brand, BrandBook
from pricing.brands.names import normal_brand

VUITTON = Brand("Louis Vuitton", ("LV", "Vuitton"), ("LOUIS VUITTON",), ("LV",), frozenset({"bag"}))
KLEIN = Brand("Calvin Klein", ("CK",), ("CALVIN KLEIN",), ("CK",))
SWOOSH = Brand("Swoosh")
BOOK = BrandBook([VUITTON, KLEIN, SWOOSH], staff=["CK"])


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("LV", "louis vuitton"),
        ("louis  VUITTON", "louis vuitton"),
        ("ck", "calvin klein"),
        ("Gucci", "gucci"),
    ],
)
def test_every_spelling_leads_to_its_brand(spelling: str, key: str) -> None:
    assert BOOK.key_of(spelling) == key


def test_a_brand_without_words_is_not_read() -> None:
    assert BOOK.words == {"louis vuitton": ("LOUIS VUITTON",), "calvin klein": ("CALVIN KLEIN",)}
    assert BOOK.stylised == {"louis vuitton": ("LV",), "calvin klein": ("CK",)}


def test_the_price_list_joins_by_alias_and_adds_what_is_new() -> None:
    book = BOOK.with_listed({"lv": "LV", "gucci": "Gucci"})
    assert book.names == {**BOOK.names, "gucci": "Gucci"}
    assert book.words["gucci"] == ("Gucci",)
    assert book.words["louis vuitton"] == ("LOUIS VUITTON",)
    assert book.slots("louis vuitton") == {"bag"}
    assert book.slots("gucci") == book.slots("never heard of") == ALL_SLOTS


def test_staff_is_found_by_any_spelling_and_stays_with_a_new_price_list() -> None:
    assert BOOK.with_listed({"gucci": "Gucci"}).staff == {"calvin klein"}


def test_a_claimed_name_beats_a_claimed_alias() -> None:
    assert BrandBook([Brand("A B", ("C D",)), Brand("C D")]).key_of("c d") == "c d"


@given(st.lists(st.text(min_size=1, max_size=6).filter(normal_brand), max_size=6))
def test_every_listed_brand_has_one_key_in_the_book(listed: list[str]) -> None:
    book = BOOK.with_listed({normal_brand(name): name for name in listed})
    assert all(book.key_of(name) in book for name in listed)
    assert len(book) == len({book.key_of(name) for name in [*listed, "LV", "CK", "Swoosh"]})
