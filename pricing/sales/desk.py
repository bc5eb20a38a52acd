"""The life of offers: who is offered to whom, accepts, attends, and how it ends. No clock, no I/O.

offered -> accepted | declined | timed out | withdrawn; accepted -> done. A step returns the events that it
made, and `snapshot` holds all that the next step depends on, so whoever stores both in one transaction loses
nothing and repeats nothing that matters. Of those who came in the last hours it holds one rounded amount:
from which value on customers have somebody kept free.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pricing.errors import BadInput
from pricing.sales.assignment import KEPT_FREE, Seller, WaitingCustomer, assign
from pricing.sales.desk_state import DeskState, OfferRecord, PersonRecord, StaffRecord
from pricing.sales.shop_load import ShopLoad
from pricing.sales.types import (
    DeskRules,
    SaleEvent,
    SaleKind,
    SaleOutcome,
    StaffMember,
    StaffState,
    UnknownSeller,
)
from pricing.sales.view import build_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pricing.sales.view import DeskView

MS = 1_000_000
SECOND = 1_000_000_000
_ON_DUTY = (StaffState.FREE, StaffState.BUSY)


class SalesDesk:
    """Keeps offers, salespeople and waiting customers; every method is one step.

    The times of steps should rise; a step back of the clock delays time-outs, nothing else. One thread.

    >>> desk = SalesDesk([StaffMember("anna")], DeskRules())
    >>> _ = desk.set_state("anna", StaffState.FREE, at=0)
    >>> _ = desk.see([WaitingCustomer("k7", 129000)], at=SECOND)
    >>> (offered,) = desk.tick(at=SECOND)
    >>> offered.customer, offered.seller
    ('k7', 'anna')
    >>> [event.kind.value for event in desk.accept(offered.offer, "anna", at=2 * SECOND)]
    ['accepted']
    """

    def __init__(
        self, staff: Iterable[StaffMember], rules: DeskRules, money: Callable[[int], str] = str
    ) -> None:
        self.members = {member.name: member for member in staff}
        self.rules = rules
        self._money = money
        self._state = DeskState(staff={name: StaffRecord() for name in self.members})
        self._made: list[SaleEvent] = []
        self._load = ShopLoad()
        self._kept_free: frozenset[str] = frozenset()

    def reconfigure(self, staff: Iterable[StaffMember], rules: DeskRules, at: int) -> list[SaleEvent]:
        """Go on with another staff and other rules; offers of who has left are withdrawn."""
        members = {member.name: member for member in staff}
        for number, offer in list(self._state.offers.items()):
            if offer.seller not in members:
                kind = SaleKind.DONE if offer.accepted else SaleKind.WITHDRAWN
                outcome = SaleOutcome.UNKNOWN if offer.accepted else None
                self._end(number, kind, at, outcome=outcome, reason=f"{offer.seller} is not of the staff now")
        self.members, self.rules = members, rules
        self._state.staff = {name: self._state.staff.get(name, StaffRecord()) for name in members}
        return self._taken()

    def see(self, customers: Iterable[WaitingCustomer], at: int) -> list[SaleEvent]:
        """Take who is in the shop now; offers of customers who are not any more are withdrawn.

        Who is attended stays attended when a camera loses them.
        """
        here = {customer.id: customer for customer in customers}
        for name, customer in here.items():
            if name in self._state.people:
                self._state.people[name].customer = customer
            else:
                self._state.people[name] = PersonRecord(customer, at)
            offered = customer.worth_minor >= self.rules.assignment.least_minor
            self._load.see(name, customer.worth_minor if offered else 0, at)
        attended = {offer.customer for offer in self._state.offers.values() if offer.accepted}
        for name in [name for name in self._state.people if name not in here and name not in attended]:
            for number in [n for n, offer in self._state.offers.items() if offer.customer == name]:
                self._end(number, SaleKind.WITHDRAWN, at, reason="the customer left")
            del self._state.people[name]
        return self._taken()

    def join(self, customer: str, other: str, at: int) -> list[SaleEvent]:
        """Take two customers for one: `other` turned out to be `customer`, whom a camera had lost.

        What was offered to either goes on with `customer`: of two offers the accepted one, else the older.
        Where both are attended nothing changes, for each salesperson says how it went.
        """
        people, offers = self._state.people, self._state.offers
        if other not in people or self.attending.keys() >= {customer, other}:
            return []
        found = people.pop(other)
        known = people.setdefault(customer, PersonRecord(replace(found.customer, id=customer), found.since))
        known.since = min(known.since, found.since)
        known.declined += found.declined
        known.escalated, known.served = known.escalated or found.escalated, known.served or found.served
        numbers = [number for number, offer in offers.items() if offer.customer in (customer, other)]
        numbers.sort(key=lambda number: (not offers[number].accepted, number))
        for place, number in enumerate(numbers):
            offers[number].customer = customer
            if not offers[number].accepted and (place or known.served):
                self._end(
                    number, SaleKind.WITHDRAWN, at, reason="the customer was offered or attended before"
                )
        return self._taken()

    def set_state(self, seller: str, state: StaffState, at: int) -> list[SaleEvent]:
        """Set what a salesperson says; who is not free any more loses the offers not yet accepted."""
        record = self._record(seller)
        record.missed = 0
        if record.state is state:
            return self._taken()
        self._set(seller, state, at, "")
        return self._taken()

    def accept(self, offer: int | None, seller: str, at: int) -> list[SaleEvent]:
        """Accept an offer, twice from two phones with one name too. Raises BadInput if it is over."""
        found = self._find(offer, seller)
        if not found.accepted:
            self._record(seller).missed = 0
            found.accepted = True
            self._make(SaleKind.ACCEPTED, at, found.customer, seller, offer)
            self._free_again(seller, at)
        return self._taken()

    def decline(self, offer: int | None, seller: str, at: int) -> list[SaleEvent]:
        """Decline an offer; it goes to the next best. Raises BadInput if it is over or accepted."""
        found = self._find(offer, seller)
        if found.accepted:
            raise BadInput("this offer is accepted; end it with an outcome")
        self._record(seller).missed = 0
        self._state.people[found.customer].declined.append(seller)
        self._end(offer or 0, SaleKind.DECLINED, at)
        return self._taken()

    def done(
        self, offer: int | None, seller: str, outcome: SaleOutcome, at: int, amount_minor: int | None = None
    ) -> list[SaleEvent]:
        """End attending a customer. Raises BadInput if it is not attended by this salesperson."""
        found = self._find(offer, seller)
        if not found.accepted:
            raise BadInput("this offer is not accepted yet")
        self._load.serve((at - found.at) / SECOND)
        self._end(offer or 0, SaleKind.DONE, at, outcome=outcome, amount_minor=amount_minor)
        return self._taken()

    def attend(self, customer: str, seller: str, at: int) -> list[SaleEvent]:
        """Take a customer without an offer, as who is spoken to does; an offer to somebody else is withdrawn.

        Raises BadInput where nobody of this number is in the shop, or another salesperson attends.
        """
        self._record(seller)
        if customer not in self._state.people:
            raise BadInput(f"no customer {customer} is in the shop now")
        for number, offer in list(self._state.offers.items()):
            if offer.customer == customer and offer.accepted:
                if offer.seller != seller:
                    raise BadInput(f"{offer.seller} attends this customer already")
                return []
            if offer.customer == customer:
                self._end(number, SaleKind.WITHDRAWN, at, reason=f"{seller} attends")
        number = self._state.number + 1
        self._state.offers[number] = OfferRecord(customer, seller, at, accepted=True)
        self._make(SaleKind.ACCEPTED, at, customer, seller, number, reason="without an offer")
        self._free_again(seller, at)
        return self._taken()

    def tick(self, at: int) -> list[SaleEvent]:
        """Let time pass: offers time out, forgotten ones end, new ones are made, the manager is told."""
        rules = self.rules
        for number, offer in list(self._state.offers.items()):
            if not offer.accepted and at - offer.at >= rules.accept_within_s * SECOND:
                self._state.people[offer.customer].declined.append(offer.seller)
                self._end(number, SaleKind.TIMED_OUT, at)
                self._miss(offer.seller, at)
            elif offer.accepted and at - offer.at >= rules.attend_max_s * SECOND:
                self._end(number, SaleKind.DONE, at, outcome=SaleOutcome.UNKNOWN, reason="ended by itself")
        self._assign(at)
        attended = {offer.customer for offer in self._state.offers.values() if offer.accepted}
        for name, person in self._state.people.items():
            due = at - person.since >= rules.unattended_after_s * SECOND
            worth = person.customer.worth_minor >= rules.escalate_minor
            alone = not (person.escalated or person.served or name in attended or person.customer.not_now)
            if due and worth and alone and not self._perhaps_told(person):
                person.escalated = True
                self._make(SaleKind.ESCALATED, at, name)
        return self._taken()

    @property
    def attending(self) -> dict[str, str]:
        """WaitingCustomer -> salesperson of accepted offers."""
        return {offer.customer: offer.seller for offer in self._state.offers.values() if offer.accepted}

    @property
    def offered(self) -> dict[int, tuple[str, str]]:
        """Offer -> customer and salesperson of those that wait for an answer."""
        return {n: (o.customer, o.seller) for n, o in self._state.offers.items() if not o.accepted}

    @property
    def customers(self) -> dict[str, WaitingCustomer]:
        """Who is in the shop or attended, as last seen."""
        return {name: person.customer for name, person in self._state.people.items()}

    @property
    def served(self) -> set[str]:
        """Customers somebody attended, and attends no more."""
        return {name for name, person in self._state.people.items() if person.served} - self.attending.keys()

    @property
    def states(self) -> dict[str, StaffState]:
        """Salesperson -> state; who attends as many as they can is busy."""
        return {name: self._shown(name) for name in self._state.staff}

    def view(self, at: int) -> DeskView:
        """Return what a page shows of staff, offers and waiting customers."""
        return build_view(
            self._state,
            self.members,
            at=at,
            shown=self.states,
            accept_within_ns=self.rules.accept_within_s * SECOND,
            kept_free=self._kept_free,
        )

    @property
    def unattended_minor(self) -> int:
        """What the customers are worth whom nobody attends or attended."""
        attended = self.attending
        waiting = (p for name, p in self._state.people.items() if name not in attended and not p.served)
        return sum(person.customer.worth_minor for person in waiting)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON takes it."""
        return self._state.to_json() | {"load": self._load.snapshot()}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go on from a snapshot. Who is not of the staff any more is dropped, with offers.

        Raises KeyError, TypeError, ValueError or AttributeError, and changes nothing, where it is none.
        """
        state, load = DeskState(staff={name: StaffRecord() for name in self.members}), ShopLoad()
        state.restore(saved, self.members)
        load.restore(saved.get("load"))
        self._state, self._load = state, load

    def number_after(self, number: int) -> None:
        """Give further events higher numbers than `number`, which one of a run before has."""
        self._state.number = max(self._state.number, number)

    def _assign(self, at: int) -> None:
        state = self._state
        standing = {offer.customer: number for number, offer in state.offers.items() if not offer.accepted}
        # Nobody is sent now to who is not seen; an offer that was made stands until it is answered or over.
        unseen = [standing.pop(n) for n in list(standing) if state.people[n].customer.not_now]
        asked = {state.offers[number].seller for number in unseen}
        attended = self.attending
        people = [
            replace(person.customer, waiting_ms=_ms(at - person.since))
            for name, person in state.people.items()
            if name not in attended and not person.served and not person.customer.not_now
        ]
        declined = {(name, seller) for name, person in state.people.items() for seller in person.declined}
        rules = replace(self.rules.assignment, declined=self.rules.assignment.declined | declined)
        sellers = [seller for seller in self._sellers(at) if seller.id not in asked]
        if self.rules.keep_by_load:
            worth = self._load.reserved_from(at, self._on_duty())
            kept = worth is not None and self._places_left() <= len(sellers)
            rules = replace(rules, reserve=int(kept), reserve_minor=rules.reserve_minor or worth or 0)
        held = {name: state.offers[number].seller for name, number in standing.items()}
        found = assign(people, sellers, rules, held, self._money)
        self._kept_free = frozenset(customer for customer, reason in found.waiting if reason == KEPT_FREE)
        wanted = {pairing.customer: pairing for pairing in found.pairings}
        for name, number in standing.items():
            if name not in wanted or wanted[name].seller != held[name]:
                self._end(number, SaleKind.WITHDRAWN, at, reason="a better pairing was found")
        for name, pairing in wanted.items():
            if held.get(name) != pairing.seller:
                number = state.number + 1
                state.offers[number] = OfferRecord(name, pairing.seller, at, reason=pairing.reason)
                self._make(SaleKind.OFFERED, at, name, pairing.seller, number, reason=pairing.reason)

    def _perhaps_told(self, person: PersonRecord) -> bool:
        """Return whether this may be somebody who was escalated, who was served, or of the staff."""
        others = (self._state.people.get(name) for name in person.customer.perhaps)
        return any(other is None or other.escalated or other.served for other in others)

    def _on_duty(self) -> int:
        """Return how many customers can be with somebody at once; at most 1 where one person is alone."""
        there = [name for name, one in self._state.staff.items() if one.state in _ON_DUTY]
        return sum(self.members[name].capacity for name in there) if len(there) > 1 else len(there)

    def _places_left(self) -> int:
        """Return how many more customers those who are free can take: somebody may take two."""
        free = [name for name in self._state.staff if self._shown(name) is StaffState.FREE]
        attending = list(self.attending.values())
        return sum(self.members[name].capacity - attending.count(name) for name in free)

    def _sellers(self, at: int) -> list[Seller]:
        found = []
        for name, record in self._state.staff.items():
            if self._shown(name) is StaffState.FREE:
                member, idle = self.members[name], _ms(at - record.since)
                found.append(Seller(name, member.rank, idle, member.skills, member.zones))
        return found

    def _shown(self, name: str) -> StaffState:
        state = self._state.staff[name].state
        load = sum(offer.accepted and offer.seller == name for offer in self._state.offers.values())
        return StaffState.BUSY if state is StaffState.FREE and load >= self.members[name].capacity else state

    def _set(self, seller: str, state: StaffState, at: int, reason: str) -> None:
        record = self._state.staff[seller]
        record.state, record.since = state, at
        self._make(SaleKind.STAFF, at, None, seller, state=state, reason=reason)
        if state is not StaffState.FREE:
            self._withdraw_from(seller, at, f"{seller} is not free any more")

    def _withdraw_from(self, seller: str, at: int, reason: str) -> None:
        for number, offer in list(self._state.offers.items()):
            if offer.seller == seller and not offer.accepted:
                self._end(number, SaleKind.WITHDRAWN, at, reason=reason)

    def _free_again(self, seller: str, at: int) -> None:
        """Withdraw what waits for an answer of who has just become busy."""
        if self._shown(seller) is not StaffState.FREE:
            self._withdraw_from(seller, at, f"{seller} attends somebody else")

    def _miss(self, seller: str, at: int) -> None:
        record = self._state.staff[seller]
        record.missed += 1
        if record.missed >= self.rules.missed_offers and record.state is StaffState.FREE:
            record.missed = 0
            self._set(seller, StaffState.OFF, at, "does not answer: is the phone lost?")

    def _record(self, seller: str) -> StaffRecord:
        if seller not in self._state.staff:
            raise UnknownSeller(f'nobody of the staff is called "{seller}"')
        return self._state.staff[seller]

    def _find(self, offer: int | None, seller: str) -> OfferRecord:
        self._record(seller)
        found = self._state.offers.get(offer or 0)
        if found is None or found.seller != seller:
            raise BadInput("this offer is over: it went to somebody else, timed out, or the customer left")
        return found

    def _end(self, number: int, kind: SaleKind, at: int, **more: Any) -> None:
        offer = self._state.offers.pop(number)
        if offer.accepted:
            self._state.people[offer.customer].served = True
            self._state.staff[offer.seller].since = at
        self._make(kind, at, offer.customer, offer.seller, number, **more)

    def _make(
        self,
        kind: SaleKind,
        at: int,
        customer: str | None,
        seller: str | None = None,
        offer: int | None = None,
        **more: Any,
    ) -> None:
        self._state.number += 1
        person = self._state.people.get(customer or "")
        worth = person.customer.worth_minor if person else 0
        waited = _ms(at - person.since) if person else 0
        self._made.append(
            SaleEvent(self._state.number, kind, at, customer, seller, offer, worth, waited, **more)
        )

    def _taken(self) -> list[SaleEvent]:
        made, self._made = self._made, []
        return made


def _ms(ns: int) -> int:
    return max(0, ns) // MS
