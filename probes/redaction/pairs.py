"""Finds boxes near a place, and pairs boxes one to one, the best pair first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from probes.frame import Box

Rank = TypeVar("Rank")
SLACK = 1e-9
"""Share of a distance that rounding may take: who asks for what is about a place looks closer anyway."""


class PairRow:
    """Boxes sorted from left to right, for fast search. largest: the longest side of any."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self._order = sorted([(box.x + box.w / 2, number) for number, box in enumerate(boxes)])
        self._middles = [middle for middle, _ in self._order]
        self.widest = max([box.w for box in boxes], default=0.0)
        self.largest = max([box.h for box in boxes], default=0.0)
        self.largest = max(self.largest, self.widest)

    def between(self, left: float, right: float) -> list[int]:
        """Return the numbers of the boxes whose middle lies there, both ends included."""
        first, end = bisect_left(self._middles, left), bisect_right(self._middles, right)
        return [number for _, number in self._order[first:end]]

    def about(self, middle: float, reach: float) -> list[int]:
        """Return the numbers of all boxes whose middle is that near, and maybe of a few others."""
        far = reach + SLACK * (abs(middle) + reach)
        return self.between(middle - far, middle + far)


def one_each(pairs: Iterable[tuple[Rank, int, int]]) -> Iterator[tuple[Rank, int, int]]:
    """Yield those of (rank, left, right) whose two sides are both new; the order of the input decides."""
    lefts: set[int] = set()
    rights: set[int] = set()
    for pair in pairs:
        _, left, right = pair
        if left not in lefts and right not in rights:
            lefts.add(left)
            rights.add(right)
            yield pair
