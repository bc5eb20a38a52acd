from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pricing.ledger.ledger import Ledger, Unknown
from pricing.ledger.votes import Vote, Withdrawal
from pricing.value import Price
from tests.pricing.ledger.votes import (
    MS,
    PRICES,
    brands,
    by_routes,
    ledger,
    look,
    looks,
    lookup,
    price,
    told,
    told_by,
)

CASES = [
    ("too few", looks("nike", 3), []),
    ("enough", looks("nike", 4), [("top", "nike")]),
    ("too thin for the window", looks("nike", 8, step=1500), []),
    ("just within the window", looks("nike", 4, step=1333), [("top", "nike")]),
    ("no clear majority", looks("nike", 4) + looks("gucci", 3, start=10), []),
    ("clear majority", looks("nike", 6) + looks("gucci", 2, start=10), [("top", "nike")]),
    ("as strong replaces not", looks("nike", 4) + looks("gucci", 4, start=9000), [("top", "nike")]),
    ("stronger replaces", looks("nike", 4) + looks("gucci", 5, start=9000), [("top", "gucci")]),
    ("an accessory alone", looks(None, 4, slot="bag", type_="handbag"), [("bag", None)]),
    (
        "unknown type, no brand twice",
        looks("nike", 4) + looks("nike", 4, slot="shoes"),
        [("shoes", "nike"), ("top", "nike")],
    ),
]


