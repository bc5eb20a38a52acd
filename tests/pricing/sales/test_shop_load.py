from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.sales.assignment import AssignmentRules, WaitingCustomer
from pricing.sales.desk import SalesDesk
from pricing.sales.shop_load import MAX_SEEN, SECOND, ShopLoad, last_worth
from pricing.sales.types import DeskRules, SaleKind, SaleOutcome, StaffMember, StaffState

HOUR = 3600 * SECOND
SPREAD = [0, 0, 5_000, 20_000, 30_000, 90_000]
WORTHS = st.lists(st.integers(0, 10**7), min_size=4, max_size=40)


def load_of(an_hour: int, worths: list[int] = SPREAD, minutes: int = 60) -> ShopLoad:
    """Return what a desk saw of so many customers an hour, evenly."""
    load = ShopLoad()
    for n in range(an_hour * minutes // 60):
        load.see(f"k{n}", worths[n % len(worths)], n * HOUR // an_hour)
    return load


@pytest.mark.parametrize(
    ("an_hour", "staff", "kept"),
    [
        (6, 3, None),  # few come: somebody is free nearly always
        (40, 3, 20_000),
        (40, 20, None),  # many come, and more are there
        (40, 1, None),  # who is alone goes to everybody
        (40, 0, None),
    ],
)
def test_somebody_is_kept_where_many_come_to_few(an_hour: int, staff: int, kept: int | None) -> None:
    assert load_of(an_hour).reserved_from(HOUR, staff) == kept


def test_nobody_is_kept_before_enough_is_known_or_where_nothing_tells_customers_apart() -> None:
    assert load_of(40, minutes=10).reserved_from(600 * SECOND, 3) is None
    assert load_of(40, [0, 0, 0]).reserved_from(HOUR, 3) is None
    assert load_of(40).reserved_from(2 * HOUR, 3) is None  # nobody has come for an hour
    assert load_of(40).reserved_from(9 * HOUR, 3) is None  # what was is forgotten
    assert ShopLoad().reserved_from(0, 3) is None


def test_short_services_leave_somebody_free_anyway() -> None:
    load = load_of(20)
    assert load.reserved_from(HOUR, 3) == 25_000
    for _ in range(9):
        load.serve(60)
    assert load.reserved_from(HOUR + 300 * SECOND, 3) is None


def test_it_is_worked_out_every_five_minutes_so_that_it_does_not_flicker() -> None:
    load = load_of(40)
    assert load.reserved_from(HOUR, 3) == 20_000
    for n in range(40):
        load.see(f"more{n}", 500_000, HOUR)
    assert load.reserved_from(HOUR + 299 * SECOND, 3) == 20_000
    assert load.reserved_from(HOUR + 300 * SECOND, 3) == 500_000


def test_a_crowd_is_counted_by_its_newest() -> None:
    """More than can be remembered in four hours: the rate of the last of them is known, and not nought."""
    load = ShopLoad()
    seconds = 2 * MAX_SEEN + 7200
    for n in range(seconds):
        load.see(f"k{n}", SPREAD[n % len(SPREAD)], n * SECOND)
    assert len(load._seen) == MAX_SEEN
    assert load.reserved_from(seconds * SECOND, 3) is not None


@given(WORTHS, st.integers(1, 200), st.integers(1, 12), st.integers(60, 3600))
def test_the_last_free_one_is_worth_more_the_more_come_and_less_the_more_there_are(
    worths: list[int], an_hour: int, staff: int, service_s: int
) -> None:
    few, many = (last_worth(rate / 3600, service_s, staff, worths) for rate in (an_hour, 2 * an_hour))
    assert 0 <= few <= many + 1e-3
    assert few <= max(worths) + 1e-3
    twice = last_worth(an_hour / 3600, service_s, 2 * staff, worths)
    assert twice <= last_worth(an_hour / 3600, service_s, staff, worths) + 1e-3 * (1 + max(worths))


@given(WORTHS, st.integers(1, 60), st.integers(1, 6))
def test_alone_it_is_what_a_service_costs(worths: list[int], an_hour: int, scale: int) -> None:
    """With one salesperson the balance is in closed form: worth = rate x service x what comes above it."""
    rate, service_s = an_hour / 3600, 300.0 * scale
    worth = last_worth(rate, service_s, 1, worths)
    above = sum(max(0.0, one - worth) for one in worths) / len(worths)
    assert worth == pytest.approx(rate * service_s * above, rel=1e-4, abs=1e-3)


def test_a_desk_keeps_one_free_and_says_so() -> None:
    desk = SalesDesk([StaffMember("anna", 5), StaffMember("ben", 2)], DeskRules(keep_by_load=True))
    for name in ("anna", "ben"):
        desk.set_state(name, StaffState.FREE, 0)
    for n in range(40):
        desk.see([WaitingCustomer(f"k{n}", SPREAD[n % len(SPREAD)])], n * HOUR // 40)
    # The first of two may go to anybody, the last one is kept; who is worth enough gets the last one, too.
    desk.see([WaitingCustomer("cap", 5_000), WaitingCustomer("bare", 0)], HOUR)
    (made,) = desk.tick(HOUR)
    assert (made.kind, made.customer) == (SaleKind.OFFERED, "cap")
    waiting = desk.view(HOUR).waiting
    assert [(one.customer.id, one.kept) for one in waiting] == [("cap", False), ("bare", True)]
    desk.accept(made.offer, made.seller or "", HOUR)
    assert desk.tick(HOUR + SECOND) == []
    desk.see([WaitingCustomer("bare", 0), WaitingCustomer("watch", 90_000)], HOUR + 2 * SECOND)
    (other,) = desk.tick(HOUR + 2 * SECOND)
    assert (other.customer, other.seller != made.seller) == ("watch", True)
    desk.done(made.offer, made.seller or "", SaleOutcome.SOLD, HOUR + 600 * SECOND)
    desk.decline(other.offer, other.seller or "", HOUR + 600 * SECOND)
    offered = [event.customer for event in desk.tick(HOUR + 600 * SECOND) if event.kind is SaleKind.OFFERED]
    assert offered == ["watch"]
    # Two hours later nobody comes any more, and nobody waits for somebody better.
    desk.see([WaitingCustomer("bare", 0), WaitingCustomer("watch", 90_000)], 3 * HOUR)
    assert "bare" in {event.customer for event in desk.tick(3 * HOUR) if event.kind is SaleKind.OFFERED}


def busy_desk(keep_from: int | None) -> SalesDesk:
    """Return a desk at its start after a busy hour in which somebody was kept for so much, or nobody."""
    before = SalesDesk([StaffMember("anna", 5), StaffMember("ben", 2)], DeskRules(keep_by_load=True))
    before.set_state("anna", StaffState.FREE, 0)
    before.set_state("ben", StaffState.BUSY, 0)
    an_hour = 40 if keep_from else 4
    for n in range(an_hour):
        before.see([WaitingCustomer(f"k{n}", SPREAD[n % len(SPREAD)])], n * HOUR // an_hour)
    before.see([], HOUR)
    assert before.tick(HOUR) == []
    desk = SalesDesk(before.members.values(), before.rules)
    desk.restore(json.loads(json.dumps(before.snapshot())))
    assert desk.snapshot() == before.snapshot()
    return desk


def offered_to_few(desk: SalesDesk, at: int) -> list[str | None]:
    """Return who is offered where the last free salesperson may be kept for a better customer."""
    desk.see([WaitingCustomer("bare", 0)], at)
    found = [event.customer for event in desk.tick(at) if event.kind is SaleKind.OFFERED]
    desk.see([], at)
    return found


def test_after_a_restart_the_last_one_is_kept_as_before() -> None:
    desk = busy_desk(20_000)
    assert offered_to_few(desk, HOUR + 10 * SECOND) == []
    desk.see([WaitingCustomer("watch", 90_000)], HOUR + 20 * SECOND)
    assert [event.customer for event in desk.tick(HOUR + 20 * SECOND)] == ["watch"]
    quiet = busy_desk(None)
    assert offered_to_few(quiet, HOUR + 10 * SECOND) == ["bare"]


def test_what_a_restart_brought_along_ends_within_the_hour() -> None:
    """By what is seen anew as soon as that is enough, and by itself where nobody comes."""
    assert offered_to_few(busy_desk(20_000), 2 * HOUR - SECOND) == []
    late = busy_desk(20_000)
    assert offered_to_few(late, 2 * HOUR) == ["bare"]
    assert late.snapshot()["load"] is None
    assert offered_to_few(busy_desk(20_000), HOUR - 60 * SECOND) == ["bare"]  # the clock went back meanwhile
    load = ShopLoad()
    load.restore({"keep_from": 20_000, "at": HOUR})
    for n in range(12):
        load.see(f"n{n}", 5_000, HOUR + n * SECOND)
        load.serve(20)
    assert load.reserved_from(HOUR + 600 * SECOND, 2) == 20_000
    assert load.reserved_from(HOUR + 1800 * SECOND, 2) is None
    assert load.snapshot() is None


def test_what_is_stored_of_a_shop_is_nobodys_own_value() -> None:
    load = load_of(40, [0, 0, 44_937, 44_937])
    assert load.reserved_from(HOUR, 2) == 44_937
    assert load.snapshot() == {"keep_from": 45_000, "at": HOUR}
    assert ShopLoad().snapshot() is None


@pytest.mark.parametrize("others", [[], [StaffMember("ben", 2)]])
def test_who_takes_two_at_once_is_not_idle_beside_a_customer(others: list[StaffMember]) -> None:
    """Alone somebody goes to everybody; beside a colleague the last place is kept, not the first."""
    desk = SalesDesk([StaffMember("anna", 5, capacity=2), *others], DeskRules(keep_by_load=True))
    desk.set_state("anna", StaffState.FREE, 0)
    for one in others:
        desk.set_state(one.name, StaffState.BUSY, 0)
    for n in range(40):
        desk.see([WaitingCustomer(f"k{n}", SPREAD[n % len(SPREAD)])], n * HOUR // 40)
    desk.see([WaitingCustomer("bare", 0), WaitingCustomer("cap", 5_000)], HOUR)
    (made,) = desk.tick(HOUR)
    assert (made.customer, made.seller) == ("cap", "anna")
    desk.accept(made.offer, "anna", HOUR)
    assert [event.customer for event in desk.tick(HOUR + SECOND)] == ([] if others else ["bare"])


def test_who_is_worth_too_little_for_an_offer_does_not_count() -> None:
    """The median is of those who are offered, else all of them were above it, and nobody was kept."""
    desk = SalesDesk(
        [StaffMember("anna", 5), StaffMember("ben", 2)],
        DeskRules(AssignmentRules(least_minor=50_000), keep_by_load=True),
    )
    desk.set_state("anna", StaffState.FREE, 0)
    desk.set_state("ben", StaffState.BUSY, 0)
    worths = [5_000, 5_000, 5_000, 60_000, 500_000, 500_000]
    for n in range(120):
        desk.see([WaitingCustomer(f"k{n}", worths[n % len(worths)])], n * HOUR // 120)
    desk.see([WaitingCustomer("bag", 60_000)], HOUR)
    assert desk.tick(HOUR) == []
    desk.see([WaitingCustomer("bag", 60_000), WaitingCustomer("watch", 500_000)], HOUR)
    assert [event.customer for event in desk.tick(HOUR)] == ["watch"]
