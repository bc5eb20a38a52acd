from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from pricing.errors import BadInput
from pricing.sales.assignment import UNSEEN, AssignmentRules, WaitingCustomer
from pricing.sales.desk import SalesDesk
from pricing.sales.types import DeskRules, SaleEvent, SaleKind, SaleOutcome, StaffMember, StaffState

S = 1_000_000_000
STAFF = [StaffMember("anna", 5), StaffMember("ben", 2), StaffMember("cleo", 3, capacity=2)]
RULES = DeskRules(accept_within_s=30, unattended_after_s=120, escalate_minor=100_000)
HASTY = replace(RULES, unattended_after_s=20, escalate_minor=0)
KEEPING = replace(RULES, assignment=AssignmentRules(reserve=1, reserve_minor=500_000))
RICH, POOR = WaitingCustomer("rich", 500_000), WaitingCustomer("poor", 2_000)
STEPS = ("come", "go", "lose", "state", "answer", "answer", "tick", "tick", "crash", "attend", "join")


def desk(*free: str) -> SalesDesk:
    made = SalesDesk(STAFF, RULES)
    for name in free:
        made.set_state(name, StaffState.FREE, 0)
    return made


def kinds(events: list[SaleEvent]) -> list[tuple[str, str | None, str | None]]:
    return [(event.kind.value, event.customer, event.seller) for event in events]


def test_another_staff_goes_on_with_what_is_open() -> None:
    shop = desk("anna", "ben")
    shop.see([RICH, POOR], S)
    offers = {event.seller: event for event in shop.tick(S)}
    shop.accept(offers["ben"].offer, "ben", 2 * S)
    rules = DeskRules(accept_within_s=5)
    assert kinds(shop.reconfigure([StaffMember("ben", 4), StaffMember("dora")], rules, 3 * S)) == [
        ("withdrawn", offers["anna"].customer, "anna")
    ]
    assert shop.attending == {offers["ben"].customer: "ben"}
    assert shop.states == {"ben": StaffState.BUSY, "dora": StaffState.OFF}
    with pytest.raises(BadInput, match="anna"):
        shop.set_state("anna", StaffState.FREE, 4 * S)
    assert kinds(shop.reconfigure([StaffMember("dora")], rules, 5 * S)) == [
        ("done", offers["ben"].customer, "ben")
    ]
    shop.set_state("dora", StaffState.FREE, 6 * S)
    (offer,) = shop.tick(7 * S)
    assert kinds(shop.tick(13 * S))[0] == ("timed_out", offer.customer, "dora")


def test_an_offer_is_accepted_attended_and_done() -> None:
    shop = desk("anna")
    shop.see([RICH, POOR], S)
    (offer,) = shop.tick(S)
    assert (offer.kind, offer.customer, offer.seller) == (SaleKind.OFFERED, "rich", "anna")
    assert kinds(shop.accept(offer.offer, "anna", 5 * S)) == [("accepted", "rich", "anna")]
    assert shop.accept(offer.offer, "anna", 6 * S) == []  # a second phone with the same name
    assert shop.states["anna"] is StaffState.BUSY
    assert shop.tick(7 * S) == []
    (done,) = shop.done(offer.offer, "anna", SaleOutcome.SOLD, 60 * S, 450_000)
    assert (done.outcome, done.amount_minor, done.worth_minor) == (SaleOutcome.SOLD, 450_000, 500_000)
    assert kinds(shop.tick(61 * S)) == [("offered", "poor", "anna")]


def test_declined_and_unanswered_offers_go_to_the_next_best() -> None:
    shop = desk("anna", "ben", "cleo")
    shop.see([RICH], S)
    (offer,) = shop.tick(S)
    assert kinds(shop.decline(offer.offer, "anna", 2 * S)) == [("declined", "rich", "anna")]
    (offer,) = shop.tick(2 * S)
    assert offer.seller == "cleo"
    assert shop.tick(31 * S) == []
    assert kinds(shop.tick(32 * S)) == [("timed_out", "rich", "cleo"), ("offered", "rich", "ben")]
    with pytest.raises(BadInput, match="this offer is over"):
        shop.accept(offer.offer, "cleo", 33 * S)
    assert kinds(shop.tick(62 * S)) == [("timed_out", "rich", "ben")]
    assert kinds(shop.tick(121 * S)) == [("escalated", "rich", None)]
    assert shop.tick(300 * S) == []


