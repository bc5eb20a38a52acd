"""A photograph between flat bars, as on a screenshot or a slide: told as it is told alone.

Beside bars a photograph's edge is no picture's edge, so that who is cut by it is sought nowhere, and the
networks see everybody smaller. So the photograph is cut out and looked at by itself. All that the whole
picture shows for a person or a face is masked all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.scene import Scene
from engines.scene_joining import together
from pipelines.offline.close_look import Closer
from pipelines.offline.large_picture import look_at_picture, not_among

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import I420, Plane
    from engines.scene_detector import SceneDetector

    Flags = npt.NDArray[np.bool_]

LIKE = 3
"""By how much the luma of a bar's ground differs at most: skies and walls differ by more."""
WAVES, BLOCK = 24, 8
"""The same in the blocks, px, that JPEG fills with waves of a border in them."""
BESIDE = 0.015
"""Width of the strips at both sides, as a share of the picture's, that tell its rows from a bar's."""
FLAT, PADDING = 0.97, 0.003
"""Share of a row that is ground, and of the height that such rows are, beside the photograph: nothing crosses
its border. Else somebody stands before a plain wall, and what looks like a border is the floor's.
"""
BARS = 0.1
"""Least share of the height that is bars: less changes nothing."""
PHOTOGRAPH, CORE, LEAST_PX = 0.25, 0.1, 160
"""Least share of the height that is the photograph, and that is rows of it in one piece; its least height."""
SIDE, STRAIGHT, STEP = 0.85, 0.5, 4
"""Share of a column at the side that is ground, as a title or an arrow may lie in it; how much less of one is
ground where the photograph begins, and within how many columns: an arm or a coat is not so straight.
"""
COLUMNS, MOST_PX = 512, 8_000_000
"""Columns of a row that are compared, about, and the most pixels of a picture: no screen has more."""


def look_at_framed(scenes: SceneDetector, picture: I420) -> Closer:
    """Return what is in a single picture, of a photograph between bars as it is told alone."""
    whole = look_at_picture(scenes, picture)
    place = photograph_in(picture)
    if place is None:
        return whole
    left, top, right, bottom = place
    alone = look_at_picture(scenes, picture.crop(left, top, right - left, bottom - top))
    corner = np.array([left, top] * 2, np.float32)
    objects, doubtful, faces = (
        Detections(found.boxes + corner, found.scores, found.classes)
        for found in (alone.scene.objects, alone.scene.doubtful, alone.scene.faces)
    )
    seen, person = whole.scene, scenes.classes.index("person")
    x, y = seen.objects.boxes[:, ::2].mean(axis=1), seen.objects.boxes[:, 1::2].mean(axis=1)
    inside = np.asarray((x >= left) & (x < right) & (y >= top) & (y < bottom))
    counted = together([objects, seen.objects.where(~inside)])
    again = seen.objects.where(inside & (seen.objects.classes == person))
    people = counted.where(counted.classes == person)
    joined = Scene(
        counted,
        not_among(people, together([doubtful, seen.doubtful, again])),
        together([seen.faces, not_among(seen.faces, faces)]),
    )
    return Closer(joined, np.concatenate([whole.cut_faces, alone.cut_faces + corner]))


def photograph_in(picture: I420) -> tuple[int, int, int, int] | None:
    """Return the photograph between flat bars: its left and top, even, and what lies right and below of it.

    None without: one bar alone may be a night's sky.
    """
    luma = picture.y
    height, width = luma.shape
    if height * width > MOST_PX:
        return None
    sides = _between_sides(luma)
    left, right = sides or (0, width)
    top, bottom = _between_rows(luma[:, left:right]) or (0, height)
    if sides is None:
        left, right = _between_sides(luma[top:bottom]) or (0, width)
    place = left, top, right, bottom
    return None if place == (0, 0, width, height) else place


def _between_sides(luma: Plane) -> tuple[int, int] | None:
    """Return the first column between two flat bars of one ground, even, and the first one right of it."""
    height, width = luma.shape
    columns = luma[:: -(-height // COLUMNS)]
    ground, other = (int(np.median(columns[:, column])) for column in (0, -1))
    if abs(ground - other) > LIKE or height < LEAST_PX:
        return None
    shares = _is_ground(columns, ground).mean(axis=0)
    waves = _is_ground(columns, ground, WAVES).mean(axis=0) >= SIDE
    left, right = (_side_ends(shares[::way], waves[::way]) for way in (1, -1))
    if left is None or right is None:
        return None
    size = width - left - right
    if size < max(LEAST_PX, PHOTOGRAPH * width) or width - size < BARS * width:
        return None
    return left + left % 2, width - right


def _side_ends(shares: npt.NDArray[np.float64], waves: Flags) -> int | None:
    """Return how many columns a bar has from the picture's edge; None where it ends in no straight line."""
    end = int((shares < SIDE).argmax())
    end += int((~waves[end : end + BLOCK]).argmax())
    return end if end and shares[end : end + STEP].min() <= SIDE - STRAIGHT else None


def _between_rows(luma: Plane) -> tuple[int, int] | None:
    """Return the first row between two bars, even, and the first one below it."""
    height, width = luma.shape
    wide, padding = max(4, int(BESIDE * width)), max(3, int(PADDING * height))
    if height < LEAST_PX or width < 2 * wide:
        return None
    rows = luma[:, :: -(-width // COLUMNS)]
    sides = np.concatenate([luma[:, :wide], luma[:, -wide:]], axis=1)
    grounds = {int(np.median(sides[row])) for row in (0, -1)}
    bars = np.any([_is_ground(sides, it).all(axis=1) for it in grounds], axis=0)
    flat = bars & (np.max([_is_ground(rows, it).mean(axis=1) for it in grounds], axis=0) >= FLAT)
    first, last = _longest(~bars)
    if last - first < CORE * height:
        return None
    empty = np.flatnonzero(np.convolve(flat, np.ones(padding), "valid") == padding)
    above, below = empty[empty + padding <= first], empty[empty >= last]
    if not len(above) or not len(below):
        return None
    top, bottom = int(above[-1]) + padding, int(below[0])
    waves = np.max([_is_ground(rows, it, WAVES).mean(axis=1) for it in grounds], axis=0) >= FLAT
    top += int((~waves[top : top + BLOCK]).argmax())
    bottom -= int((~waves[bottom - BLOCK : bottom][::-1]).argmax())
    size = bottom - top
    if size < max(LEAST_PX, PHOTOGRAPH * height) or height - size < BARS * height:
        return None
    return top + top % 2, bottom


def _is_ground(luma: Plane, ground: int, like: int = LIKE) -> Flags:
    return np.asarray(np.abs(luma.astype(np.int16) - ground) <= like)


def _longest(rows: Flags) -> tuple[int, int]:
    """Return where the longest run of true values begins and ends."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], rows, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0
    starts, ends = edges[::2], edges[1::2]
    best = int((ends - starts).argmax())
    return int(starts[best]), int(ends[best])
