"""One person found twice: as a whole, and again as another box that non-maximum suppression leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

WITHIN, AS_TALL = 0.9, 0.85
"""Share of a box in another's, and of its height, from which both are one person. Of 136 pairs of people who
overlap on photographs of COCO val2017, as labelled, none is so alike that suppression would not take one.
"""
CLOSE = 0.65
"""Share from which two boxes of a film may be one person."""
HEAD = 0.35
"""Part of a person's box, from the top, in which the face is sought."""
WAIT_NS = 1_000_000_000
"""So long a track that comes up close to another is not counted yet: it may be the same person."""
RELEASED = 3
"""Frames in a row in which two boxes of what was one person must be apart to be two: single boxes jump."""
FORGET_NS = 5_000_000_000


def found_twice(boxes: Floats, scores: Floats) -> npt.NDArray[np.bool_]:
    """Return which persons, (N, 4) x1 y1 x2 y2, are another one's box again; the surer one stays.

    >>> whole, again, beside = [0, 0, 100, 300], [20, 10, 70, 295], [60, 0, 160, 300]
    >>> found_twice(np.array([whole, again, beside], float), np.array([0.8, 0.5, 0.6])).tolist()
    [False, True, False]
    """
    if len(boxes) < 2:
        return np.zeros(len(boxes), np.bool_)
    place = np.empty(len(boxes), np.intp)
    place[np.argsort(-scores, kind="stable")] = np.arange(len(boxes))
    same = (shares(boxes, boxes) >= WITHIN) & _as_tall(boxes)
    return np.asarray((same & (place[None] < place[:, None])).any(axis=1))


class TrackedTwice:
    """Tells which tracks of one camera follow a person whom an older track follows already.

    Two tracks are one person where a box lies within the other as `found_twice` says, or where both have the
    one face that there is; until they are apart. Tracks that were apart once are two people for good, however
    close they stand later.
    """

    def __init__(self) -> None:
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}
        self._apart: set[tuple[int, int]] = set()
        self._owner: dict[int, int] = {}
        self._away: dict[tuple[int, int], int] = {}

    def update(self, numbers: Sequence[int], boxes: Floats, faces: Floats, at: int) -> Mapping[int, int]:
        """Return for each track of a frame that is, or may be, another's person the number of that one.

        numbers: of the tracks, each once; boxes: theirs, (N, 4) x1 y1 x2 y2; faces: (M, 4), sure ones.
        at: the frame's time, ns.
        """
        self._forget(at)
        for number in numbers:
            self._first.setdefault(number, at)
            self._last[number] = at
        if len(numbers) < 2:
            return self._owner
        share, tall = shares(boxes, boxes), _as_tall(boxes)
        close = tall & (share >= CLOSE)
        # Of two that came at once the tracker numbers the surer one first; the order never changes.
        order = sorted(range(len(numbers)), key=lambda row: (self._first[numbers[row]], numbers[row]))
        for place, row in enumerate(order):
            for older in order[:place]:
                pair = numbers[older], numbers[row]
                is_owner = self._owner.get(pair[1]) in (pair[0], self._owner.get(pair[0], pair[0]))
                if pair in self._apart:
                    continue
                # Who is seen apart at first is somebody else at once.
                away = self._away.get(pair, RELEASED - 1) + 1 if share[older, row] < CLOSE else 0
                self._away[pair] = away
                if away >= RELEASED:
                    self._apart.add(pair)
                    if is_owner:
                        del self._owner[pair[1]]
                elif (
                    close[older, row]
                    and pair[1] not in self._owner
                    and (share[older, row] >= WITHIN or _have_one_face(boxes[[older, row]], faces))
                ):
                    self._owner[pair[1]] = self._owner.get(pair[0], pair[0])
        waiting = {
            numbers[row]: numbers[older]
            for place, row in enumerate(order)
            for older in order[:place]
            if (close[older, row] or self._away.get((numbers[older], numbers[row])))
            and (numbers[older], numbers[row]) not in self._apart
            and at - self._first[numbers[row]] < WAIT_NS
        }
        return waiting | self._owner

    def _forget(self, at: int) -> None:
        gone = {number for number, last in self._last.items() if at - last > FORGET_NS}
        if gone:
            for memory in (self._first, self._last):
                for number in gone:
                    del memory[number]
            self._away = {pair: n for pair, n in self._away.items() if not gone.intersection(pair)}
            self._apart = {pair for pair in self._apart if not gone.intersection(pair)}
            self._owner = {one: owner for one, owner in self._owner.items() if one not in gone}


def _have_one_face(pair: Floats, faces: Floats) -> bool:
    """Return whether one face lies where both persons have theirs, and no other where one has."""
    middles = (faces[:, :2] + faces[:, 2:]) / 2
    lower, upper = pair[:, None, :2], pair[:, None, 2:].copy()
    upper[..., 1] = lower[..., 1] + HEAD * (upper[..., 1] - lower[..., 1])
    inside = ((middles[None] >= lower) & (middles[None] <= upper)).all(axis=2)
    return bool(inside.any(axis=0).sum() == 1 and inside.all(axis=0).sum() == 1)


def _as_tall(boxes: Floats) -> npt.NDArray[np.bool_]:
    heights = boxes[:, 3] - boxes[:, 1]
    return np.asarray(np.minimum.outer(heights, heights) >= AS_TALL * np.maximum.outer(heights, heights))


def shares(boxes: Floats, others: Floats) -> Floats:
    """Return (N, M), how much of the smaller of two boxes both cover."""
    one, other = boxes[:, None], others[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    areas = [np.prod(found[:, 2:] - found[:, :2], axis=1) for found in (boxes, others)]
    common = np.prod(np.maximum(sides, 0), axis=2)
    return np.asarray(common / np.maximum(np.minimum.outer(*areas), 1e-6))