def test_a_phone_that_never_answers_is_taken_for_lost() -> None:
    shop = desk("anna")
    events = []
    for n in range(3):
        shop.see([WaitingCustomer(f"c{n}", 1000)], n * 40 * S)
        events += shop.tick(n * 40 * S) + shop.tick((n * 40 + 30) * S)
    assert [event.state for event in events if event.kind is SaleKind.STAFF] == [StaffState.OFF]
    assert shop.offered == {}


def test_who_leaves_or_is_taken_by_somebody_else_is_withdrawn() -> None:
    shop = desk("anna", "ben")
    shop.see([RICH], 0)
    (offer,) = shop.tick(0)
    assert kinds(shop.see([], S)) == [("withdrawn", "rich", "anna")]
    shop.see([RICH], 2 * S)
    (offer,) = shop.tick(2 * S)
    events = shop.attend("rich", "ben", 3 * S)
    assert kinds(events) == [("withdrawn", "rich", "anna"), ("accepted", "rich", "ben")]
    with pytest.raises(BadInput, match="ben attends this customer already"):
        shop.attend("rich", "anna", 4 * S)
    assert shop.see([], 5 * S) == []  # out of sight, still attended
    assert shop.attending == {"rich": "ben"}
    with pytest.raises(BadInput, match="nobody of the staff"):
        shop.accept(offer.offer, "dora", 5 * S)
    with pytest.raises(BadInput, match="no customer k9"):
        shop.attend("k9", "anna", 5 * S)


@pytest.mark.parametrize("accepted", [True, False])
def test_an_offer_goes_on_where_its_customer_turns_out_to_be_known(accepted: bool) -> None:
    shop, known = desk("anna", "ben"), replace(RICH, id="known", not_now="unseen")
    shop.see([known], 0)
    shop.see([known, RICH], 10 * S)
    (offer,) = shop.tick(10 * S)
    if accepted:
        shop.accept(offer.offer, "anna", 11 * S)
    assert shop.join("known", "rich", 12 * S) == []
    assert shop.see([replace(RICH, id="known")], 12 * S) == shop.tick(12 * S) == []
    (seen,) = shop.view(12 * S).offers
    assert (seen.number, seen.customer.id, seen.accepted, seen.since) == (
        offer.offer, "known", accepted, 0,
    )  # fmt: skip
    assert shop.join("known", "rich", 13 * S) == []


def test_of_two_offers_for_one_customer_the_accepted_one_stays() -> None:
    shop = desk("anna", "ben")
    shop.see([RICH, POOR], 0)
    offers = {event.customer: event for event in shop.tick(0)}
    late = offers["poor"]
    shop.accept(late.offer, late.seller or "", S)
    assert kinds(shop.join("rich", "poor", 2 * S)) == [("withdrawn", "rich", offers["rich"].seller)]
    assert shop.attending == {"rich": late.seller}


def test_whom_two_attend_is_left_to_both() -> None:
    shop = desk("anna", "ben")
    shop.see([RICH, POOR], 0)
    for event in shop.tick(0):
        shop.accept(event.offer, event.seller or "", S)
    assert shop.join("rich", "poor", 2 * S) == []
    assert shop.attending.keys() == {"rich", "poor"}


def test_who_goes_on_a_break_loses_the_offer_not_the_customer() -> None:
    shop = desk("anna", "cleo")
    shop.see([RICH, POOR], 0)
    first, second = shop.tick(0)
    shop.accept(first.offer, first.seller or "", S)
    assert kinds(shop.set_state(second.seller or "", StaffState.BREAK, 2 * S))[1:] == [
        ("withdrawn", "poor", second.seller)
    ]
    shop.set_state(first.seller or "", StaffState.OFF, 3 * S)
    assert shop.attending == {"rich": first.seller}
    end = shop.tick((7200 + 10) * S)
    assert ("done", "rich", first.seller) in kinds(end)


