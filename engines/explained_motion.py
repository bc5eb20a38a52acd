"""Tells whether a picture shows nothing new beside two that were analysed just before and after it.

Every cell of it must be as it was in one of them, or lie where people who were found there can be by then.
Then a detector would find nobody else in it.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from engines.median import median_change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from engines.image import Plane

    Means = npt.NDArray[np.float32]
    Boxes = npt.NDArray[np.float32]
    Cells = npt.NDArray[np.bool_]
    Corners = tuple[float, float, float, float]
    """Left, top, right, bottom, px."""

CELL = 16
"""Side of a cell, px: cells are compared by their means, which sensor noise hardly moves."""
CHANGE = 5
"""Change of a cell's mean, of 255, that is motion; what the median of all cells does is the light."""
STIR = 3
"""Change that is enough where a head was just now."""
LEAST_CELLS = 2
"""So many cells that touch are something that moves."""
ROOM = 0.25
"""How far around a person's box its own motion reaches at once, as a share of its width: arms, bags."""
SPEED = 5.0
"""How far a person gets in a second, in widths of its box (55 cm): 2.8 m/s, a run."""

NOWHERE = np.zeros((0, 4), np.float32)


class SeenPicture(NamedTuple):
    """What is kept of an analysed picture. at: ns. Boxes are (N, 4): x1 y1 x2 y2, px.

    people: those who walk on by then. places: what explains only what changes in it.
    """

    at: int
    means: Means
    people: Boxes
    places: Boxes = NOWHERE


def cell_means(luma: Plane) -> Means:
    """Return the mean of each cell of a picture's luma, (height, width)."""
    below, beside = (-side % CELL for side in luma.shape)
    if below or beside:
        luma = np.asarray(cv2.copyMakeBorder(luma, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
    size = luma.shape[1] // CELL, luma.shape[0] // CELL
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def is_explained(means: Means, at: int, seen: Sequence[SeenPicture]) -> bool:
    """Return whether the pictures that were analysed explain all that is in another one. at: ns, as of them.

    >>> wall = np.full((360, 640), 90, np.uint8)
    >>> walked, person = wall.copy(), np.array([[90, 90, 150, 310]], np.float32)
    >>> walked[100:300, 100:140] = 200
    >>> nobody, somebody = (SeenPicture(0, cell_means(wall), boxes) for boxes in (person[:0], person))
    >>> [is_explained(cell_means(walked), 10**8, [one]) for one in (nobody, somebody)]
    [False, True]
    """
    if not seen or any(one.means.shape != means.shape for one in seen):
        return False
    changed = np.ones(means.shape, np.bool_)
    for one in seen:
        change = means - one.means
        changed &= np.abs(change - median_change(change)) >= CHANGE
    for one in seen:
        widths = one.people[:, 2] - one.people[:, 0]
        _take_out(changed, one.people, (ROOM + SPEED * abs(at - one.at) / 1e9) * widths)
        _take_out(changed, one.places, np.zeros(len(one.places)))
    _, _, stats, _ = cv2.connectedComponentsWithStats(changed.astype(np.uint8), connectivity=8)
    return bool((stats[1:, cv2.CC_STAT_AREA] < LEAST_CELLS).all())


def changed_cells(means: Means, seen: SeenPicture) -> Cells:
    """Return which cells of a picture are not as they were in an analysed one."""
    change = means - seen.means
    return np.asarray(np.abs(change - median_change(change)) >= STIR)


def changed_in(region: Corners, changed: Cells) -> Corners | None:
    """Return the bounds of what changed within a region; None for nothing.

    A cell about each that changed is in it: the rest of what moved there.
    """
    rows, columns = np.nonzero(changed[_cells(*region)])
    if not len(rows):
        return None
    left, top, right, bottom = region
    x1, y1 = max(0, int(left // CELL)), max(0, int(top // CELL))
    return (
        max(left, CELL * (x1 + int(columns.min()) - 1)),
        max(top, CELL * (y1 + int(rows.min()) - 1)),
        min(right, CELL * (x1 + int(columns.max()) + 2)),
        min(bottom, CELL * (y1 + int(rows.max()) + 2)),
    )


def changed_parts(regions: Boxes, changed: Cells, known: Iterable[Corners]) -> Iterator[Corners]:
    """Yield the bounds of what changed in each region, as `changed_in`, that lies in no place before it.

    regions: (N, 4). known: places that are covered already.
    """
    left = changed.copy()
    for place in known:
        left[_whole_cells(*place)] = False
    for region in regions.tolist():
        found = changed_in(region, left)
        if found is not None:
            left[_whole_cells(*found)] = False
            yield found


def _take_out(changed: Cells, boxes: Boxes, rooms: npt.NDArray[np.floating]) -> None:
    """Take out what lies in boxes, with room around each, px."""
    for (left, top, right, bottom), room in zip(boxes.tolist(), rooms.tolist(), strict=True):
        changed[_cells(left - room, top - room, right + room, bottom + room)] = False


def _whole_cells(left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
    """Return the cells that lie in a box."""
    down = slice(max(0, ceil(top / CELL)), max(0, int(bottom // CELL)))
    return down, slice(max(0, ceil(left / CELL)), max(0, int(right // CELL)))


def _cells(left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
    """Return the cells that a box touches; none of one beyond the picture."""
    down = slice(max(0, int(top // CELL)), max(0, ceil(bottom / CELL)))
    return down, slice(max(0, int(left // CELL)), max(0, ceil(right / CELL)))
