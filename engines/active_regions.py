"""Where something happens in one camera's pictures: only there is a closer look worth its cost.

A region is active where the picture changes, where something was found, and for a while after both. At the
start, after a pause, and every WHOLE_EVERY_S the whole picture is looked at: people who stand still since
before the start are found then, and stay active because they were found.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from engines.image import Plane
    from engines.views import Region

    Mask = npt.NDArray[np.uint8]

CELL = 16
"""Side of a cell, px. A cell is compared by its mean, which sensor noise hardly moves."""
CHANGE = 5
"""Change of a cell's mean, of 255 and beside what all cells changed by, that counts as motion."""
REACH_PX = 48
"""How far around an active cell the region reaches: context for the network, and a step of a person."""
KEPT_NS = 2_000_000_000
"""How long a cell stays active."""
SLOW_NS = 1_000_000_000
"""Beside the last picture, one of this age is compared: slow motion shows only then."""
PAUSE_NS = 1_500_000_000
"""A gap in time after which nothing earlier counts."""
WHOLE_EVERY_NS = 2_000_000_000
MAX_REGIONS = 3
NEARLY_ALL = 0.6
"""Share of the picture from which on the regions together are the whole of it."""


class ActiveRegions:
    """Follows the activity of one camera. Used by one thread."""

    def __init__(self) -> None:
        self._size: tuple[int, int] = (0, 0)
        self._past: deque[tuple[int, npt.NDArray[np.int16]]] = deque()
        self._active_until = np.zeros((0, 0), np.int64)
        self._whole_at: int | None = None

    def update(self, luma: Plane, now_ns: int) -> tuple[Region, ...] | None:
        """Take a picture's luma, (height, width); return its active regions, or None for the whole picture.

        The pictures come in the order of their time, UTC ns.
        """
        height, width = luma.shape
        shape = ceil(height / CELL), ceil(width / CELL)
        means = cv2.resize(luma, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.int16)
        last = self._past[-1][0] if self._past else None
        if last is None or self._size != (width, height) or not 0 <= now_ns - last <= PAUSE_NS:
            self._past.clear()
            self._size, self._whole_at = (width, height), None
            self._active_until = np.zeros(shape, np.int64)
        while len(self._past) > 1 and now_ns - self._past[1][0] >= SLOW_NS:
            self._past.popleft()
        for _, earlier in {id(one): one for one in (*list(self._past)[:1], *list(self._past)[-1:])}.values():
            change = means - earlier
            # Automatic exposure changes all cells at once: that is no motion.
            change -= np.int16(np.median(change))
            self._active_until[np.abs(change) >= CHANGE] = now_ns + KEPT_NS
        self._past.append((now_ns, means))
        if self._whole_at is None or now_ns - self._whole_at >= WHOLE_EVERY_NS:
            self._whole_at = now_ns
            return None
        return self._regions(now_ns)

    def add(self, boxes: Iterable[tuple[float, float, float, float]], now_ns: int) -> None:
        """Keep the places active where something was found: boxes x1 y1 x2 y2, px."""
        rows, columns = self._active_until.shape
        for left, top, right, bottom in boxes:
            x1, y1 = max(0, int(left // CELL)), max(0, int(top // CELL))
            x2, y2 = min(columns, int(right // CELL) + 1), min(rows, int(bottom // CELL) + 1)
            self._active_until[y1:y2, x1:x2] = now_ns + KEPT_NS

    def _regions(self, now_ns: int) -> tuple[Region, ...] | None:
        reach = 2 * ceil(REACH_PX / CELL) + 1
        active = (self._active_until > now_ns).astype(np.uint8)
        wide = cv2.dilate(active, np.ones((reach, reach), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(wide, connectivity=8)
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:count].tolist()]
        boxes = _merged(boxes)
        cells = sum((right - left) * (bottom - top) for left, top, right, bottom in boxes)
        if cells > NEARLY_ALL * active.size:
            return None
        width, height = self._size
        return tuple(
            (left * CELL, top * CELL, min(width, right * CELL), min(height, bottom * CELL))
            for left, top, right, bottom in boxes
        )


def _merged(boxes: list[Region]) -> list[Region]:
    """Join boxes that overlap, and then the pair that grows least, until there are MAX_REGIONS."""
    while len(boxes) > 1:
        pairs = [
            (_area(joined) - _area(a) - _area(b), i, j, joined)
            for i, a in enumerate(boxes)
            for j, b in enumerate(boxes[:i])
            for joined in [(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))]
        ]
        growth, i, j, joined = min(pairs)
        if growth > 0 and len(boxes) <= MAX_REGIONS:
            break
        boxes = [box for number, box in enumerate(boxes) if number not in (i, j)] + [joined]
    return boxes


def _area(box: Region) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
