"""The sales desk at one moment, for whoever shows it: immutable, safe to read from any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricing.sales.assignment import WaitingCustomer
    from pricing.sales.types import StaffState


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
