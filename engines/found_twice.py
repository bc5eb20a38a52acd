"""One person found twice: as a whole, and again as another box that non-maximum suppression leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]
    Corners = Sequence[tuple[float, float, float, float]] | Floats
    """Boxes, x1 y1 x2 y2 each."""
    Flags = npt.NDArray[np.bool_]

WITHIN, AS_TALL = 0.9, 0.85
"""Share of a box in another's, and of its height, from which both are one person. Of 136 pairs of people who
overlap on photographs of COCO val2017, as labelled, none is so alike that suppression would not take one.
"""
AS_WIDE, AT_TOP = 0.75, 0.05
"""From which share of another's width, and up to which share of its height below its upper edge, a box within
it is the upper part of that person. Of 70 pairs of people who overlap on those photographs none is so alike:
where one lies within the other, it is 0.64 as wide at most.
"""
CLOSE = 0.65
"""Share from which two boxes of a film may be one person."""
HEAD = 0.35
"""Part of a person's box, from the top, in which the face is looked for."""
WAIT_NS = 1_000_000_000
"""So long a track that comes up close to another is not counted yet: it may be the same person."""
RELEASED = 3
"""Frames in a row in which two boxes of what was one person must be apart, or have a face each, to be two:
single boxes jump."""
NEVER_MET = -1
_ARE_TWO = bytes([RELEASED])
_ARE_TWO_OR_NEVER_MET = bytes([RELEASED, NEVER_MET & 0xFF])
"""What matrices of `_away` consist of where no two tracks are in doubt."""
FORGET_NS = 5_000_000_000
FEW = 8
"""So many boxes are compared sooner by Python than by NumPy."""
SURELY = CLOSE - 0.01
LEAST_ROOM = 16


