"""What to cover in a frame that no detector saw: from the masks of the analysed frames before and after it.

A head that both have is on the way between its two places. Which two those are is not sure where several are
near, as when people pass each other: the other ways are covered, too, where anything is that neither frame
has there. One that only one of them has is covered there, and as far around as a head gets in the time, where
anything changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engines.explained_motion import SeenPicture, changed_cells, changed_in, changed_parts, is_explained
from probes.frame import Box, Frame, Kind
from probes.redaction.followed_head import FASTEST, grown, union
from probes.redaction.regions import By, Mask, PartMask, WayMask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from engines.explained_motion import Cells, Means

SLACK = 0.3
"""A head that moves is half-way at half of the time, or as far off that as this share of the way."""
MAX_GAP_NS = 500_000_000
"""Longest time between the two analysed frames: somebody may pass within a longer one."""
ALIKE = 2.0
"""Masks of one head differ in size by this factor at most: a face, and a head guessed from its person."""
CROSSING = 5.0
"""How fast heads move past each other, in sizes of a mask a second (52 cm: 2.6 m/s, a run)."""
UPRIGHT = 0.5
"""Of that, up and down, as in `engines.held_motion`."""
NEAR = 0.5
"""Masks so near, in sizes of a mask, are of one head however little time lies between."""


class Analysed(NamedTuple):
    """What is kept of a frame that was analysed and covered. masks: all that is covered in it."""

    frame: Frame
    masks: Sequence[Mask]
    seen: SeenPicture


class NotBetween(Exception):
    """Two analysed frames do not tell what is in this one."""


def check_between(before: Analysed, after: Analysed, at: int, means: Means) -> None:
    """Raise NotBetween where two analysed frames do not explain all of a picture. means: of its cells."""
    begin, end = before.frame.captured_at, after.frame.captured_at
    if not begin <= at <= end or end - begin > MAX_GAP_NS:
        raise NotBetween("the frames around it are too far away")
    if before.frame.size != after.frame.size:
        raise NotBetween("the frames around it are of two sizes")
    if not is_explained(means, at, (before.seen, after.seen)):
        raise NotBetween("something moves that the frames around it do not explain")


def masks_between(before: Analysed, after: Analysed, at: int, means: Means) -> Iterator[Mask]:
    """Yield what to cover in a picture between two analysed frames. at: UTC ns. means: of its cells."""
    begin, end = before.seen.at, after.seen.at
    old, new = _array(before.masks), _array(after.masks)
    share = (at - begin) / max(1, end - begin)
    near = max(0.0, share - SLACK), min(1.0, share + SLACK)
    pairs, others = _pairs(old, new, (end - begin) / 1e9)
    ways = [
        _way(before.masks[row].box, after.masks[column].box, *(near if is_mutual else (0.0, 1.0)))
        for (row, column), is_mutual in pairs.items()
    ]
    yield from ways
    changed = [changed_cells(means, one.seen) for one in (before, after)]
    parts = [
        {number for number, mask in enumerate(one.masks) if isinstance(mask, PartMask)}
        for one in (before, after)
    ]
    others = [pair for pair in others if pair[0] not in parts[0] and pair[1] not in parts[1]]
    covered = (part.corners for way in ways for part in way.parts())
    for place in changed_parts(_ways(old, new, others, near), changed[0] & changed[1], covered):
        yield Mask(Box.from_corners(*place), By.HOLD)
    known = {row for row, _ in pairs}, {column for _, column in pairs}
    for (_, masks, seen), numbers, cells in zip((before, after), known, changed, strict=True):
        lone = [mask.box for number, mask in enumerate(masks) if number not in numbers]
        yield from (Mask(_reached(box, abs(at - seen.at), cells), By.HOLD) for box in lone)


def frame_between(before: Frame, after: Frame, at: int) -> Frame:
    """Return what is shown of a frame that was not analysed: the people whom both frames around it have."""
    share = (at - before.captured_at) / max(1, after.captured_at - before.captured_at)
    later = {seen.track: seen for seen in after.of(Kind.PERSON) if seen.track is not None}
    people = tuple(
        seen._replace(box=_part_way(seen.box, later[seen.track].box, share))
        for seen in before.of(Kind.PERSON)
        if seen.track in later
    )
    return Frame(before.camera, at, before.size, people)


def seen_picture(frame: Frame, means: Means, masks: Sequence[Mask] = ()) -> SeenPicture:
    """Return what is kept of an analysed frame to explain others. means: of its cells, before it is covered.

    Who is perhaps a person, and what is covered, explains no motion beyond itself: it may be anything.
    """
    found = frame.detections
    people = [seen.box for seen in found if seen.kind in (Kind.PERSON, Kind.AGAIN, Kind.FACE)]
    places = [seen.box for seen in found if seen.kind is Kind.DOUBTFUL] + [mask.box for mask in masks]
    return SeenPicture(frame.captured_at, means, _corners(people), _corners(places))


def _corners(boxes: Sequence[Box]) -> npt.NDArray[np.float32]:
    return np.array([box.corners for box in boxes], np.float32).reshape(-1, 4)


def _array(masks: Sequence[Mask]) -> npt.NDArray[np.float64]:
    return np.array([mask.box for mask in masks], np.float64).reshape(-1, 4)


def _pairs(
    old: npt.NDArray[np.float64], new: npt.NDArray[np.float64], elapsed_s: float
) -> tuple[dict[tuple[int, int], bool], list[tuple[int, int]]]:
    """Return which masks can be of one head, boxes (N, 4): x y w h; for each the nearest, then the others.

    With whether each of the two is the other's nearest.
    """
    if not len(old) or not len(new):
        return {}, []
    sizes, others = old[:, 2:].max(axis=1)[:, None], new[:, 2:].max(axis=1)[None, :]
    centres, other_centres = (boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (old, new))
    across_down = np.abs(centres[:, None] - other_centres[None, :])
    away = across_down.max(axis=2)
    reach = (NEAR + FASTEST * elapsed_s) * np.minimum(sizes, others)
    possible = (away <= reach) & (sizes <= ALIKE * others) & (others <= ALIKE * sizes)
    away = np.where(possible, away, np.inf)
    forth = {(row, int(column)) for row, column in enumerate(away.argmin(axis=1)) if possible[row, column]}
    back = {(int(row), column) for column, row in enumerate(away.argmin(axis=0)) if possible[row, column]}
    reach = (NEAR + CROSSING * elapsed_s) * np.minimum(sizes, others)
    possible &= (across_down <= reach[..., None] * (1.0, UPRIGHT)).all(axis=2)
    further = {(int(row), int(column)) for row, column in np.argwhere(possible)} - forth - back
    return {pair: pair in forth and pair in back for pair in sorted(forth | back)}, sorted(further)


def _ways(
    old: npt.NDArray[np.float64],
    new: npt.NDArray[np.float64],
    pairs: Sequence[tuple[int, int]],
    span: tuple[float, float],
) -> npt.NDArray[np.float32]:
    """Return a part of the way of each pair, (N, 4): x1 y1 x2 y2. span: shares of the way."""
    rows, columns = np.array(pairs, np.intp).reshape(-1, 2).T
    here, there = (
        np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        for boxes in (old[rows], new[columns])
    )
    first, last = (here + share * (there - here) for share in span)
    low, high = np.minimum(first, last), np.maximum(first, last)
    return np.concatenate([low[:, :2], high[:, 2:]], axis=1).astype(np.float32)


def _way(here: Box, there: Box, begin: float, end: float) -> Mask:
    """Return a part of the way from one place to another. begin, end: shares of the way."""
    first, last = _part_way(here, there, begin), _part_way(here, there, end)
    width, height = max(first.w, last.w), max(first.h, last.h)
    first, last = (
        Box(box.x + (box.w - width) / 2, box.y + (box.h - height) / 2, width, height) for box in (first, last)
    )
    return WayMask(union(first, last), By.HOLD, (first, last))


def _reached(box: Box, elapsed: int, changed: Cells) -> Box:
    """Return where a head can be that was seen in one picture only: as far as anything changed about it.

    elapsed: ns since then, or until then.
    """
    room = grown(box, FASTEST * elapsed / 1e9)
    place = changed_in(room.corners, changed)
    return box if place is None else union(box, Box.from_corners(*place))


def _part_way(here: Box, there: Box, share: float) -> Box:
    return Box(*(a + share * (b - a) for a, b in zip(here, there, strict=True)))
