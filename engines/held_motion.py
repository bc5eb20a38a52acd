"""Where a head that no detector sees any more has gone, by the picture itself.

A held head is expected to go on as it moved. Who starts, stops or turns just while both detectors are silent
is elsewhere. So the head's own pixels are looked for, as far from their place as people move. Where they are
not found again, all is covered that changed there since the head was last seen.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.median import median_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.image import Plane

    Boxes = npt.NDArray[np.float32]
    Corners = tuple[float, float, float, float]
    """Left, top, right, bottom, px."""

CELL = 2
"""Side of a cell, px of the picture; all is compared by cells."""
MOTION_CELLS = 2
"""So many cells on each side are taken together to tell motion, which sensor noise is not."""
CHANGE = 8
"""Change of such a mean, of 255, that is motion; what the whole picture does is its light."""
SPEED = 12.0
"""How far a head gets, in head sizes a second: 2.8 m/s."""
UPRIGHT = 0.5
"""Of that, up and down: who sits down or bends is slower than who runs."""
STILL = 3
"""Less than this, of the same means, is no change at all: a head that moves by its margin changes more."""
LEAST_STILL = 12.0
"""Shortest side, px, of a head of which that is true; a smaller one may move and change less."""
LIGHT_CELLS = 4
"""So many cells on each side are one value of the picture's light."""
ROOM = 0.25
"""What is covered around, in head sizes: a cheek changes little before a wall of its colour."""
ALIKE = 0.75
"""Least correlation of a head with itself in a later picture."""
PLAIN = 4.0
"""Least standard deviation of a head's luma; plainer ones are found anywhere."""
LEAST_CELLS = 5
"""Shortest side of a head that is looked for."""
MEMORY_NS = 3_000_000_000
MAX_PICTURES = 32


