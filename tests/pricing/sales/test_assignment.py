from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.sales.assignment import (
    KEPT_FREE,
    Assignment,
    AssignmentRules,
    Policy,
    Seller,
    WaitingCustomer,
    assign,
    quality,
)

ANNA = Seller("anna", rank=5, skills=frozenset({"watch"}), zones=frozenset({"jewels"}))
BEN = Seller("ben", rank=3, idle_ms=300_000)
CLEO = Seller("cleo", rank=3, idle_ms=600_000)
WATCH = WaitingCustomer("w", 500_000, 5000, frozenset({"watch", "gucci"}), "jewels")
COAT = WaitingCustomer("c", 129_000, 60_000, frozenset({"top"}))
HAT = WaitingCustomer("h", 2_000, 120_000)


def pairs(found: Assignment) -> dict[str, str]:
    return {pairing.customer: pairing.seller for pairing in found.pairings}


@pytest.mark.parametrize(
    ("policy", "sellers", "expected"),
    [
        (Policy.VALUE, [BEN, ANNA], {"w": "anna", "c": "ben"}),
        (Policy.VALUE, [BEN, CLEO], {"w": "cleo", "c": "ben"}),
        (Policy.VALUE, [BEN], {"w": "ben"}),
        (Policy.VALUE_THEN_TURN, [BEN, ANNA], {"w": "ben", "c": "anna"}),
        (Policy.TURN, [BEN, ANNA], {"h": "anna", "c": "ben"}),
        (Policy.TURN, [ANNA], {"h": "anna"}),
        (Policy.VALUE, [], {}),
    ],
)
def test_policies(policy: Policy, sellers: list[Seller], expected: dict[str, str]) -> None:
    found = pairs(assign([HAT, COAT, WATCH], sellers, AssignmentRules(policy)))
    assert found.keys() == expected.keys()
    if policy is Policy.VALUE:
        assert found == expected
    assert set(found.values()) == set(expected.values())


def test_every_decision_explains_itself_in_a_line() -> None:
    rules = AssignmentRules(least_minor=1000)
    found = assign(
        [WATCH, COAT, HAT, WaitingCustomer("p", 5)], [ANNA], rules, money=lambda minor: f"€{minor // 100}"
    )
    (only,) = found.pairings
    assert only.reason == (
        "w to anna: worth €5000, waits 5 s, rank 5, knows watch, works in jewels, longest idle"
    )
    assert dict(found.waiting) == {
        "c": "others are worth more",
        "h": "others are worth more",
        "p": "worth too little for an offer",
    }
    nobody = assign([WATCH], [], AssignmentRules())
    assert nobody.waiting == (("w", "no salesperson is free"),)
    declined = AssignmentRules(declined=frozenset({("w", "anna")}))
    found = assign([WATCH, COAT], [ANNA], declined)
    assert (pairs(found), dict(found.waiting)["w"]) == ({"c": "anna"}, "everybody who is free has declined")
    found = assign([COAT, WaitingCustomer("x", 130_000)], [ANNA], AssignmentRules(), {"c": "anna"})
    assert dict(found.waiting) == {"x": "c was offered already, and the gain is too small"}
    assert pairs(assign([COAT, WATCH], [ANNA], AssignmentRules(), {"c": "anna"})) == {"w": "anna"}
    kept = AssignmentRules(reserve=1, reserve_minor=100_000)
    found = assign([HAT], [ANNA], kept)
    assert found.waiting == (("h", "who is still free is kept for a more valuable customer"),)
    assert len(pairs(assign([HAT], [ANNA, BEN], kept))) == 1
    assert pairs(assign([HAT, WATCH], [ANNA], kept)) == {"w": "anna"}
    # Who is about to answer does not lose the offer because a colleague has just become busy.
    assert pairs(assign([HAT], [ANNA], kept, {"h": "anna"})) == {"h": "anna"}
    assert pairs(assign([HAT, WATCH], [ANNA], kept, {"h": "anna"})) == {"w": "anna"}


KEPT = AssignmentRules(reserve=1, reserve_minor=100_000)
SCARF = WaitingCustomer("s", 2_100)


