"""Two who were taken for one person, and are seen beside each other: each goes on with what is their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pricing.ledger.votes import Vote
from probes.events.staff_orders import StaffAction, StaffOrder
from probes.people.attribution import STAFF
from probes.people.returns import Absence
from tests.pipelines.floor.shop import PLAN, SECOND, START, Shop, track

OLD, NEW, NEWER = (f"k7f3-000{number}" for number in (1, 2, 3))
AT = 560


def joined(shop: Shop, brand: str = "gucci", then: str = "") -> None:
    """Somebody is hidden; another one comes into view there, and is taken for the first."""
    shop.visit(0, (1, brand), x=AT)
    shop.visit(3.2, (2, then), x=AT, seconds=4)
    assert [one.tracks for one in shop.floor.snapshot().persons] == [2]


def worth(shop: Shop) -> dict[str, int]:
    return {one.track: one.total.amount_minor for one in shop.floor.snapshot().persons}


@pytest.mark.parametrize("then", ["nike", ""], ids=["with another thing on", "with nothing known"])
def test_what_was_told_of_the_newcomer_leaves_the_older_one_s_basket(then: str) -> None:
    shop = Shop()
    joined(shop, "gucci", then)
    shop.visit(8, (1, ""), (2, ""), x=AT)
    assert worth(shop) == {OLD: 200_000, NEW: 5000 if then else 0}
    assert [one.tracks for one in shop.floor.snapshot().persons] == [1, 1]


def test_what_a_vote_told_of_each_while_they_were_one_is_their_own() -> None:
    """The tracker goes on with the older one alone for a while; then both are seen."""
    shop = Shop()
    joined(shop, "", "nike")
    shop.visit(8, (1, "gucci"), x=AT, seconds=6)
    shop.visit(14.4, (1, ""), (2, ""), x=AT)
    assert worth(shop) == {OLD: 200_000, NEW: 5000}


@pytest.mark.parametrize("told", ["order", "badge"])
def test_a_newcomer_who_is_staff_leaves_the_older_one_a_customer(told: str) -> None:
    shop = Shop(replace(PLAN, staff=("acme",)))
    joined(shop)
    if told == "order":
        shop.floor.order(StaffOrder(StaffAction.NOT_CUSTOMER, "door", NEW))
        shop.visit(8, (2, ""), x=AT)
    for step in range(10 if told == "badge" else 0):
        at = START + int((8 + step * 0.4) * SECOND)
        shop.floor._people._add_votes(track(2), [Vote(f"{at}", STAFF, None, "acme", 0.9, at)])
    shop.visit(12, (2, ""), x=AT)
    assert [one.customer for one in shop.floor.snapshot().persons] == [False]
    shop.visit(16, (1, ""), (2, "nike"), x=AT)
    assert {one.track: one.customer for one in shop.floor.snapshot().persons} == {OLD: True, NEW: False}
    assert worth(shop) == {OLD: 200_000, NEW: 0}


def test_a_customer_who_was_taken_for_one_of_the_staff_is_one_again() -> None:
    shop = Shop()
    shop.visit(0, (1, ""), x=AT)
    shop.floor.order(StaffOrder(StaffAction.NOT_CUSTOMER, "door", OLD))
    shop.visit(3.2, (1, ""), x=AT)
    shop.visit(6.4, (2, "gucci"), x=AT, seconds=4)
    shop.visit(11, (1, ""), (2, ""), x=AT)
    assert {one.track: one.customer for one in shop.floor.snapshot().persons} == {OLD: False, NEW: True}
    assert worth(shop) == {OLD: 0, NEW: 200_000}


def test_neither_was_served_where_that_was_taken_back() -> None:
    shop = Shop()
    joined(shop)
    for action in (StaffAction.SERVED, StaffAction.NOT_SERVED):
        shop.floor.order(StaffOrder(action, "door", NEW))
    shop.visit(8, (2, ""), x=AT)
    shop.visit(12, (1, ""), (2, ""), x=AT)
    assert {one.track: one.served_at for one in shop.floor.snapshot().persons} == {OLD: None, NEW: None}


@pytest.mark.parametrize("served", [OLD, NEW])
def test_who_was_served_is_served_and_the_other_one_is_not(served: str) -> None:
    shop = Shop()
    if served == OLD:
        shop.visit(0, (1, ""), x=AT, seconds=1)
        shop.floor.order(StaffOrder(StaffAction.SERVED, "door", OLD))
    shop.visit(1.2, (1, ""), x=AT, seconds=2)
    shop.visit(3.2, (2, ""), x=AT)
    if served == NEW:
        shop.floor.order(StaffOrder(StaffAction.SERVED, "door", NEW))
    shop.visit(6.4, (2, ""), x=AT)
    shop.visit(9.6, (1, ""), (2, ""), x=AT)
    found = {one.track: one.served_at is not None for one in shop.floor.snapshot().persons}
    assert found == {OLD: served == OLD, NEW: served == NEW}


def test_what_followed_the_newcomer_s_track_is_the_newcomer_s() -> None:
    """The one hidden behind shows again when the newcomer is on a third track."""
    shop = Shop()
    joined(shop, "gucci", "nike")
    shop.visit(8, (3, ""), x=AT, seconds=4)
    assert [one.tracks for one in shop.floor.snapshot().persons] == [3]
    shop.visit(13, (1, ""), (3, ""), x=AT)
    assert worth(shop) == {OLD: 200_000, NEWER: 5000}


def test_nothing_is_left_of_those_who_were_parted_or_might_have_been() -> None:
    shop = Shop()
    joined(shop, "gucci", "nike")
    people = shop.floor._people
    for number in range(3, 12):
        shop.visit(number * 4, (number, ""), x=AT, seconds=4)
    assert [one.tracks for one in shop.floor.snapshot().persons] == [11]
    assert len(people._ledger) <= 1 + 2 * 4
    shop.visit(48, (10, ""), (11, ""), x=AT)
    assert len(shop.floor.snapshot().persons) == 2
    shop.floor.quiet("door", START + 52 * SECOND, [track(number) for number in range(12)])
    shop.floor.quiet("door", START + 200 * SECOND, [])
    assert (len(people), len(people._of), len(people._ledger)) == (0, 0, 0)


def test_who_was_held_and_is_found_again_beside_another_one_has_a_basket_again() -> None:
    shop = Shop()
    shop.visit(0, (1, "gucci"), x=AT)
    shop.floor.quiet("door", START + 4 * SECOND, [track(1)], absence=Absence.SUSPENDED)
    shop.visit(8, (2, "nike"), x=AT, seconds=6)
    shop.visit(14.4, (1, ""), (2, ""), x=AT)
    assert worth(shop) == {OLD: 200_000, NEW: 5000}


def test_the_older_one_is_the_older_one_though_the_tracker_went_on_with_the_older_track_alone() -> None:
    shop = Shop()
    joined(shop, "gucci", "nike")
    shop.visit(8, (1, ""), x=AT)
    shop.see(11, (1, ""), x=AT, ended=[track(2)])
    number = shop.floor.snapshot().persons[0].number
    shop.visit(11.4, (1, ""), (2, ""), x=AT)
    assert worth(shop) == {OLD: 200_000, NEW: 5000}
    assert {one.track: one.number for one in shop.floor.snapshot().persons}[OLD] == number