class HeldMotion:
    """Follows one camera's pictures. Used by one thread; the pictures come in the order of their time.

    >>> motion, wall = HeldMotion(), np.full((360, 640), 90, np.uint8)
    >>> motion.add(wall, 0)
    >>> moved = wall.copy()
    >>> moved[100:130, 130:160] = 200
    >>> motion.add(moved, 10**8)
    >>> motion.places([((100, 100, 130, 130), 0)]).tolist()
    [[118.5, 88.5, 171.5, 141.5]]
    """

    def __init__(self) -> None:
        self._pictures: deque[tuple[int, Plane]] = deque(maxlen=MAX_PICTURES)
        self._lights: deque[Plane] = deque(maxlen=MAX_PICTURES)
        self._light: dict[int, float] = {}
        self._followed: dict[tuple[Corners, int], Corners | None] = {}
        self._followed_at = 0

    def add(self, luma: Plane, now_ns: int) -> None:
        """Take the next picture's luma, (height, width), before anything is covered in it. now_ns: UTC ns."""
        height, width = luma.shape
        small = cv2.resize(luma, (-(-width // CELL), -(-height // CELL)), interpolation=cv2.INTER_AREA)
        pictures = self._pictures
        self._light = {}
        is_back = bool(pictures) and pictures[-1][0] >= now_ns
        if is_back or (pictures and pictures[-1][1].shape != small.shape):
            pictures.clear()
            self._lights.clear()
        if is_back:
            # Memories of heads are moved to this time, as if seen in this picture, and they were not: nothing
            # is compared with it.
            return
        while pictures and now_ns - pictures[0][0] > MEMORY_NS:
            pictures.popleft()
            self._lights.popleft()
        pictures.append((now_ns, np.asarray(small, np.uint8)))
        size = max(1, small.shape[1] // LIGHT_CELLS), max(1, small.shape[0] // LIGHT_CELLS)
        few = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        self._lights.append(np.asarray(few, np.uint8))

    def is_still(self, place: Corners, since_ns: int) -> bool:
        """Return whether nothing has changed as far about a head as it can be gone since a picture."""
        if not self._pictures or min(place[2] - place[0], place[3] - place[1]) < LEAST_STILL:
            return False
        changed = self._changed_since(_reached(place, self._pictures[-1][0] - since_ns), since_ns)
        return changed is not None and not changed[0].any()  # beyond the border nothing is seen, and stays

    def gone_to(self, region: Corners, head: Corners, since_ns: int) -> Corners | None:
        """Return what of a region a head can have gone to since a picture; None for nothing.

        head: where it was then, with its margin. Where it is now pixels changed, and no further from it than
        it is long. Of a picture that is not known, and for a small head, nothing is left out.
        """
        if min(head[2] - head[0], head[3] - head[1]) < LEAST_STILL:
            return region
        seen = self._changed_since(region, since_ns)
        if seen is None:
            return region
        changed, (rows, columns) = seen
        before = next(picture for time_ns, picture in self._pictures if time_ns == since_ns)
        own = before[_cells(head, before.shape)]
        if own.size and float(own.std()) < PLAIN:
            return region  # as in the dark: it may go and change less than what counts
        ys, xs = np.nonzero(changed)
        if not len(ys):
            return None
        room = max(head[2] - head[0], head[3] - head[1])
        return (
            max(region[0], CELL * (columns.start + int(xs.min())) - room),
            max(region[1], CELL * (rows.start + int(ys.min())) - room),
            min(region[2], CELL * (columns.start + int(xs.max()) + 1) + room),
            min(region[3], CELL * (rows.start + int(ys.max()) + 1) + room),
        )

    def _changed_since(
        self, region: Corners, since_ns: int
    ) -> tuple[npt.NDArray[np.bool_], tuple[slice, slice]] | None:
        """Return which cells of a region are not as in that picture, and which these are; None: not known."""
        at = next((n for n, (time_ns, _) in enumerate(self._pictures) if time_ns == since_ns), None)
        if at is None:
            return None
        before, now = self._pictures[at][1], self._pictures[-1][1]
        if since_ns not in self._light:
            lighter = self._lights[-1].astype(np.float32) - self._lights[at]
            self._light[since_ns] = median_change(lighter)
        rows, columns = _cells(region, now.shape)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return np.zeros((0, 0), np.bool_), (rows, columns)
        wide_rows, above = _widened(rows, now.shape[0])
        wide_columns, left = _widened(columns, now.shape[1])
        change = now[wide_rows, wide_columns].astype(np.float32) - before[wide_rows, wide_columns]
        means = cv2.blur(change, (2 * MOTION_CELLS + 1, 2 * MOTION_CELLS + 1))
        inner = means[above : above + rows.stop - rows.start, left : left + columns.stop - columns.start]
        return np.abs(inner - self._light[since_ns]) >= STILL, (rows, columns)

    def places(self, heads: Sequence[tuple[Corners, int]], accounted: Sequence[Corners] = ()) -> Boxes:
        """Return what to cover in the last picture for heads that were not seen in it, (N, 4), px.

        Called once for each picture. heads: corners and the time, UTC ns, at which each was last seen.
        accounted: people and faces that were found in the last picture; their boxes explain motion.
        """
        before, self._followed = self._followed, {}
        covered: list[Corners] = []
        for corners, seen_at in heads:
            key = corners, seen_at
            if self.is_still(corners, seen_at):
                self._followed[key] = corners
                continue
            known_at = self._followed_at if key in before else seen_at
            place = self._follow(before.get(key, corners), known_at)
            self._followed[key] = place
            if place is None:
                place = self._changed(corners, seen_at, accounted)
            if place is not None:
                room = ROOM * max(corners[2] - corners[0], corners[3] - corners[1])
                left, top, right, bottom = place
                covered.append((left - room, top - room, right + room, bottom + room))
        self._followed_at = self._pictures[-1][0] if self._pictures else 0
        return np.array(covered, np.float32).reshape(-1, 4)

    def _follow(self, place: Corners | None, known_at: int) -> Corners | None:
        """Return where the head of the picture before is in the last one; None where that is not sure.

        known_at: time of the picture in which that is its place. In a later one something else may be there.
        """
        if place is None or len(self._pictures) < 2 or self._pictures[-2][0] != known_at:
            return None
        (was, before), (now_ns, now) = self._pictures[-2], self._pictures[-1]
        window = _cells(_reached(place, now_ns - was), now.shape)
        found = _found_again(before[_cells(place, now.shape)], now[window])
        if found is None:
            return None
        left, top = ((part.start + at) * CELL for part, at in zip(window[::-1], found, strict=True))
        return left, top, left + place[2] - place[0], top + place[3] - place[1]

    def _changed(self, corners: Corners, seen_at: int, accounted: Sequence[Corners]) -> Corners | None:
        """Return the bounds of what changed, since then, where the head can be by now; None for nothing."""
        before = next((picture for time_ns, picture in self._pictures if time_ns >= seen_at), None)
        if before is None or before is self._pictures[-1][1]:
            return None
        now_ns, now = self._pictures[-1]
        window = _cells(_reached(corners, now_ns - seen_at), now.shape)
        if not now[window].size:
            return None  # it is beyond the border still
        change = now[window].astype(np.float32) - before[window]
        side = 2 * MOTION_CELLS + 1
        changed = np.abs(cv2.blur(change - median_change(change), (side, side))) >= CHANGE
        for one in accounted:
            rows, columns = _cells(one, now.shape)
            changed[_within(rows, window[0]), _within(columns, window[1])] = False
        head = _cells(corners, now.shape)
        own = np.zeros(changed.shape, np.bool_)
        own[_within(head[0], window[0]), _within(head[1], window[1])] = True
        ys, xs = np.nonzero(_touching(changed, own))
        if not len(ys):
            return None
        x, y = window[1].start, window[0].start
        ends = x + int(xs.min()), y + int(ys.min()), x + int(xs.max()) + 1, y + int(ys.max()) + 1
        left, top, right, bottom = (CELL * end for end in ends)
        return left, top, right, bottom


def _widened(part: slice, length: int) -> tuple[slice, int]:
    """Return a part with what a mean at its ends takes in, and by how much it begins earlier."""
    start = max(0, part.start - MOTION_CELLS)
    return slice(start, min(length, part.stop + MOTION_CELLS)), part.start - start


def _found_again(head: Plane, window: Plane) -> tuple[int, int] | None:
    """Return where in the window the head begins, x, y in cells; None where that is not sure."""
    height, width = head.shape
    if min(height, width) < LEAST_CELLS or height > window.shape[0] or width > window.shape[1]:
        return None
    if float(head.std()) < PLAIN:
        return None
    _, score, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(window, head, cv2.TM_CCOEFF_NORMED))
    return (x, y) if score >= ALIKE else None


def _touching(changed: npt.NDArray[np.bool_], own: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return what changed in one piece with what changed at the head's own place.

    Where a head leaves, its place changes; what moves apart from it is somebody else.
    """
    side = 2 * MOTION_CELLS + 1
    pieces = cv2.dilate(changed.astype(np.uint8), np.ones((side, side), np.uint8))
    _, labels = cv2.connectedComponents(pieces, connectivity=8)
    return np.asarray(changed & np.isin(labels, np.unique(labels[own & changed])))


def _within(part: slice, window: slice) -> slice:
    """Return a range of the picture's cells as one of the window's."""
    return slice(max(0, part.start - window.start), max(0, part.stop - window.start))


def _reached(corners: Corners, elapsed_ns: int) -> Corners:
    """Return where a head can be after a time."""
    left, top, right, bottom = corners
    reach = max(right - left, bottom - top) * SPEED * elapsed_ns / 1e9
    return left - reach, top - UPRIGHT * reach, right + reach, bottom + UPRIGHT * reach


def _cells(corners: Corners, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the cells that a rectangle touches, rows and columns."""
    left, top, right, bottom = corners
    return (
        slice(min(shape[0], max(0, int(top // CELL))), min(shape[0], max(0, int(-(-bottom // CELL))))),
        slice(min(shape[1], max(0, int(left // CELL))), min(shape[1], max(0, int(-(-right // CELL))))),
    )