def test_an_offer_that_stands_takes_the_room_so_that_somebody_is_still_kept() -> None:
    found = assign([HAT, SCARF], [ANNA, BEN], KEPT, {"h": "ben"})
    assert pairs(found) == {"h": "ben"}
    assert found.waiting == (("s", KEPT_FREE),)
    # Who is worth much more gets the room, who is worth enough gets whoever is kept.
    assert pairs(assign([HAT, WaitingCustomer("s", 90_000)], [ANNA, BEN], KEPT, {"h": "ben"})).keys() == {"s"}
    assert pairs(assign([HAT, WATCH], [ANNA, BEN], KEPT, {"h": "ben"})) == {"h": "ben", "w": "anna"}


def test_an_offer_that_stands_for_lack_of_room_leaves_its_place_to_nobody_but_the_better_ones() -> None:
    both = replace(KEPT, reserve=2)
    dear = WaitingCustomer("d", 90_000)
    assert pairs(assign([HAT, dear], [ANNA, BEN], both, {"h": "ben"})) == {"h": "ben"}
    assert pairs(assign([HAT, WATCH], [ANNA, BEN], both, {"h": "ben"})) == {"h": "ben", "w": "anna"}


def test_the_best_is_kept_for_whoever_may_come() -> None:
    assert pairs(assign([HAT], [ANNA, BEN, CLEO], AssignmentRules())) == {"h": "anna"}
    assert pairs(assign([HAT], [ANNA, BEN, CLEO], KEPT)) == {"h": "cleo"}
    assert pairs(assign([HAT, WATCH], [ANNA, BEN, CLEO], KEPT)) == {"h": "ben", "w": "anna"}
    # What one of them is asked already is not taken back for it.
    assert pairs(assign([HAT], [ANNA, BEN], KEPT, {"h": "anna"})) == {"h": "anna"}


def test_nobody_is_said_to_be_kept_where_nobody_is() -> None:
    declined = frozenset({("h", "ben"), ("s", "ben")})
    rules = AssignmentRules(reserve_minor=100_000, declined=declined)
    found = assign([HAT, SCARF], [ANNA, BEN], rules)
    assert (pairs(found), found.waiting) == ({"s": "anna"}, (("h", "others are worth more"),))


NAMES = st.integers(0, 12)
CUSTOMERS = st.lists(
    st.builds(
        lambda n, worth, waiting, needs: WaitingCustomer(f"c{n}", worth, waiting * 1000, frozenset(needs)),
        NAMES,
        st.integers(0, 5) | st.integers(0, 10**7),
        st.integers(0, 3),
        st.sets(st.sampled_from(["watch", "bag"])),
    ),
    unique_by=lambda c: c.id,
    max_size=9,
)
SELLERS = st.lists(
    st.builds(
        lambda n, rank, idle, skills: Seller(f"s{n}", rank, idle * 1000, frozenset(skills)),
        NAMES,
        st.integers(1, 5),
        st.integers(0, 3),
        st.sets(st.sampled_from(["watch", "bag"])),
    ),
    unique_by=lambda s: s.id,
    max_size=6,
)
RULES = st.builds(
    AssignmentRules,
    st.sampled_from(Policy),
    least_minor=st.sampled_from([0, 100]),
    reserve=st.sampled_from([0, 0, 1, 2]),
    reserve_minor=st.sampled_from([3, 1000]),
    declined=st.frozensets(st.tuples(NAMES.map("c{}".format), NAMES.map("s{}".format)), max_size=20),
)


@given(CUSTOMERS, SELLERS, RULES, st.data())
def test_nobody_is_offered_twice_and_order_does_not_matter(
    customers: list[WaitingCustomer], sellers: list[Seller], rules: AssignmentRules, data: st.DataObject
) -> None:
    found = assign(customers, sellers, rules)
    assert len({p.customer for p in found.pairings}) == len(found.pairings)
    assert len({p.seller for p in found.pairings}) == len(found.pairings)
    assert {p.seller for p in found.pairings} <= {s.id for s in sellers}
    assert not rules.declined & {(p.customer, p.seller) for p in found.pairings}
    told = [p.customer for p in found.pairings] + [customer for customer, _ in found.waiting]
    assert sorted(told) == sorted(c.id for c in customers)
    assert all("\n" not in p.reason for p in found.pairings)
    mixed = data.draw(st.permutations(customers)), data.draw(st.permutations(sellers))
    assert assign(*mixed, rules) == found
    # What is offered stays offered while nothing changes.
    assert pairs(assign(customers, sellers, rules, pairs(found))) == pairs(found)