def found_twice(boxes: Floats, scores: Floats) -> npt.NDArray[np.bool_]:
    """Return which persons, (N, 4) x1 y1 x2 y2, are another one's box again.

    Of two as tall the surer one stays, of a person and its upper part the person.

    >>> whole, again, beside = [0, 0, 100, 300], [20, 10, 70, 295], [60, 0, 160, 300]
    >>> found_twice(np.array([whole, again, beside], float), np.array([0.8, 0.5, 0.6])).tolist()
    [False, True, False]
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.bool_)
    place = np.empty(len(boxes), np.intp)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(boxes))
    inside, as_tall = shares(boxes, boxes) >= WITHIN, _alike(boxes[:, 3] - boxes[:, 1], AS_TALL)
    again = inside & as_tall & (place[None] < place[:, None])
    return np.asarray((again | (inside & ~as_tall & _is_upper_part(boxes))).any(axis=1))


class TrackedTwice:
    """Tells which tracks of one camera follow a person whom another track follows already.

    Two tracks are one person where a box lies within the other as `found_twice` says, or where both have the
    one face that there is; until they are apart, or have a face each. Tracks that were apart once are two
    people for good, however close they stand later, and who was named once is nobody else's box any more.
    """

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._oldest = self._newest = 0
        """No track was seen last before the first or after the second."""
        self._slots: dict[int, int] = {}
        self._free: list[int] = []
        self._away = np.zeros((0, 0), np.int8)
        """By the slots of two tracks: frames in a row in which they were two people; RELEASED: for good.

        It has room for more than there are.
        """
        self._owner: dict[int, int] = {}

    def update(
        self,
        numbers: Sequence[int],
        boxes: Corners,
        faces: Corners,
        at: int,
        *,
        named: Container[int] = frozenset(),
    ) -> Mapping[int, int]:
        """Return for each track of a frame that is, or may be, another's person the number of that one.

        numbers: of the tracks, each once; boxes: theirs; faces: sure ones.
        at: the frame's time, ns. named: numbers of tracks that have been counted.
        """
        self._forget(at)
        self._meet(numbers, at)
        if self._owner:
            self._owner = {one: owner for one, owner in self._owner.items() if one not in named}
        slots = np.array([self._slots[number] for number in numbers], np.intp)
        before = self._away[slots[:, None], slots].tobytes()  # a few values: NumPy takes longer to begin
        if not before.strip(_ARE_TWO):
            return self._owner
        if not self._owner and not before.strip(_ARE_TWO_OR_NEVER_MET) and _all_apart(boxes):
            self._away[slots[:, None], slots] = RELEASED
            return self._owner
        boxes, faces = (np.asarray(found, np.float64).reshape(-1, 4) for found in (boxes, faces))
        # Of two that came at once the tracker numbers the surer one first; the order of two never changes.
        rows = range(len(numbers))
        order = sorted(
            rows, key=lambda row: (numbers[row] not in named, self._first[numbers[row]], numbers[row])
        )
        names, slots = [numbers[row] for row in order], slots[order]
        pairs = _Pairs(self._away[slots[:, None], slots], boxes[order], faces)
        newer, older = slots[pairs.newer], slots[pairs.older]
        self._away[newer, older] = self._away[older, newer] = pairs.away
        self._release(names, pairs)
        self._join(names, pairs, named)
        waiting = {
            names[newer]: names[older]
            for newer, older in pairs.of(pairs.may_be_one)
            if names[newer] not in named and at - self._first[names[newer]] < WAIT_NS
        }
        return waiting | self._owner

    def _meet(self, numbers: Sequence[int], at: int) -> None:
        if self._first:
            self._oldest, self._newest = min(self._oldest, at), max(self._newest, at)
        else:
            self._oldest = self._newest = at
        for number in numbers:
            self._last[number] = at
            if number not in self._first:
                self._first[number] = at
                if not self._free:
                    self._make_room()
                self._slots[number] = slot = self._free.pop()
                self._away[slot] = self._away[:, slot] = NEVER_MET
                self._away[slot, slot] = RELEASED

    def _make_room(self) -> None:
        size = len(self._away)
        room = max(2 * size, LEAST_ROOM)
        away = np.full((room, room), NEVER_MET, np.int8)
        away[:size, :size] = self._away
        self._away, self._free = away, list(range(size, room))[::-1]

    def _release(self, names: Sequence[int], pairs: _Pairs) -> None:
        """Let go who has just become another person than one with that owner, and is none of the others."""
        parted: dict[int, list[int]] = {}
        if self._owner:
            owned = np.array([name in self._owner for name in names])
            for newer, older in pairs.of((pairs.away >= RELEASED) & owned[pairs.newer]):
                parted.setdefault(newer, []).append(older)
        for newer, others in parted.items():
            owner = self._owner[names[newer]]
            group = [row for row in range(newer) if self._owner.get(names[row], names[row]) == owner]
            is_one = any(not self._are_apart(names[newer], names[row]) for row in group)
            if not is_one and not set(group).isdisjoint(others):
                del self._owner[names[newer]]

    def _join(self, names: Sequence[int], pairs: _Pairs, named: Container[int]) -> None:
        for newer, older in pairs.of(pairs.are_one):
            name, owner = names[newer], self._owner.get(names[older], names[older])
            if name in named or name in self._owner or self._are_apart(name, owner):
                continue
            self._owner |= {one: owner for one, other in self._owner.items() if other == name}
            self._owner[name] = owner

    def _are_apart(self, one: int, other: int) -> bool:
        slots = self._slots.get(one), self._slots.get(other)
        return None not in slots and bool(self._away[slots] >= RELEASED)

    def _forget(self, at: int) -> None:
        if at - self._oldest <= FORGET_NS and self._newest - at <= FORGET_NS:
            return
        for number in [number for number, last in self._last.items() if abs(at - last) > FORGET_NS]:
            self._free.append(self._slots.pop(number))
            del self._first[number], self._last[number]
            self._owner.pop(number, None)
        self._oldest, self._newest = (end(self._last.values(), default=at) for end in (min, max))


def _all_apart(boxes: Corners) -> bool:
    """Return whether of few boxes no two are close; False where that takes more than a look."""
    if len(boxes) > FEW:
        return False
    rows = boxes.tolist() if isinstance(boxes, np.ndarray) else boxes
    for n, (left, top, right, bottom) in enumerate(rows):
        for x1, y1, x2, y2 in rows[:n]:
            wide = (right if right < x2 else x2) - (left if left > x1 else x1)
            high = (bottom if bottom < y2 else y2) - (top if top > y1 else y1)
            if wide > 0 and high > 0:
                least = min((right - left) * (bottom - top), (x2 - x1) * (y2 - y1))
                if wide * high >= SURELY * least:
                    return False
    return True


class _Pairs:
    """The pairs of a frame's tracks that are not two people for good, those of the oldest first.

    newer, older: their rows. away: frames in a row in which they were two, with this one.
    """

    def __init__(self, before: npt.NDArray[np.int8], boxes: Floats, faces: Floats) -> None:
        """before: of each two rows `away` by the last frame; boxes: (N, 4), the oldest track first."""
        self.newer, self.older = np.nonzero(np.tril(before < RELEASED, -1))
        before = before[self.newer, self.older]
        share, is_tall = _compared(boxes[self.newer], boxes[self.older])
        is_near = share >= CLOSE
        # Who is seen apart at first is somebody else at once.
        self.away = np.where(is_near, 0, np.where(before == NEVER_MET, RELEASED, before + 1)).astype(np.int8)
        has_one, has_each = (np.zeros(len(share), np.bool_) for _ in range(2))
        if is_near.any() and len(faces):
            ones, others = boxes[self.newer[is_near]], boxes[self.older[is_near]]
            has_one[is_near], has_each[is_near] = _faces_of(ones, others, faces)
        beside = is_near & has_each & (share < WITHIN)
        self.away[beside] = np.maximum(before[beside], 0) + 1
        is_open = self.away < RELEASED
        is_close = is_open & is_near & is_tall
        self.are_one = is_close & ((share >= WITHIN) | has_one)
        self.may_be_one = is_close | (is_open & (self.away > 0))

    def of(self, wanted: Flags) -> Iterable[tuple[int, int]]:
        """Return newer and older of those wanted."""
        return zip(self.newer[wanted].tolist(), self.older[wanted].tolist(), strict=True)


def _compared(boxes: Floats, others: Floats) -> tuple[Floats, Flags]:
    """Return by pair how much of the smaller box both cover, and whether they are as tall."""
    sizes, sizes_of_others = (found[:, 2:] - found[:, :2] for found in (boxes, others))
    sides = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])
    least = np.minimum(sizes.prod(axis=1), sizes_of_others.prod(axis=1))
    share = np.maximum(sides, 0).prod(axis=1) / np.maximum(least, 1e-6)
    heights = sizes[:, 1], sizes_of_others[:, 1]
    return share, np.minimum(*heights) >= AS_TALL * np.maximum(*heights)


def _faces_of(boxes: Floats, others: Floats, faces: Floats) -> tuple[Flags, Flags]:
    """Return by pair whether two persons have the one face that there is, and whether each may have its own.

    They share it where it lies where both persons have theirs, and no other where one has.
    """
    middles = (faces[:, :2] + faces[:, 2:]) / 2

    def inside(persons: Floats) -> Flags:
        lower, upper = persons[:, None, :2], persons[:, None, 2:].copy()
        upper[..., 1] = lower[..., 1] + HEAD * (upper[..., 1] - lower[..., 1])
        return np.asarray(((middles[None] >= lower) & (middles[None] <= upper)).all(axis=2))

    of_one, of_other = inside(boxes), inside(others)
    number = (of_one | of_other).sum(axis=1)
    has_one = (number == 1) & (of_one & of_other).any(axis=1)
    return has_one, (number > 1) & of_one.any(axis=1) & of_other.any(axis=1)


def _is_upper_part(boxes: Floats) -> Flags:
    """Return (N, N), whether a box is as wide as another, which is taller, and begins as high."""
    heights = boxes[:, 3] - boxes[:, 1]
    at_top = np.abs(np.subtract.outer(boxes[:, 1], boxes[:, 1])) <= AT_TOP * heights[None]
    return np.asarray(
        at_top & (heights[:, None] < heights[None]) & _alike(boxes[:, 2] - boxes[:, 0], AS_WIDE)
    )


def _alike(lengths: Floats, share: float) -> Flags:
    """Return (N, N), whether the smaller of two lengths is so large a share of the larger."""
    return np.asarray(np.minimum.outer(lengths, lengths) >= share * np.maximum.outer(lengths, lengths))


def shares(boxes: Floats, others: Floats) -> Floats:
    """Return (N, M), how much of the smaller of two boxes both cover."""
    one, other = boxes[:, None], others[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    areas = [np.prod(found[:, 2:] - found[:, :2], axis=1) for found in (boxes, others)]
    common = np.prod(np.maximum(sides, 0), axis=2)
    return np.asarray(common / np.maximum(np.minimum.outer(*areas), 1e-6))
