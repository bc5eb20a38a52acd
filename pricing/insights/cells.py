"""Counts and sums that are given out only once they are about enough people. No clock, no I/O.

A cell, once given out, never changes, so two readings tell nothing about who came between them. Every cell
is about at least `least` people, and so are those whom it leaves out; a sum of which one person is most is
held back. `pricing.insights.collector` sees to it that no difference between two measures tells more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LARGEST_SHARE = 0.5
"""A sum is given out where its largest part is no more than this: else it would tell that person's."""


@dataclass(frozen=True, slots=True)
class CountCell:
    """A count of people, and a sum over them, from start until end, UTC s.

    key: the class, such as a brand; merged classes are joined with "+". total: None where there is none, or
    where it would tell of one person.
    """

    measure: str
    key: str
    start: int
    end: int
    count: int
    total: int | None = None


@dataclass(slots=True)
class _Sum:
    """A count with a sum and its largest part."""

    count: int = 0
    total: int = 0
    largest: int = 0

    def add(self, amount: int) -> None:
        self.count += 1
        self.total += amount
        self.largest = max(self.largest, amount)

    def merge(self, other: _Sum) -> None:
        self.count += other.count
        self.total += other.total
        self.largest = max(self.largest, other.largest)

    @property
    def dominated(self) -> bool:
        return self.largest > LARGEST_SHARE * self.total  # not where all is nothing


@dataclass(slots=True)
class Counter:
    """People who have something, beside those who have not. with_total: whether amounts matter.

    >>> counter = Counter("brand", "gucci", least=2, start=0)
    >>> counter.add(); counter.add(); counter.skip()
    >>> list(counter.close(900))  # the one without it would be told too
    []
    >>> counter.skip()
    >>> [(cell.count, cell.end) for cell in counter.close(1800)]
    [(2, 1800)]
    """

    measure: str
    key: str
    least: int
    start: int
    with_total: bool = False
    others: int = 0
    _sum: _Sum = field(default_factory=_Sum)

    def add(self, amount: int = 0) -> None:
        """Count somebody."""
        self._sum.add(amount)

    def skip(self) -> None:
        """Count somebody who has it not."""
        self.others += 1

    def close(self, end: int) -> Iterator[CountCell]:
        """Yield the cell up to `end` where it may be given out; else all go on being counted."""
        if self._sum.count < self.least or 0 < self.others < self.least:
            return
        if self.with_total and self._sum.dominated:
            return
        total = self._sum.total if self.with_total else None
        yield CountCell(self.measure, self.key, self.start, end, self._sum.count, total)
        self.start, self.others, self._sum = end, 0, _Sum()


class Partition:
    """People of whom each is in one class. All classes are given out at once, none with a few people.

    classes: in an order in which neighbours may be merged. with_total: whether amounts matter. Who adds only
    groups that may be given out as a whole (see Collector) gets everything out at the end of the day.

    >>> waits = Partition("attended", ("soon", "late", "never"), least=2, start=0)
    >>> for name in ("soon", "soon", "late", "never", "never"):
    ...     waits.add(name)
    >>> list(waits.close(900))
    []
    >>> [(cell.key, cell.count) for cell in waits.close(1800, last=True)]
    [('soon', 2), ('late+never', 3)]
    """

    def __init__(
        self, measure: str, classes: Sequence[str], least: int, start: int, *, with_total: bool = False
    ) -> None:
        self._measure, self._classes, self._least = measure, classes, least
        self._with_total = with_total
        self.start = start
        self._sums = {name: _Sum() for name in classes}

    def add(self, name: str, amount: int = 0) -> None:
        """Count somebody."""
        self._sums[name].add(amount)

    def close(self, end: int, *, last: bool = False) -> list[CountCell]:
        """Return the cells up to `end`, where they may be given out. last: neighbours are merged for that."""
        groups = [(name, one) for name, one in self._sums.items() if one.count]
        while last and len(groups) > 1 and (bad := self._first_bad(groups)) is not None:
            left = min(bad, len(groups) - 2)
            (before, one), (after, other) = groups[left : left + 2]
            one.merge(other)
            groups[left : left + 2] = [(f"{before}+{after}", one)]
        if not groups or self._first_bad(groups) is not None:
            return []
        start, self.start = self.start, end
        self._sums = {name: _Sum() for name in self._classes}
        return [
            CountCell(self._measure, key, start, end, one.count, one.total if self._with_total else None)
            for key, one in groups
        ]

    def _first_bad(self, groups: Sequence[tuple[str, _Sum]]) -> int | None:
        """Return the place of a class of a few people, or of whose sum one person is most."""
        for place, (_, one) in enumerate(groups):
            if one.count < self._least or (self._with_total and one.dominated):
                return place
        return None