@given(CUSTOMERS, SELLERS, RULES)
def test_a_higher_value_waits_only_for_a_stated_reason(
    customers: list[WaitingCustomer], sellers: list[Seller], rules: AssignmentRules
) -> None:
    found = assign(customers, sellers, rules)
    worth = {c.id: c.worth_minor for c in customers}
    least = min((worth[p.customer] for p in found.pairings), default=0)
    for customer, reason in found.waiting:
        if rules.policy is Policy.TURN or worth[customer] <= least or worth[customer] < rules.least_minor:
            continue
        assert any(customer == who for who, _ in rules.declined) or not sellers or rules.reserve
        assert reason != "others are worth more"


@given(CUSTOMERS, SELLERS, RULES, st.data())
def test_who_is_kept_is_free_for_the_better_ones_only(
    customers: list[WaitingCustomer], sellers: list[Seller], rules: AssignmentRules, data: st.DataObject
) -> None:
    """Of new offers, and with any that stand; who is better never waits for it."""
    names = st.sampled_from([c.id for c in customers]) if customers else st.nothing()
    asked = data.draw(st.lists(names, unique=True, max_size=min(len(customers), len(sellers))))
    standing = {c: s.id for c, s in zip(asked, sellers, strict=False) if (c, s.id) not in rules.declined}
    found = assign(customers, sellers, rules, standing)
    worth = {c.id: c.worth_minor for c in customers}
    low = [p.customer for p in found.pairings if worth[p.customer] < rules.reserve_minor]
    if rules.policy is not Policy.TURN and rules.reserve and any(c not in standing for c in low):
        assert len(sellers) - len(found.pairings) >= rules.reserve
    everybody = assign(customers, sellers, replace(rules, reserve=0), standing)
    if not any(worth[c] < rules.reserve_minor for c in standing):
        better = {p.customer for p in everybody.pairings if worth[p.customer] >= rules.reserve_minor}
        assert better <= {p.customer for p in found.pairings}


@given(CUSTOMERS.map(lambda c: c[:4]), SELLERS.map(lambda s: s[:4]))
def test_it_is_the_best_of_all_ways(customers: list[WaitingCustomer], sellers: list[Seller]) -> None:
    found = pairs(assign(customers, sellers, AssignmentRules()))
    people, staff = {c.id: c for c in customers}, {s.id: s for s in sellers}
    served = sorted(found, key=lambda c: (-people[c].worth_minor, -people[c].waiting_ms, c))
    assert len(served) == min(len(customers), len(sellers))
    best = sorted(customers, key=lambda c: (-c.worth_minor, -c.waiting_ms, c.id))[: len(served)]
    assert [c.worth_minor for c in best] == [people[c].worth_minor for c in served]

    def total(chosen: tuple[str, ...]) -> int:
        places = enumerate(zip(served, chosen, strict=True))
        return sum((len(served) - n) * quality(staff[s], people[c]) for n, (c, s) in places)

    ways = permutations(staff, len(served))
    assert total(tuple(found[c] for c in served)) == max(map(total, ways))


def test_the_dearer_of_two_is_served_first_in_currencies_of_large_numbers() -> None:
    waiting = [
        WaitingCustomer("watch", 900_000_000_00, waiting_ms=1000),  # rupiah
        WaitingCustomer("bag", 110_000_000_00, waiting_ms=20_000),
    ]
    found = assign(waiting, [Seller("anna")], AssignmentRules())
    assert [pairing.customer for pairing in found.pairings] == ["watch"]
    assert dict(found.waiting) == {"bag": "others are worth more"}
