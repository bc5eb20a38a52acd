"""What engines/found_twice.py says of tracks, worked out pair by pair: slow, and plain to read."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from engines.found_twice import AS_TALL, CLOSE, FORGET_NS, HEAD, RELEASED, WAIT_NS, WITHIN, shares

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]


class PlainTrackedTwice:
    """Tells which tracks are, or may be, another's person; see TrackedTwice."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._away: dict[frozenset[int], int] = {}
        self._owner: dict[int, int] = {}

    def update(
        self, numbers: Sequence[int], boxes: Floats, faces: Floats, at: int, *, named: Collection[int]
    ) -> dict[int, int]:
        gone = {number for number, last in self._last.items() if at - last > FORGET_NS}
        self._last = {n: last for n, last in self._last.items() if n not in gone} | dict.fromkeys(numbers, at)
        self._first = dict.fromkeys(numbers, at) | {n: t for n, t in self._first.items() if n not in gone}
        self._away = {pair: away for pair, away in self._away.items() if not pair & gone}
        self._owner = {n: o for n, o in self._owner.items() if n not in gone and n not in named}
        box = dict(zip(numbers, boxes, strict=True))
        order = sorted(numbers, key=lambda n: (n not in named, self._first[n], n))
        pairs = [(older, newer) for older, newer in combinations(order, 2)]
        pairs.sort(key=lambda pair: (order.index(pair[1]), order.index(pair[0])))
        pairs = [pair for pair in pairs if not self._are_apart(*pair)]
        parted = []
        for older, newer in pairs:
            key = frozenset((older, newer))
            share, own = _share(box[older], box[newer]), _faces(box[older], box[newer], faces)
            if share < CLOSE:
                self._away[key] = self._away.get(key, RELEASED - 1) + 1
            else:
                has_each = len(own[0] | own[1]) > 1 and bool(own[0]) and bool(own[1])
                self._away[key] = self._away.get(key, 0) + 1 if has_each and share < WITHIN else 0
            if self._are_apart(older, newer):
                parted.append((older, newer))
        for newer in order:
            owner = self._owner.get(newer)
            group = [n for n in order[: order.index(newer)] if self._owner.get(n, n) == owner]
            if any((n, newer) in parted for n in group) and all(self._are_apart(n, newer) for n in group):
                del self._owner[newer]
        waiting = {}
        for older, newer in pairs:
            if self._are_apart(older, newer):
                continue
            share, own = _share(box[older], box[newer]), _faces(box[older], box[newer], faces)
            is_close = share >= CLOSE and _is_as_tall(box[older], box[newer])
            owner = self._owner.get(older, older)
            has_one = own[0] == own[1] and len(own[0]) == 1
            if (
                is_close
                and (share >= WITHIN or has_one)
                and newer not in self._owner
                and newer not in named
                and not self._are_apart(owner, newer)
            ):
                self._owner = {n: owner if o == newer else o for n, o in self._owner.items()}
                self._owner[newer] = owner
            is_young = newer not in named and at - self._first[newer] < WAIT_NS
            if is_young and (is_close or self._away[frozenset((older, newer))]):
                waiting[newer] = older
        return waiting | self._owner

    def _are_apart(self, one: int, other: int) -> bool:
        return self._away.get(frozenset((one, other)), 0) >= RELEASED


def _share(one: Floats, other: Floats) -> float:
    return float(shares(one[None], other[None])[0, 0])


def _is_as_tall(one: Floats, other: Floats) -> bool:
    heights = sorted((one[3] - one[1], other[3] - other[1]))
    return bool(heights[0] >= AS_TALL * heights[1])


def _faces(one: Floats, other: Floats, faces: Floats) -> tuple[set[int], set[int]]:
    """Return which faces lie where each of two persons has theirs."""
    middles = [((x1 + x2) / 2, (y1 + y2) / 2) for x1, y1, x2, y2 in faces.tolist()]

    def of(box: Floats) -> set[int]:
        x1, y1, x2, y2 = box.tolist()
        low = y1 + HEAD * (y2 - y1)
        return {n for n, (x, y) in enumerate(middles) if x1 <= x <= x2 and y1 <= y <= low}

    return of(one), of(other)
