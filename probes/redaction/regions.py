"""Regions to cover, and why."""

from __future__ import annotations

from enum import Enum
from math import ceil
from typing import NamedTuple

from probes.frame import Box

WASTE, MAX_PARTS = 0.25, 8
"""Share of a head that may be covered for nothing beside a slanted way; most boxes that one is covered by."""

MOST_STRIPS = 40
"""So many boxes at most make a wide region."""


class By(str, Enum):
    """Why a region is masked."""

    DETECTOR = "detector"
    HOLD = "hold"
    HEAD_ESTIMATE = "head_estimate"


class Mask(NamedTuple):
    """A region to cover, px of the frame; it may reach over the frame's edge."""

    box: Box
    by: By

    def parts(self) -> tuple[Box, ...]:
        """Return boxes that are enough to cover instead of the whole."""
        return (self.box,)


class PartMask(Mask):
    """One of several boxes that cover all places where one head may be."""


class WayMask(Mask):
    """A region in which a head may be anywhere on a straight way; the corners beside it are not needed."""

    way: tuple[Box, Box]

    def __new__(cls, box: Box, by: By, way: tuple[Box, Box]) -> WayMask:
        """way: its first and last place, of one size; box: what holds both."""
        mask = super().__new__(cls, box, by)
        mask.way = way
        return mask

    def __getnewargs__(self) -> tuple[Box, By, tuple[Box, Box]]:
        """Return what a copy is made of."""
        return self.box, self.by, self.way

    def parts(self) -> tuple[Box, ...]:
        """Return boxes that together hold every place on the way.

        >>> here, there = Box(0, 0, 10, 10), Box(40, 40, 10, 10)
        >>> len(WayMask(Box(0, 0, 50, 50), By.HOLD, (here, there)).parts())
        8
        """
        (x, y, w, h), (to_x, to_y, _, _) = self.way
        dx, dy = to_x - x, to_y - y
        beside, enough = abs(dx * dy), WASTE * w * h
        if not beside > enough:
            return (self.box,)
        count = MAX_PARTS if beside >= MAX_PARTS * enough else ceil(beside / enough)
        wide, high = w + abs(dx) / count, h + abs(dy) / count
        left, top = min(x, to_x), min(y, to_y)
        steps = [(n, n if dx * dy > 0 else count - 1 - n) for n in range(count)]
        return tuple(Box(left + abs(dx) * n / count, top + abs(dy) * m / count, wide, high) for n, m in steps)


class WideMask(Mask):
    """A region in which a head may be anywhere."""

    head: Box

    def __new__(cls, box: Box, by: By, head: Box) -> WideMask:
        """head: a box as large as it is."""
        mask = super().__new__(cls, box, by)
        mask.head = head
        return mask

    def __getnewargs__(self) -> tuple[Box, By, Box]:
        """Return what a copy is made of."""
        return self.box, self.by, self.head

    def parts(self) -> tuple[Box, ...]:
        """Return boxes, side by side, twice as wide as the head: it lies wholly in one of them.

        So what changes elsewhere in the region tells nothing of where it is.

        >>> [part.x for part in WideMask(Box(0, 0, 50, 20), By.HOLD, Box(0, 0, 10, 10)).parts()]
        [0, 10, 20, 30]
        """
        x, y, w, h = self.box
        step = max(self.head.w, self.head.h, w / MOST_STRIPS)
        count = max(1, ceil(w / step) - 1)
        return tuple(Box(x + n * step, y, min(2 * step, w - n * step), h) for n in range(count))


class LostMask(Mask):
    """A region in which a head may be that is not seen any more.

    Where the pictures are read, what has not changed of it since then is left out: there it cannot have gone.
    """

    mask: Mask
    place: Box
    since: int

    def __new__(cls, mask: Mask, place: Box, since: int) -> LostMask:
        """mask: the whole region. place: where the head was seen, with its margin; since: when, UTC ns."""
        lost = super().__new__(cls, *mask)
        lost.mask, lost.place, lost.since = mask, place, since
        return lost

    def __getnewargs__(self) -> tuple[Mask, Box, int]:
        """Return what a copy is made of."""
        return self.mask, self.place, self.since

    def parts(self) -> tuple[Box, ...]:
        """Return boxes that are enough to cover where nothing is known of the pixels."""
        return self.mask.parts()
