"""The sales desk at one moment, for whoever shows it: immutable, safe to read from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pricing.sales.assignment import WaitingCustomer
    from pricing.sales.desk_state import DeskState, OfferRecord
    from pricing.sales.types import StaffMember, StaffState


@dataclass(frozen=True, slots=True)
class StaffView:
    """A salesperson. state: as shown; busy too while attending as many as they can. said: what they said."""

    name: str
    state: StaffState
    said: StaffState
    since: int
    attending: int
    capacity: int


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer that waits for an answer, or is accepted. at, expires_at: the desk's clock, ns.

    since: when the customer was first seen. knows, in_zone: what of the salesperson suits the customer.
    reason: one line, as in messages.
    """

    number: int
    seller: str
    customer: WaitingCustomer
    accepted: bool
    at: int
    expires_at: int
    since: int
    knows: tuple[str, ...]
    in_zone: bool
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A customer whom nobody attends. offered_to: who is asked now. escalated: the manager was told.

    kept: somebody is free, and kept for more valuable customers.
    """

    customer: WaitingCustomer
    since: int
    offered_to: str | None
    escalated: bool
    kept: bool = False


@dataclass(frozen=True, slots=True)
class DeskView:
    """Staff in the order of the store file, offers in the order made, the most valuable customer first."""

    at: int = 0
    staff: tuple[StaffView, ...] = ()
    offers: tuple[OfferView, ...] = ()
    waiting: tuple[WaitingView, ...] = ()

    def of(self, seller: str) -> tuple[OfferView, ...]:
        """Return one salesperson's offers."""
        return tuple(offer for offer in self.offers if offer.seller == seller)


def build_view(
    state: DeskState,
    members: Mapping[str, StaffMember],
    *,
    at: int,
    shown: Mapping[str, StaffState],
    accept_within_ns: int,
    kept_free: Collection[str],
) -> DeskView:
    """Return the view of a desk's state. shown: salesperson -> state; who attends all they can is busy.

    kept_free: customers who wait though somebody is free, who is kept for more valuable ones.
    """
    offered_to = {offer.customer: offer.seller for offer in state.offers.values() if not offer.accepted}
    attended = {offer.customer: offer.seller for offer in state.offers.values() if offer.accepted}
    attending = list(attended.values())
    staff = (
        StaffView(
            name, shown[name], record.state, record.since, attending.count(name), members[name].capacity
        )
        for name, record in state.staff.items()
    )
    waiting = [
        WaitingView(person.customer, person.since, offered_to.get(name), person.escalated, name in kept_free)
        for name, person in state.people.items()
        if name not in attended and not person.served
    ]
    waiting.sort(key=lambda one: (-one.customer.worth_minor, one.since, one.customer.id))
    offers = (
        _view_of(number, offer, state, members, accept_within_ns)
        for number, offer in sorted(state.offers.items())
    )
    return DeskView(at, tuple(staff), tuple(offers), tuple(waiting))


def _view_of(
    number: int,
    offer: OfferRecord,
    state: DeskState,
    members: Mapping[str, StaffMember],
    accept_within_ns: int,
) -> OfferView:
    person, member = state.people[offer.customer], members[offer.seller]
    customer = person.customer
    return OfferView(
        number,
        offer.seller,
        customer,
        offer.accepted,
        offer.at,
        offer.at + accept_within_ns,
        person.since,
        tuple(sorted(member.skills & customer.needs)),
        customer.zone is not None and customer.zone in member.zones,
        offer.reason,
    )