@pytest.mark.parametrize("end", ["joined", "left"])
def test_who_may_be_somebody_already_told_of_is_not_told_of_until_that_is_known(end: str) -> None:
    shop, known = desk(), replace(RICH, id="known")
    new = replace(RICH, perhaps=frozenset({"known"}))
    shop.see([known], 0)
    assert kinds(shop.tick(120 * S)) == [("escalated", "known", None)]
    shop.see([replace(known, not_now=UNSEEN), new], 130 * S)
    assert shop.tick(300 * S) == []
    if end == "joined":
        shop.join("known", "rich", 301 * S)
        shop.see([known], 301 * S)
        assert shop.tick(900 * S) == []
    else:
        shop.see([RICH], 301 * S)
        assert kinds(shop.tick(301 * S)) == [("escalated", "rich", None)]


def test_who_may_be_somebody_not_told_of_yet_is_told_of() -> None:
    shop = desk()
    shop.see([replace(POOR, not_now=UNSEEN), replace(RICH, perhaps=frozenset({"poor"}))], 0)
    assert kinds(shop.tick(120 * S)) == [("escalated", "rich", None)]


@pytest.mark.parametrize("seed", range(25))
def test_no_sequence_of_steps_crashes_and_lost_phones_breaks_the_rules(seed: int) -> None:
    """Play 20 random shops a seed, 500 in all; a crash loses what was not stored with the step's events."""
    for game in range(20):
        _play(Random(seed * 1000 + game), (RULES, KEEPING, HASTY)[game % 3])


