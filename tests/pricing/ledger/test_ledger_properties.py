"""What holds for any votes, withdrawals and orders."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from pricing.ledger.votes import Vote, Withdrawal
from tests.pricing.ledger.votes import (
    MS,
    PRICES,
    brands,
    ledger,
    look,
    looks,
    price,
    told,
    told_by,
)

if TYPE_CHECKING:
    from pricing.value import Price


def described(at_ms: int, brand: str | None, model: str) -> Vote:
    """Return a vision service's vote."""
    return replace(look(at_ms, brand, "bag", "handbag", tag=f"{model} "), model=model)


VOTES = (
    st.builds(
        look,
        st.integers(0, 9000),
        st.sampled_from(["nike", "gucci", "acme"]),
        st.sampled_from(["top", "bag"]),
        st.sampled_from([None, "handbag", "jacket"]),
    )
    | st.builds(
        told_by,
        st.sampled_from(["words", "symbol", "emblem"]),
        st.integers(0, 22).map(lambda n: n * 400),
        st.sampled_from(["nike", "gucci", "acme"]),
        slot=st.sampled_from(["top", "bag"]),
        size=st.sampled_from([None, 10.0, 20.0, 28.0, 50.0]),
        confidence=st.sampled_from([0.3, 0.7, 0.9]),
        stretch=st.sampled_from([1.0, 1.5, 2.5]),
    )
    | st.builds(
        described,
        st.integers(0, 9000),
        st.sampled_from(["nike", "gucci", None]),
        st.sampled_from(["jackie", "tote"]),
    )
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


@given(
    st.lists(st.sampled_from(["nike", "gucci", "acme", None]), min_size=1, max_size=40),
    st.sampled_from([1, 2, 4, 7]),
)
def test_looks_that_come_more_rarely_by_as_much_say_the_same(seen: list[str | None], stretch: int) -> None:
    often, rarely = (
        told(
            [
                told_by("words", n * 400 * times, brand, stretch=float(times))
                for n, brand in enumerate(seen)
                if brand is not None
            ]
        )
        for times in (1, stretch)
    )
    assert often == rarely


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


@given(SETS, st.lists(WITHDRAWALS, max_size=2), st.integers(0, 9000), SETS)
def test_who_had_nothing_has_what_the_other_one_had(
    votes: list[Vote], withdrawals: list[Withdrawal], lateness_ms: int, then: list[Vote]
) -> None:
    book = ledger(lateness_ms=lateness_ms, **FEW)
    for person in ("q", "other"):
        book.observe(person, votes)
        for withdrawal in withdrawals:
            book.withdraw(person, withdrawal)
    book.join("p", "q")
    assert book.explain("p") == book.explain("other")
    for person in ("p", "other"):
        book.observe(person, then)
    assert book.explain("p") == book.explain("other")


def test_a_retraction_comes_along_when_two_become_one() -> None:
    book = ledger()
    book.observe("q", looks("nike", 4))
    book.retract("q", "top", 2000 * MS)
    book.join("p", "q")
    assert book.value("p").items == ()
    book.observe("p", looks("gucci", 4, start=3000))
    assert brands(book.value("p")) == [("top", "gucci")]


@given(SETS, st.lists(st.sampled_from(["EUR", "USD", "JPY"]), min_size=3, max_size=3))
def test_money_of_another_currency_is_never_added(votes: list[Vote], currencies: list[str]) -> None:
    money = dict(zip(("gucci", "nike", "levis"), currencies, strict=True))

    def mixed(brand: str, type_: str | None, slot: str, model: str = "") -> Price | None:
        return price(PRICES[brand], money[brand]) if brand in money else None

    value = told(votes, lookup=mixed, **FEW)
    assert all(item.price is None or item.price.currency == "EUR" for item in value.items)
    assert value.total.amount_minor == sum(item.price.amount_minor for item in value.items if item.price)
