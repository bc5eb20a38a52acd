"""The state of the sales desk, as it is kept between two steps and stored as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pricing.sales.assignment import WaitingCustomer
from pricing.sales.types import StaffState

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

_SETS = ("needs", "perhaps")
"""Fields of a WaitingCustomer that JSON has no form for."""


@dataclass(slots=True)
class StaffRecord:
    """What a salesperson said last, since when (UTC ns), and how many offers in a row they missed."""

    state: StaffState = StaffState.OFF
    since: int = 0
    missed: int = 0


@dataclass(slots=True)
class PersonRecord:
    """A customer, since when they are known (UTC ns), who declined them, and whether they are done with."""

    customer: WaitingCustomer
    since: int
    declined: list[str] = field(default_factory=list)
    escalated: bool = False
    served: bool = False


@dataclass(slots=True)
class OfferRecord:
    """Who is offered to whom, since when (UTC ns)."""

    customer: str
    seller: str
    at: int
    accepted: bool = False
    reason: str = ""


@dataclass(slots=True)
class DeskState:
    """Salespeople, customers and offers. number: of the last event."""

    number: int = 0
    staff: dict[str, StaffRecord] = field(default_factory=dict)
    people: dict[str, PersonRecord] = field(default_factory=dict)
    offers: dict[int, OfferRecord] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON takes it."""
        people = {}
        for name, person in self.people.items():
            sets = {name: sorted(getattr(person.customer, name)) for name in _SETS}
            customer = asdict(person.customer) | sets
            people[name] = {**asdict(person), "customer": customer}
        return {
            "number": self.number,
            "staff": {
                name: {**asdict(record), "state": record.state.value} for name, record in self.staff.items()
            },
            "people": people,
            "offers": {str(number): asdict(offer) for number, offer in self.offers.items()},
        }

    def restore(self, saved: Mapping[str, Any], members: Container[str]) -> None:
        """Take a snapshot's state. Who is not among the members any more is dropped, with offers.

        So are offers of customers who are not in it.

        What a later version wrote besides is left out: a box may go back to the release before.
        """
        self.number = int(saved["number"])
        for name, record in saved["staff"].items():
            if name in members:
                self.staff[name] = StaffRecord(StaffState(record["state"]), record["since"], record["missed"])
        for name, person in saved["people"].items():
            given = person["customer"]
            sets = {name: frozenset(given.get(name, ())) for name in _SETS}
            customer = WaitingCustomer(**_known_fields(WaitingCustomer, given) | sets)
            converted = {"customer": customer, "declined": list(person["declined"])}
            self.people[name] = PersonRecord(**_known_fields(PersonRecord, person) | converted)
        for number, offer in saved["offers"].items():
            if offer["seller"] in members and offer["customer"] in self.people:
                self.offers[int(number)] = OfferRecord(**_known_fields(OfferRecord, offer))


def _known_fields(kind: type, saved: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in saved.items() if name in names}