@pytest.mark.parametrize(("votes", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_confirmation(votes: list[Vote], expected: list[tuple[str, str | None]]) -> None:
    assert brands(told(votes)) == expected


def estimate(brand: str | None, type_: str | None, slot: str) -> Price | None:
    return (
        Price(12000, 12000, 12000, "EUR", "list", estimate=True)
        if brand is None
        else lookup(brand, type_, slot)
    )


def test_what_has_no_readable_brand_is_told_by_type_and_colour_and_estimated() -> None:
    coats = [replace(vote, colour="beige") for vote in looks(None, 4, type_="coat")]
    reds = [replace(vote, colour="red") for vote in looks(None, 1, start=9, type_="coat")]
    value = told([*coats, *reds, *looks("nike", 4, slot="shoes")], lookup=estimate)
    coat = next(item for item in value.items if item.slot == "top")
    assert (coat.type, coat.brand, coat.colour) == ("coat", None, "beige")
    assert coat.price is not None
    assert coat.price.estimate
    assert (value.total.amount_minor, value.total.estimated_minor) == (16990, 12000)
    branded = told([*coats, *looks("gucci", 4, start=5)], lookup=estimate)
    assert [(i.type, i.brand, i.colour) for i in branded.items] == [("coat", "gucci", "beige")]
    assert branded.total.estimated_minor == 0


def test_a_brand_refines_the_bag_that_the_detector_saw() -> None:
    seen = looks(None, 6, slot="bag", type_="handbag")
    value = told(seen + looks("gucci", 4, start=5, slot="bag", type_="handbag"))
    (item,) = value.items
    assert (item.type, item.brand, item.votes) == ("handbag", "gucci", 4)
    assert value.total.amount_minor == 129000


@pytest.mark.parametrize(
    ("seen", "sold", "named"),
    [
        ("top", "jacket", "jacket"),
        ("sweater", "coat", "coat"),
        ("dress", "t-shirt", "t-shirt"),
        ("sweater", "shirt", "sweater"),
        ("blazer", "jacket", "blazer"),
        ("trench-coat", "top", "trench-coat"),
    ],
)
def test_what_the_list_sells_names_what_sight_took_for_something_else(seen, sold, named) -> None:
    listed = replace(price(100), type=sold)
    (item,) = told(looks("prada", 4, type_=seen), lookup=lambda *_: listed).items
    assert (item.type, item.price) == (named, listed)


@pytest.mark.parametrize(("unknown", "listed"), [(Unknown.LIST_UNPRICED, 1), (Unknown.OMIT, 0)])
def test_unknown_prices(unknown: Unknown, listed: int) -> None:
    value = told(looks("acme", 4), unknown=unknown)
    assert len(value.items) == listed
    assert (value.total.amount_minor, value.total.items_unpriced) == (0, listed)


def test_a_foreign_currency_is_never_added() -> None:
    value = told(looks("nike", 4), lookup=lambda *_: price(5000, "USD"))
    assert value.items[0].price is None
    assert value.total.amount_minor == 0


def test_a_late_price_changes_the_total_without_new_votes() -> None:
    known: dict[str, Price] = {}
    book = ledger(lookup=lambda brand, *_: known.get(brand))
    book.observe("p", looks("nike", 4))
    assert book.value("p").total.items_unpriced == 1
    known["nike"] = price(4990)
    assert book.value("p").total.amount_minor == 4990


def test_retraction_counts_from_nothing() -> None:
    book = ledger()
    book.observe("p", looks("nike", 4))
    book.retract("p", "top", 1200 * MS)
    assert book.value("p").items == ()
    book.observe("p", looks("nike", 3, start=1600))
    assert book.value("p").items == ()
    book.observe("p", looks("nike", 1, start=3000))
    assert brands(book.value("p")) == [("top", "nike")]


def test_an_ended_person_stays_ended() -> None:
    book = ledger()
    book.observe("p", looks("nike", 4))
    assert book.end("p").total.amount_minor == 4990
    book.observe("p", looks("nike", 8, start=2000))
    assert book.value("p").items == ()
    assert (len(book), book.refused) == (0, 8)
    book.forget("p")
    book.observe("p", looks("nike", 4))
    assert len(book) == 1


def test_later_than_the_lateness_is_refused_and_counted() -> None:
    book = ledger(lateness_ms=1000)
    book.observe("p", [look(5000, "nike"), look(3999, "nike"), look(4000, "nike")])
    assert book.refused == 1


def test_what_is_withdrawn_is_gone_and_nothing_else() -> None:
    book = ledger()
    handbag = looks(None, 4, slot="bag", type_="handbag")
    book.observe(
        "p", [*by_routes("words", 6, slot="bag"), *by_routes("words", 3, "gucci", slot="bag"), *handbag]
    )
    book.withdraw("p", Withdrawal("bag", "nike", 2000 * MS))
    (item,) = book.value("p").items
    assert (item.type, item.brand) == ("handbag", None)
    book.observe("p", by_routes("words", 1, "gucci", slot="bag", start=1200))
    assert brands(book.value("p")) == [("bag", "gucci")]
    book.observe("p", by_routes("words", 4, slot="bag", start=2400))
    assert "nike 4" in "".join(_tallies(book))


def test_what_was_told_without_a_brand_is_withdrawn_and_a_brand_stays() -> None:
    book = ledger()
    backpack = looks(None, 4, slot="bag", type_="backpack")
    book.observe("p", backpack)
    book.observe("q", [*backpack, *by_routes("words", 6, slot="bag")])
    assert [item.type for item in book.value("p").items] == ["backpack"]
    for person in "pq":
        book.withdraw(person, Withdrawal("bag", None, 9000 * MS))
    assert book.value("p").items == ()
    assert brands(book.value("q")) == [("bag", "nike")]
    book.observe("p", looks(None, 4, slot="bag", type_="handbag", start=9400))
    assert [item.type for item in book.value("p").items] == ["handbag"]


SECONDS = 1000


@pytest.mark.parametrize(
    "seconds", [5, 20, 40], ids=["within the lateness", "after it", "as late as a search"]
)
@pytest.mark.parametrize("before", ["nike", None], ids=["worn before", "new"])
def test_an_item_of_the_newer_track_stays_when_two_become_one(seconds: int, before: str | None) -> None:
    """The newer one was looked at all the time, and its bag and its top only at first."""
    books = ledger(), ledger()
    first = looks(before, 4, slot="hat") if before else []
    shown = [*looks("gucci", 5, 20 * SECONDS), *looks("gucci", 5, 20 * SECONDS, slot="bag")]
    later = [
        look(at, None, slot, type_)
        for at in range(23 * SECONDS, (20 + seconds) * SECONDS, 400)
        for slot, type_ in (("bag", "handbag"), ("shoes", "sneaker"))
    ]
    books[0].observe("p", first)
    books[0].observe("q", [*shown, *later])
    books[0].join("p", "q")
    books[1].observe("p", [*first, *shown, *later])
    assert books[0].explain("p") == books[1].explain("p")
    assert books[0].refused == 0


@pytest.mark.parametrize(
    ("older", "newer", "worn"), [(4, 6, "gucci"), (6, 4, "nike")], ids=["newer has more", "older has more"]
)
def test_of_two_brands_the_one_with_more_support_stays_when_two_become_one(
    older: int, newer: int, worn: str
) -> None:
    book = ledger()
    book.observe("p", looks("nike", older))
    book.observe("q", [*looks("gucci", newer, 20 * SECONDS), look(40 * SECONDS, None, type_="jacket")])
    book.join("p", "q")
    assert brands(book.value("p")) == [("top", worn)]


def _tallies(book: Ledger) -> list[str]:
    belief = book._people["p"].slots["bag"].head
    return [f"{brand} {count}" for brand, (count, _) in belief.brand.recent.items()]


def test_who_is_excluded_has_nothing_until_the_end() -> None:
    book = ledger()
    book.observe("p", looks("nike", 4))
    book.exclude("p")
    book.observe("p", looks("nike", 4, start=5000))
    assert book.value("p").items == ()
    assert book.explain("p") == ["excluded: not a customer"]
    book.observe("q", looks("gucci", 4))
    book.join("q", "p")
    assert book.value("q").items == ()
    book.forget("q")
    book.observe("q", looks("gucci", 4))
    assert brands(book.value("q")) == [("top", "gucci")]


@pytest.mark.parametrize(
    ("every_ms", "stretch", "confirmed"),
    [
        (1000, 1.0, True),
        (1600, 1.0, False),
        (1600, 1.2, True),
        (1600, 4.0, True),
        (1600, math.inf, True),
        (10_000, 25.0, True),
        (10_100, 25.0, False),
        (10_100, math.inf, False),
    ],
)
def test_rare_looks_count_for_longer_half_a_minute_at_most(
    every_ms: int, stretch: float, confirmed: bool
) -> None:
    votes = [told_by("words", n * every_ms, "nike", stretch=stretch) for n in range(4)]
    assert brands(told(votes)) == ([("top", "nike")] if confirmed else [])


def test_what_every_frame_tells_counts_no_longer_where_looks_are_rare() -> None:
    bags = [look(at, None, "bag", "handbag") for at in range(0, 9000, 2000)]
    rare = [told_by("words", n * 3000, "gucci", slot="bag", stretch=7.5) for n in range(4)]
    assert brands(told(bags)) == []
    assert [(item.brand, item.type) for item in told([*bags, *rare]).items] == [("gucci", "bag")]


@pytest.mark.parametrize("stretch", [0.0, 0.99, -1.0, float("nan")])
def test_an_impossible_stretch_is_refused(stretch: float) -> None:
    with pytest.raises(ValueError, match="stretch"):
        told_by("words", 0, "nike", stretch=stretch)


def test_two_shoes_are_one_pair() -> None:
    left, right = (looks("nike", 4, start=start, slot="shoes", type_="sneakers") for start in (0, 30))
    value = told(left + right)
    assert [(item.slot, item.votes) for item in value.items] == [("shoes", 8)]
    assert value.total.amount_minor == PRICES["nike"]
