"""Where customers were last, and who may be one of them: after a camera's pause, and over a restart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pricing.sales.assignment import UNSEEN
from probes.people.returns import APPEAR_NS, HELD_NS, LOST_NS, SECOND, STOOD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pipelines.floor.view import PersonView
    from pipelines.sales.file import SaleFile
    from pricing.sales.assignment import WaitingCustomer

Box = tuple[float, float, float, float]

SHAPE = 9 / 16
"""Height of a picture to its width, near enough to compare places."""
STAYED_NS = 120 * SECOND
"""Longest time between two runs for which the place tells who somebody is: nothing else outlives them."""
BACK_NS = 30 * SECOND
"""Who comes into view later than this after the start was not there before: cameras are back by then."""
NEW_NS = 10 * SECOND
"""So long after they came into view the place where somebody stands is the one where they were found."""
WRITE_NS = 5 * SECOND
"""Places are written so often where only they changed."""


class SeenLast(Protocol):
    """Where somebody was seen last."""

    @property
    def camera(self) -> str:
        """The camera that saw them."""

    @property
    def box(self) -> Box:
        """Left, top, width, height as fractions of the picture."""

    @property
    def seen_at(self) -> int:
        """When that was, UTC ns."""

    @property
    def held(self) -> bool:
        """Whether they are not seen, and may be there still."""


@dataclass(frozen=True, slots=True)
class LastPlace:
    """Where a customer was when the box was stopped, and whether somebody has served them. See `SeenLast`."""

    camera: str
    box: Box
    seen_at: int
    served: bool
    held: bool = True


def may_be(lost: SeenLast, new: PersonView) -> bool:
    """Return whether somebody in view may turn out to be another one whom their camera does not see now."""
    return lost.held and not new.held and came_after(lost, new)


def came_after(lost: SeenLast, new: PersonView) -> bool:
    """Return whether somebody came into view of the same camera after another one was lost, and soon."""
    return new.camera == lost.camera and 0 < new.arrived_at - lost.seen_at <= HELD_NS + APPEAR_NS


def stands_there(lost: SeenLast, new: PersonView) -> bool:
    """Return whether somebody came into view after another one was lost, and stands where that one stood."""
    return came_after(lost, new) and _body_heights_between(lost, new) <= STOOD


def _body_heights_between(lost: SeenLast, new: PersonView) -> float:
    tall = max(lost.box[3], new.box[3])
    across = abs(new.box[0] + new.box[2] / 2 - lost.box[0] - lost.box[2] / 2) / SHAPE
    down = abs(new.box[1] + new.box[3] - lost.box[1] - lost.box[3])
    return max(across, down) / tall if tall > 0 else float("inf")


class FormerCustomers:
    """Customers of the run before: held until they are found again, or the cameras have long been back.

    Whoever stands where one of them stood goes on as that customer. The others are not seen for now, as with
    a camera that was lost. customers: of the desk as it was stored. served: those of them who were served.
    at: now, by the store's clock; utc: what that clock tells as UTC. A place of which the clock does not
    tell how long ago it was is not used.
    """

    def __init__(
        self,
        places: Mapping[str, LastPlace],
        customers: Mapping[str, WaitingCustomer],
        served: Iterable[str],
        *,
        at: int,
        utc: Callable[[int], int],
    ) -> None:
        self._utc, self._customers, found = utc, dict(customers), set(served)
        self._places: dict[str, LastPlace] = {}
        for name, place in places.items():
            age = utc(at) - place.seen_at
            one = replace(place, seen_at=at - age, served=place.served or name in found)
            if 0 <= age <= HELD_NS and (one.served or name in customers):
                self._places[name] = one
        self._back: int | None = None
        self._names: dict[int, str] = {}
        self._found_at: dict[str, int] = {}
        self.served: frozenset[str] = frozenset()

    def name(self, number: int) -> str | None:
        """Return as which customer a person goes on."""
        return self._names.get(number)

    def find(self, persons: Iterable[PersonView], at: int) -> list[tuple[str, PersonView]]:
        """Return who of those in view is which customer, the first time that is known.

        The first call is the return of the cameras.
        """
        if self._back is None:
            self._back = at
        back = self._utc(self._back)
        seen = (one for one in persons if one.customer and not one.held)  # who attends stands there too
        new = [one for one in seen if one.arrived_at - back <= BACK_NS]
        self.forget(at)
        pairs = sorted(
            (_body_heights_between(place, person), name, person.number)
            for name, place in self.places().items()
            for person in new
            if _is_same(place, person)
        )
        by_number, found = {person.number: person for person in new}, []
        for _, name, number in pairs:
            if name in self._places and number not in self._names:
                if self._places.pop(name).served:
                    self.served |= {name}
                self._names[number], self._found_at[name] = name, at
                found.append((name, by_number[number]))
        return found

    def forget(self, at: int) -> None:
        """Hold nobody longer than people are held, whether a camera came back or none did."""
        self._places = {name: one for name, one in self._places.items() if not self._is_over(one, at)}

    def places(self) -> dict[str, LastPlace]:
        """Return where those were who are held, served ones too; times as a person's in view."""
        return {name: replace(one, seen_at=self._utc(one.seen_at)) for name, one in self._places.items()}

    def unseen(self) -> Iterator[WaitingCustomer]:
        """Yield those who are held and were not served."""
        for name, place in self._places.items():
            if not place.served:
                yield replace(self._customers[name], not_now=UNSEEN, perhaps=frozenset())

    def perhaps(self, person: PersonView) -> frozenset[str]:
        """Return of whom it is not known yet whether somebody in view is them."""
        return frozenset(name for name, place in self.places().items() if may_be(place, person))

    def with_past(self, customer: WaitingCustomer, at: int) -> WaitingCustomer:
        """Return a customer who goes on, worth what they were until there was time to look at them again."""
        past = self._customers.get(customer.id)
        if past is None or not 0 <= at - self._found_at.get(customer.id, at - LOST_NS) < LOST_NS:
            return customer
        worth = max(customer.worth_minor, past.worth_minor)
        return replace(customer, worth_minor=worth, needs=customer.needs | past.needs)

    def _is_over(self, place: LastPlace, at: int) -> bool:
        back = at if self._back is None else self._back
        return at - place.seen_at > HELD_NS or at - back > LOST_NS


def _is_same(place: SeenLast, person: PersonView) -> bool:
    soon = person.arrived_at - place.seen_at <= STAYED_NS
    return soon and person.seen_at - person.arrived_at <= NEW_NS and stands_there(place, person)


class LastPlaces:
    """Tells when the places in the file are to be written. stored: those that are there."""

    def __init__(self, file: SaleFile) -> None:
        self.stored: Mapping[str, LastPlace] = file.load_places()
        self._written_at = 0

    def due(self, places: Mapping[str, LastPlace], at: int) -> bool:
        """Return whether to write: at once where somebody came, left or was served. at: ns."""
        if places == self.stored:
            return False
        served = {name: one.served for name, one in places.items()}
        alike = served == {name: one.served for name, one in self.stored.items()}
        return not alike or not 0 <= at - self._written_at < WRITE_NS

    def written(self, places: Mapping[str, LastPlace], at: int) -> None:
        """Take what the file has now."""
        self.stored, self._written_at = places, at
