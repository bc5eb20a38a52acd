"""Models narrow the price down of the brand that they were told with, and of no other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pricing.ledger.votes import MAX_VALUES, Vote, Withdrawal
from tests.pricing.ledger.votes import MS, ledger, looks, price

if TYPE_CHECKING:
    from pricing.ledger.ledger import Ledger
    from pricing.value import Price

ASKED = {("gucci", "jackie"): 200_000, ("gucci", "marmont"): 150_000, ("nike", "jackie"): 77}


def asked(brand: str | None, type_: str | None, slot: str, model: str | None = None) -> Price:
    return price(ASKED.get((brand or "", model or ""), 4990))


def told(brand: str | None, model: str | None, count: int, start: int) -> list[Vote]:
    votes = looks(brand, count, start, slot="bag", type_="handbag")
    return [replace(vote, model=model) for vote in votes]


def worth(book: Ledger, person: str = "p") -> int:
    return book.value(person).total.amount_minor


@pytest.mark.parametrize("between_s", [3, 60], ids=["in one window", "a minute later"])
@pytest.mark.parametrize("joined", [False, True], ids=["one track", "two that are one person"])
def test_a_brand_that_replaces_another_is_not_priced_by_that_one_s_model(
    between_s: int, joined: bool
) -> None:
    book = ledger(lookup=asked)
    book.observe("p", told("gucci", "jackie", 4, 0))
    assert worth(book) == 200_000
    book.observe("q" if joined else "p", told("nike", None, 9, between_s * 1000))
    book.join("p", "q")
    (item,) = book.value("p").items
    assert (item.brand, worth(book)) == ("nike", 4990)


def test_the_model_of_a_brand_that_replaces_another_counts_though_the_other_had_more() -> None:
    book = ledger(lookup=asked)
    book.observe("p", [*told("nike", "jackie", 8, 0), *told("gucci", None, 6, 60_000)])
    book.observe("p", told("gucci", "marmont", 4, 63_000))
    assert worth(book) == 150_000


def test_a_model_that_was_told_with_a_brand_that_is_not_confirmed_counts_for_no_other() -> None:
    """A vision service takes the bag for one of another house; the mark on it is read."""
    book = ledger(lookup=asked)
    book.observe("p", [*told("gucci", "jackie", 4, 5), *told("nike", None, 8, 0)])
    (item,) = book.value("p").items
    assert (item.brand, worth(book)) == ("nike", 4990)


def test_a_model_that_was_told_without_a_brand_counts_for_the_brand_that_is_read() -> None:
    book = ledger(lookup=asked)
    book.observe("p", [*told(None, "jackie", 4, 5), *told("gucci", None, 5, 0)])
    assert worth(book) == 200_000


def test_models_of_one_brand_told_with_and_without_it_are_one() -> None:
    book = ledger(lookup=asked)
    book.observe(
        "p", [*told("gucci", "jackie", 2, 0), *told(None, "jackie", 2, 5), *told("gucci", None, 2, 9)]
    )
    assert worth(book) == 200_000


def test_the_models_of_many_brands_are_bounded() -> None:
    book = ledger(lookup=asked)
    for number in range(3 * MAX_VALUES):
        book.observe("p", told(f"brand {number}", f"model {number}", 1, number * 20_000))
    belief = book._people["p"].slots["bag"].settled
    assert len(belief.models) <= MAX_VALUES + 1


@pytest.mark.parametrize(
    ("withdrawn", "then"), [("gucci", "nike"), ("gucci", "gucci"), (None, "nike"), (None, "gucci")]
)
def test_a_model_goes_with_the_votes_that_told_it(withdrawn: str | None, then: str) -> None:
    book = ledger(lookup=asked)
    book.observe("p", told(withdrawn, "jackie", 4, 0))
    book.withdraw("p", Withdrawal("bag", withdrawn, 2000 * MS))
    book.observe("p", told(then, None, 4, 4000))
    assert worth(book) == 4990
