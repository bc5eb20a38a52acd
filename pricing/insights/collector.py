"""Counts the visits of a shop in quarters of an hour. No clock, no I/O."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pricing.insights.cells import CountCell, Counter, Partition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

QUARTER_S: Final = 900
MAX_KEYS: Final = 512
"""Most brands, types or zones that are counted at once; further ones of the day are left out."""
MAX_PLACES: Final = 4096
"""Most places of pictures that are counted at once."""
PLACES_S: Final = 3600
"""Places are given out by the hour: by quarters they would be most of the file."""
GRID: Final = (16, 9)
"""Columns and rows into which a camera's picture is divided for the heat map."""
ATTENDED: Final = ("1min", "2min", "later", "never")
MAX_HELD: Final = 20_000
"""Most visits that are held until enough have come; further ones of the day are left out."""
OUTCOMES: Final = ("sold", "browsing", "left", "unknown")
WORTH_STEPS: Final = (0, 1, 50, 100, 250, 500, 1000, 2500, 5000)
"""The classes of value begin at these, in whole units of the currency; the first is nothing at all."""


@dataclass(frozen=True, slots=True)
class CustomerVisit:
    """One customer, counted when gone. attended_s: from arrival until somebody came; None: nobody did.

    dwell_s: seconds in each zone. places: where this person stood or walked, as `place_of` names them.
    """

    worth_minor: int
    attended_s: float | None = None
    brands: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    dwell_s: Mapping[str, float] = field(default_factory=dict)
    places: frozenset[str] = frozenset()


def place_of(camera: str, box: tuple[float, float, float, float]) -> str:
    """Return the part of a camera's picture in which the feet of a person are.

    box: left, top, width, height as fractions of the picture.

    >>> place_of("door", (0.4, 0.2, 0.2, 0.5))
    'door/8/6'
    """
    columns, rows = GRID
    x, y = box[0] + box[2] / 2, box[1] + box[3]
    column, row = int(x * columns), int(y * rows)
    return f"{camera}/{min(max(column, 0), columns - 1)}/{min(max(row, 0), rows - 1)}"


def worth_class(minor: int, per_unit: int) -> str:
    """Return the class of a value.

    >>> worth_class(129_000, 100), worth_class(0, 100)
    ('1000', '0')
    """
    units = minor / per_unit
    return str(WORTH_STEPS[0 if minor <= 0 else max(1, bisect_right(WORTH_STEPS, units) - 1)])


class Collector:
    """Counts until a quarter is closed. One thread.

    A visit passes three stages. First the visitors are counted; a quarter that may be given out hands its
    visits on. Then their value is summed; a sum that may be given out hands them on. Last come all other
    measures. So what any two measures differ by is a group that could be given out itself: nobody is found
    by subtraction. What is held when the day ends is forgotten. Ends of attendances pass in the same way.

    least: no cell is about fewer people. start: of the first quarter, UTC s. per_unit: minor units in one of
    the currency.
    """

    def __init__(self, least: int, start: int, *, per_unit: int) -> None:
        self._least, self._per_unit = least, per_unit
        self._begin_day(start)

    def _begin_day(self, start: int) -> None:
        least = self._least
        self._all = Counter("visitors", "", least, start)
        self._value = Counter("value", "", least, start, with_total=True)
        self._attended = Partition("attended", ATTENDED, least, start, with_total=True)
        self._worth = Partition("worth", [str(step) for step in WORTH_STEPS], least, start)
        self._wait = Counter("wait", "", least, start, with_total=True)
        self._keyed: dict[tuple[str, str], Counter] = {}
        self._service = Counter("service", "", least, start, with_total=True)
        self._outcome = Partition("outcome", OUTCOMES, least, start)
        self._sold = Counter("sold", "", least, start, with_total=True)
        self._come: list[CustomerVisit] = []
        self._counted: list[CustomerVisit] = []
        self._valued_until = self._served_until = start
        self._ended: list[tuple[str, int | None]] = []

    def visit(self, visit: CustomerVisit) -> None:
        """Count a customer who has left."""
        if len(self._come) + len(self._counted) < MAX_HELD:
            self._all.add()
            self._come.append(visit)

    def done(self, outcome: str, service_s: float, sold_minor: int | None) -> None:
        """Count how attending a customer ended."""
        if len(self._ended) < MAX_HELD:
            self._service.add(round(service_s))
            self._ended.append((outcome, sold_minor))

    def set_back(self, start: int) -> None:
        """Go on from an earlier time: else cells would begin after their end."""
        self._valued_until = min(self._valued_until, start)
        self._served_until = min(self._served_until, start)
        counters = (self._all, self._value, self._wait, self._service, self._sold, *self._keyed.values())
        for counter in counters:
            counter.start = min(counter.start, start)
        for partition in (self._attended, self._worth, self._outcome):
            partition.start = min(partition.start, start)

    def close(self, end: int, *, last: bool = False) -> list[CountCell]:
        """End a quarter; return what may be kept of it. last: of the day."""
        cells = list(self._all.close(end))
        if cells:
            for visit in self._come:
                self._value.add(max(0, visit.worth_minor))
            self._counted, self._come = [*self._counted, *self._come], []
            if given := list(self._value.close(end)):
                cells += given
                self._pass_on(self._counted)
                self._counted, self._valued_until = [], end
        if ended := list(self._service.close(end)):
            cells += ended
            for outcome, sold_minor in self._ended:
                self._outcome.add(outcome)
                _count(self._sold, has=sold_minor is not None, amount=sold_minor or 0)
            self._ended, self._served_until = [], end
        if last or self._valued_until == end:
            until = self._valued_until
            cells += [*self._attended.close(until, last=last), *self._worth.close(until, last=last)]
            due = last or end % PLACES_S == 0
            keyed = (one for one in self._keyed.values() if due or one.measure != "place")
            for counter in (self._wait, *keyed):
                cells += counter.close(until)
        if last or self._served_until == end:
            cells += self._outcome.close(self._served_until, last=last)
            cells += self._sold.close(self._served_until)
        if last:
            self._begin_day(end)
        return cells

    def _room(self, *, place: bool) -> bool:
        """Return whether one more key may be counted."""
        places = sum(measure == "place" for measure, _ in self._keyed)
        return places < MAX_PLACES if place else len(self._keyed) - places < MAX_KEYS

    def _pass_on(self, visits: Sequence[CustomerVisit]) -> None:
        """Count visits in all the measures behind the value."""
        for before, visit in enumerate(visits):
            self._worth.add(worth_class(visit.worth_minor, self._per_unit))
            self._attended.add(_attended(visit.attended_s), max(0, visit.worth_minor))
            _count(self._wait, has=visit.attended_s is not None, amount=round(visit.attended_s or 0))
            found = {("brand", key): 0.0 for key in visit.brands} | {
                ("type", key): 0.0 for key in visit.types
            }
            found |= {("zone", key): seconds for key, seconds in visit.dwell_s.items()}
            found |= {("place", key): 0.0 for key in visit.places}
            for name in found:
                measure, key = name
                if name not in self._keyed and self._room(place=measure == "place"):
                    self._keyed[name] = Counter(
                        measure, key, self._least, self._valued_until, measure == "zone", others=before
                    )
            for name, counter in self._keyed.items():
                _count(counter, has=name in found, amount=round(found.get(name, 0)))


def _count(counter: Counter, *, has: bool, amount: int) -> None:
    if has:
        counter.add(amount)
    else:
        counter.skip()


def _attended(after_s: float | None) -> str:
    if after_s is None:
        return "never"
    return "1min" if after_s <= 60 else "2min" if after_s <= 120 else "later"