class Floor:
    """Who is in a shop of two cameras: customers are lost from view, and others come who may be they."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._here: dict[str, tuple[WaitingCustomer, int, int]] = {}
        self._lost: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._here)

    def customers(self) -> list[WaitingCustomer]:
        found = []
        for name, (customer, _, _) in self._here.items():
            perhaps = frozenset(old for old in self._lost if self._may_be(old, name))
            not_now = UNSEEN if name in self._lost else ""
            found.append(replace(customer, id=name, not_now=not_now, perhaps=perhaps))
        return found

    def come(self, turn: int) -> None:
        customer = WaitingCustomer("", self._random.randrange(10**6))
        self._here[f"c{turn}"] = customer, self._random.randrange(2), turn

    def go(self) -> None:
        name = self._random.choice(list(self._here))
        del self._here[name]
        self._lost.pop(name, None)

    def lose(self, turn: int) -> None:
        if seen := [name for name in self._here if name not in self._lost]:
            self._lost[self._random.choice(seen)] = turn

    def restart(self, turn: int) -> None:
        """Give all in view new numbers: who walked on is not found at once, and comes as somebody new."""
        for name in [name for name in self._here if name not in self._lost]:
            if self._random.random() < 0.5:
                customer, camera, _ = self._here[name]
                self._lost[name] = turn
                self._here[f"{name}r{turn}"] = customer, camera, turn + 1

    def join(self) -> tuple[str, str] | None:
        """Find somebody again, where that can be; return under which name, and which one is over."""
        pairs = [(old, new) for old in self._lost for new in self._here if self._may_be(old, new)]
        if not pairs:
            return None
        old, new = self._random.choice(pairs)
        del self._here[new], self._lost[old]
        return old, new

    def _may_be(self, old: str, new: str) -> bool:
        (_, camera, _), (_, other, came) = self._here[old], self._here[new]
        return new not in self._lost and camera == other and came > self._lost[old]


def _play(random: Random, rules: DeskRules) -> None:
    shop, at, log, floor = SalesDesk(STAFF, rules), 0, list[SaleEvent](), Floor(random)
    saved, same, one = json.dumps(shop.snapshot()), dict[str | None, str](), dict[str | None, str]()
    for turn in range(40):
        at += random.randrange(20) * S
        step = random.choice(STEPS)
        name = random.choice(STAFF).name
        events: list[SaleEvent] = []
        try:
            if step == "come":
                floor.come(turn)
                events = shop.see(floor.customers(), at)
            elif step == "go" and floor:
                floor.go()
                events = shop.see(floor.customers(), at)
            elif step == "lose" and floor:
                floor.lose(turn)
                events = shop.see(floor.customers(), at)
            elif step == "join" and (found := floor.join()):
                customer, other = found
                one[other] = customer
                if not shop.attending.keys() >= {customer, other}:
                    same[other] = customer
                events = [*shop.join(customer, other, at), *shop.see(floor.customers(), at)]
            elif step == "state":
                events = shop.set_state(name, random.choice(list(StaffState)), at)
            elif step == "answer":
                number = random.choice([0, *shop.offered, *(e.offer or 0 for e in log[-5:])])
                answer = random.choice(("accept", "decline", "done"))
                if answer == "done":
                    events = shop.done(number, name, random.choice(list(SaleOutcome)), at)
                else:
                    events = getattr(shop, answer)(number, name, at)
            elif step == "attend" and floor:
                events = shop.attend(random.choice(floor.customers()).id, name, at)
            elif step == "crash":
                shop = SalesDesk(STAFF, rules)
                shop.restore(json.loads(saved))
                floor.restart(turn)
                events = shop.see(floor.customers(), at)
            else:
                events = shop.tick(at)
        except BadInput:
            assert shop.snapshot() == json.loads(saved)  # what is refused changes nothing
            continue
        log += events
        saved = json.dumps(shop.snapshot())
        _check(shop, log, same)
        told = [_now(event.customer, one) for event in log if event.kind is SaleKind.ESCALATED]
        assert len(told) == len(set(told))


def _now(customer: str | None, same: dict[str | None, str]) -> str | None:
    """Return under which name a customer goes on."""
    while customer in same:
        customer = same[customer]
    return customer


def test_what_a_later_version_wrote_besides_keeps_nobody_from_going_back() -> None:
    shop = SalesDesk(STAFF, RULES)
    shop.set_state(next(iter(shop.members)), StaffState.FREE, 0)
    shop.see([WaitingCustomer("c", 10**6, needs=frozenset({"watch"}))], 0)
    shop.tick(0)
    saved = shop.snapshot()
    later = json.loads(json.dumps(saved))
    for part in (*later["people"].values(), *later["offers"].values(), later["people"]["c"]["customer"]):
        part["of_a_later_version"] = 1
    assert later["offers"]
    again = SalesDesk(STAFF, RULES)
    again.restore(later)
    assert json.dumps(again.snapshot()) == json.dumps(saved)


def _check(shop: SalesDesk, log: list[SaleEvent], same: dict[str | None, str]) -> None:
    numbers = [event.number for event in log]
    assert numbers == sorted(set(numbers))
    # The events alone tell who is offered to whom and who attends whom.
    offered: dict[int | None, tuple[str | None, str | None]] = {}
    attending: dict[int | None, tuple[str | None, str | None]] = {}
    for event in log:
        pair = _now(event.customer, same), event.seller
        if event.kind is SaleKind.OFFERED:
            offered[event.offer] = pair
        elif event.kind is SaleKind.ACCEPTED:
            offered.pop(event.offer, None)
            attending[event.offer] = pair
        elif event.kind not in (SaleKind.ESCALATED, SaleKind.STAFF):
            assert (offered.pop(event.offer, None) or attending.pop(event.offer, None)) == pair
    assert offered == shop.offered
    assert dict(attending.values()) == shop.attending
    assert len(attending) == len({customer for customer, _ in attending.values()})
    waiting = [customer for customer, _ in offered.values()]
    assert len(waiting) == len(set(waiting))
    assert not set(waiting) & {customer for customer, _ in attending.values()}
    assert len(offered) == len({seller for _, seller in offered.values()})
    assert all(shop.states[seller or ""] is StaffState.FREE for _, seller in offered.values())
