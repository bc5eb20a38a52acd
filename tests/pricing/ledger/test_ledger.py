from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.ledger.ledger import MAX_PENDING, Ledger, Unknown
from pricing.ledger.votes import Vote, Withdrawal
from pricing.value import PersonValue, Price

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000
PRICES = {"gucci": 129000, "nike": 4990, "levis": 9900}


def price(minor: int, currency: str = "EUR") -> Price:
    return Price(minor, minor - minor // 10, minor + minor // 10, currency, "test", date(2026, 11, 1))


def lookup(brand: str, type_: str | None, slot: str) -> Price | None:
    return price(PRICES[brand]) if brand in PRICES else None


def ledger(*, lookup: Callable[..., Price | None] = lookup, **changes: Any) -> Ledger:
    return Ledger("EUR", lookup, **changes)


def look(at_ms: int, brand: str | None, slot: str = "top", type_: str | None = None, tag: str = "") -> Vote:
    return Vote(f"{tag}{at_ms} {slot} {brand} {type_}", slot, type_, brand, 0.8, at_ms * MS)


def looks(brand: str | None, count: int, start: int = 0, step: int = 400, **more: str) -> list[Vote]:
    return [look(start + i * step, brand, **more) for i in range(count)]


def told(votes: list[Vote], **changes: Any) -> PersonValue:
    book = ledger(**changes)
    book.observe("p", votes)
    return book.value("p")


def brands(value: PersonValue) -> list[tuple[str, str | None]]:
    return [(item.slot, item.brand) for item in value.items]


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


def test_memory_of_a_person_is_bounded() -> None:
    book = ledger()
    for i in range(5000):
        book.observe("p", [look(i * 10, f"brand{i % 400}", tag=str(i))])
    slot = book._people["p"].slots["top"]
    assert len(slot.pending) <= MAX_PENDING
    assert len(book._people["p"].ids) == len(slot.pending)
    assert len(slot.settled.window) <= MAX_PENDING
    assert len(slot.settled.brand.support) <= MAX_PENDING


def test_explain_names_votes_prices_and_doubts() -> None:
    book = ledger()
    book.observe("p", looks("gucci", 4, slot="bag", type_="handbag") + looks("nike", 2))
    assert book.explain("p") == [
        "bag: gucci handbag, 4 votes, confidence 0.80, €1,290 (€1,161 to €1,419) from test of 2026-11-01",
        "top: not confirmed (nike 2; needs 4 agreeing in 4000 ms)",
        "total: €1,290, 1 priced, 0 unpriced",
    ]


def told_by(route: str, at_ms: int, brand: str | None, **more: Any) -> Vote:
    """Return a route's vote in the look of that time."""
    known: dict[str, Any] = {"slot": "top", "type_": None, "size": 40.0, "confidence": 0.8} | more
    slot, type_ = known["slot"], known["type_"]
    name = f"{route} {at_ms} {slot} {brand} {type_}"
    return Vote(
        name,
        slot,
        type_,
        brand,
        known["confidence"],
        at_ms * MS,
        route=route,
        look=f"{at_ms}",
        size=known["size"],
    )


def by_routes(routes: str, count: int, brand: str = "nike", start: int = 0, **more: Any) -> list[Vote]:
    return [told_by(r, start + i * 400, brand, **more) for i in range(count) for r in routes.split()]


AGREEING = [
    ("words as ever, however small", by_routes("words", 4, size=7), True),
    ("and however unsure", by_routes("words", 4, confidence=0.4), True),
    ("three words are too few", by_routes("words", 3), False),
    ("a sure symbol, large", by_routes("symbol", 4, confidence=0.8), True),
    ("a symbol in doubt, however often", by_routes("symbol", 10, confidence=0.6), False),
    ("a small symbol takes twice the looks", by_routes("symbol", 7, size=20), False),
    ("and has them", by_routes("symbol", 8, size=20), True),
    ("a surer small one takes fewer", by_routes("symbol", 4, size=20, confidence=0.95), True),
    ("but never fewer than a plain vote", by_routes("symbol", 3, size=20, confidence=0.999), False),
    ("too small is nothing", by_routes("symbol", 11, size=15, confidence=0.99), False),
    ("a second route never makes four looks of three", by_routes("symbol words", 3), False),
    ("a symbol in doubt with words", by_routes("symbol words", 4, confidence=0.6), True),
    ("two weak routes that agree", by_routes("symbol emblem", 4, confidence=0.68), True),
    ("neither of them alone", by_routes("symbol", 4, confidence=0.68), False),
    ("contradicted", by_routes("symbol", 4) + by_routes("words", 4, "gucci"), False),
    ("hardly contradicted", by_routes("words", 8) + by_routes("symbol", 8, "gucci", size=20), True),
    (
        "small and contradicted",
        by_routes("symbol", 9, size=20) + by_routes("words", 3, "gucci", start=400),
        False,
    ),
]


@pytest.mark.parametrize(("votes", "expected"), [c[1:] for c in AGREEING], ids=[c[0] for c in AGREEING])
def test_routes_join(votes: list[Vote], expected: bool) -> None:
    assert (("top", "nike") in brands(told(votes))) == expected


@pytest.mark.parametrize(
    ("size", "sure", "expected"), [(15, 0.999, 0), (20, 0.9, 0), (20, 0.95, 1), (31, 0.9, 1), (40, 0.8, 1)]
)
@pytest.mark.parametrize("route", ["symbol", "emblem"])
def test_one_look_is_enough_at_a_small_mark_only_if_it_is_very_sure(
    route: str, size: float, sure: float, expected: int
) -> None:
    one = by_routes(route, 1, size=size, confidence=sure)
    assert len(told(one, min_votes=1).items) == expected


def test_routes_of_one_look_are_one_vote_and_surer() -> None:
    book = ledger()
    book.observe("p", by_routes("symbol words", 4))
    (item,) = book.value("p").items
    assert (item.votes, round(item.confidence, 6)) == (4, 0.96)
    assert book.explain("p")[0].startswith("top: nike, 4 votes (symbol 4, words 4), confidence 0.96,")
    book.observe("q", by_routes("symbol", 3, size=20))
    assert book.explain("q")[0] == (
        "top: not confirmed (nike 3 worth 1.5 (symbol 3); needs 4 agreeing in 4000 ms)"
    )


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


def _tallies(book: Ledger) -> list[str]:
    belief = book._people["p"].slots["bag"].head
    return [f"{brand} {count}" for brand, (count, _) in belief.brand.recent.items()]


VOTES = st.builds(
    look,
    st.integers(0, 9000),
    st.sampled_from(["nike", "gucci", "acme"]),
    st.sampled_from(["top", "bag"]),
    st.sampled_from([None, "handbag", "jacket"]),
) | st.builds(
    told_by,
    st.sampled_from(["words", "symbol", "emblem"]),
    st.integers(0, 22).map(lambda n: n * 400),
    st.sampled_from(["nike", "gucci", "acme"]),
    slot=st.sampled_from(["top", "bag"]),
    size=st.sampled_from([None, 10.0, 20.0, 28.0, 50.0]),
    confidence=st.sampled_from([0.3, 0.7, 0.9]),
)
SETS = st.lists(VOTES, max_size=40, unique_by=lambda vote: vote.id)
FEW: dict[str, Any] = {"min_votes": 2}


WITHDRAWALS = st.builds(
    Withdrawal,
    st.just("top"),
    st.sampled_from(["nike", "gucci", None]),
    st.integers(0, 9000).map(lambda n: n * MS),
)


@given(SETS, st.sets(st.integers(0, 9000), max_size=2), st.lists(WITHDRAWALS, max_size=2), st.data())
def test_any_order_of_votes_and_retractions_gives_the_same_value(
    votes: list[Vote], retractions: set[int], withdrawals: list[Withdrawal], data: st.DataObject
) -> None:
    values = []
    given_order: list[Vote | Withdrawal | int] = [*votes, *retractions, *withdrawals]
    for events in (given_order, data.draw(st.permutations(given_order))):
        book = ledger(**FEW)
        for event in events:
            if isinstance(event, int):
                book.retract("p", "top", event * MS)
            elif isinstance(event, Withdrawal):
                book.withdraw("p", event)
            else:
                book.observe("p", [event])
        values.append((book.value("p"), book.explain("p")))
    assert values[0] == values[1]


@given(st.lists(VOTES, max_size=60, unique_by=lambda vote: vote.id), st.data())
def test_order_within_the_lateness_does_not_matter(votes: list[Vote], data: st.DataObject) -> None:
    votes.sort(key=lambda vote: vote.at)
    late = {vote.id: vote.at + data.draw(st.integers(0, 500)) * MS for vote in votes}
    books = ledger(lateness_ms=500, **FEW), ledger(lateness_ms=500, **FEW)
    books[0].observe("p", votes)
    books[1].observe("p", sorted(votes, key=lambda vote: late[vote.id]))
    assert books[1].refused == 0
    assert books[0].value("p") == books[1].value("p")


@given(SETS)
def test_the_total_is_the_sum_of_its_lines_and_a_slot_holds_one(votes: list[Vote]) -> None:
    value = told(votes, **FEW)
    prices = [item.price for item in value.items if item.price]
    assert value.total.amount_minor == sum(p.amount_minor for p in prices)
    assert value.total.min_minor == sum(p.min_minor for p in prices)
    assert value.total.max_minor == sum(p.max_minor for p in prices)
    assert value.total.items_priced + value.total.items_unpriced == len(value.items)
    assert len({item.slot for item in value.items}) == len(value.items)
    assert [item.slot for item in value.items] == sorted(item.slot for item in value.items)


@given(SETS, st.data())
def test_duplicates_have_no_effect(votes: list[Vote], data: st.DataObject) -> None:
    again = data.draw(st.permutations(votes))
    assert told(votes + list(again), **FEW) == told(votes, **FEW)


@given(SETS, WITHDRAWALS.filter(lambda one: one.brand is not None))
def test_a_withdrawn_brand_is_as_if_it_had_never_been_voted_for_alone(
    votes: list[Vote], withdrawal: Withdrawal
) -> None:
    book = ledger(**FEW)
    book.observe("p", votes)
    last = max((vote.at for vote in votes), default=0)
    book.withdraw("p", Withdrawal("top", withdrawal.brand, last))
    assert ("top", withdrawal.brand) not in brands(book.value("p"))
    others = [item for item in told(votes, **FEW).items if item.slot != "top"]
    assert [item for item in book.value("p").items if item.slot != "top"] == others


@given(SETS, st.sampled_from(["top", "bag"]))
def test_a_retraction_never_raises_the_total(votes: list[Vote], slot: str) -> None:
    book = ledger(**FEW)
    book.observe("p", votes)
    before = book.value("p")
    book.retract("p", slot, max((vote.at for vote in votes), default=0))
    after = book.value("p")
    assert after.items == tuple(item for item in before.items if item.slot != slot)
    assert after.total.amount_minor <= before.total.amount_minor


@given(SETS, SETS, st.booleans())
def test_two_who_are_one_have_what_one_would_have(first: list[Vote], then: list[Vote], swap: bool) -> None:
    books = ledger(lateness_ms=100_000, **FEW), ledger(lateness_ms=100_000, **FEW)
    books[0].observe("p", first)
    books[0].observe("q", then)
    books[0].join("p", "q")
    for votes in (then, first) if swap else (first, then):
        books[1].observe("p", votes)
    assert books[0].value("p") == books[1].value("p")
    assert books[0].value("q").items == ()
    assert len(books[0]) <= 1


def test_a_retraction_comes_along_when_two_become_one() -> None:
    book = ledger()
    book.observe("q", looks("nike", 4))
    book.retract("q", "top", 2000 * MS)
    book.join("p", "q")
    assert book.value("p").items == ()
    book.observe("p", looks("gucci", 4, start=3000))
    assert brands(book.value("p")) == [("top", "gucci")]


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


def test_two_shoes_are_one_pair() -> None:
    left, right = (looks("nike", 4, start=start, slot="shoes", type_="sneakers") for start in (0, 30))
    value = told(left + right)
    assert [(item.slot, item.votes) for item in value.items] == [("shoes", 8)]
    assert value.total.amount_minor == PRICES["nike"]


@given(SETS, st.lists(st.sampled_from(["EUR", "USD", "JPY"]), min_size=3, max_size=3))
def test_money_of_another_currency_is_never_added(votes: list[Vote], currencies: list[str]) -> None:
    money = dict(zip(("gucci", "nike", "levis"), currencies, strict=True))

    def mixed(brand: str, type_: str | None, slot: str) -> Price | None:
        return price(PRICES[brand], money[brand]) if brand in money else None

    value = told(votes, lookup=mixed, **FEW)
    assert all(item.price is None or item.price.currency == "EUR" for item in value.items)
    assert value.total.amount_minor == sum(item.price.amount_minor for item in value.items if item.price)
