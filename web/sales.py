"""Staff, offers and waiting customers as the API writes them (web/openapi.yaml)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pricing.money import display, exponent
from probes.events.events import item as item_payload
from probes.events.messages import rfc3339
from web.views import worn

if TYPE_CHECKING:
    from pipelines.floor.view import PersonView
    from pipelines.sales.floor_desk import FloorDesk
    from pricing.sales.assignment import WaitingCustomer
    from pricing.sales.view import OfferView, StaffView, WaitingView
    from web.backend import Backend

Payload = dict[str, Any]


class DeskWriter:
    """Writes the desk of a running store for one page."""

    def __init__(self, backend: Backend, desk: FloorDesk) -> None:
        self._backend, self._desk = backend, desk
        store = backend.settings.store
        self._currency, self._locale = store.currency, store.locale
        self._board = desk.board

    def phone(self, seller: str) -> Payload:
        """Write what one salesperson sees."""
        view = self._board.desk
        me = next((one for one in view.staff if one.name == seller), None)
        return self._money() | {
            "me": None if me is None else self._staff(me),
            "offers": [self._offer(offer) for offer in view.of(seller)],
        }

    def manager(self) -> Payload:
        """Write what the manager sees."""
        view = self._board.desk
        unattended = sum(self._value(one.customer) for one in view.waiting)
        return self._money() | {
            "staff": [self._staff(one) | self._phones(one.name) for one in view.staff],
            "offers": [self._offer(offer) for offer in view.offers],
            "waiting": [self._waiting(one) for one in view.waiting],
            "unattended": self._amount(unattended),
        }

    def _phones(self, name: str) -> Payload:
        staff, phones = self._backend.settings.staff, self._desk.phones
        person = staff.people.get(name) if staff is not None else None
        pin = (
            "page"
            if phones.pin(name)
            else "file"
            if person is not None and person.pin is not None
            else "none"
        )
        return {
            "languages": list(person.languages) if person is not None else [],
            "phones": phones.count(name),
            "signed_in": phones.signed_in(name),
            "pin": pin,
        }

    def _money(self) -> Payload:
        return {"currency": self._currency, "digits": exponent(self._currency)}

    def _amount(self, minor: int) -> Payload:
        return {"amount_minor": minor, "text": display(minor, self._currency, self._locale)}

    def _staff(self, one: StaffView) -> Payload:
        return {
            "name": one.name,
            "state": one.state.value,
            "said": one.said.value,
            "since": rfc3339(self._desk.utc(one.since)) if one.since else None,
            "attending": one.attending,
            "capacity": one.capacity,
        }

    def _offer(self, offer: OfferView) -> Payload:
        return self._customer(offer.customer) | {
            "offer": offer.number,
            "seller": offer.seller,
            "accepted": offer.accepted,
            "at": rfc3339(self._desk.utc(offer.at)),
            "expires_at": rfc3339(self._desk.utc(offer.expires_at)),
            "waiting_since": rfc3339(self._desk.utc(offer.since)),
            "knows": list(offer.knows),
            "in_zone": offer.in_zone,
            "reason": offer.reason,
        }

    def _waiting(self, one: WaitingView) -> Payload:
        return self._customer(one.customer) | {
            "waiting_since": rfc3339(self._desk.utc(one.since)),
            "offered_to": one.offered_to,
            "escalated": one.escalated,
            "kept": one.kept,
            "not_now": one.customer.not_now,
        }

    def _customer(self, customer: WaitingCustomer) -> Payload:
        person = self._board.persons.get(customer.id)
        items = (
            []
            if person is None
            else [worn(item_payload(one), self._currency, self._backend) for one in person.items]
        )
        return {
            "customer": customer.id,
            "value": self._amount(self._value(customer)),
            "items": items,
            "zone": customer.zone,
            "camera": person and person.camera,
            "person": person and person.track,
            "visible": bool(person and person.visible and self._now(person)),
        }

    def _now(self, person: PersonView) -> bool:
        """Return whether the person is on the floor still; who is attended is kept after that."""
        return any(one.number == person.number for one in self._backend.floor.snapshot().persons)

    def _value(self, customer: WaitingCustomer) -> int:
        person = self._board.persons.get(customer.id)
        return customer.worth_minor if person is None else person.total.amount_minor
