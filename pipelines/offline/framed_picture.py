"""A photograph between flat bars, as on a phone's screenshot: told as it is told alone.

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
COLUMNS, MOST_PX = 512, 8_000_000
"""Columns of a row that are compared, about, and the most pixels of a picture: no screen has more."""


def look_at_framed(scenes: SceneDetector, picture: I420) -> Closer:
    """Return what is in a single picture, of a photograph between bars as it is told alone."""
    whole = look_at_picture(scenes, picture)
    place = photograph_in(picture)
    if place is None:
        return whole
    top, bottom = place
    alone = look_at_picture(scenes, picture.crop(0, top, picture.width, bottom - top))
    corner = np.array([0, top] * 2, np.float32)
    objects, doubtful, faces = (
        Detections(found.boxes + corner, found.scores, found.classes)
        for found in (alone.scene.objects, alone.scene.doubtful, alone.scene.faces)
    )
    seen, person = whole.scene, scenes.classes.index("person")
    middles = seen.objects.boxes[:, 1::2].mean(axis=1)
    inside = np.asarray((middles >= top) & (middles < bottom))
    counted = together([objects, seen.objects.where(~inside)])
    again = seen.objects.where(inside & (seen.objects.classes == person))
    people = counted.where(counted.classes == person)
    joined = Scene(
        counted,
        not_among(people, together([doubtful, seen.doubtful, again])),
        together([seen.faces, not_among(seen.faces, faces)]),
    )
    return Closer(joined, np.concatenate([whole.cut_faces, alone.cut_faces + corner]))


def photograph_in(picture: I420) -> tuple[int, int] | None:
    """Return the photograph's first row between two flat bars, even, and the first one below it.

    None without: one bar alone may be a night's sky.
    """
    luma = picture.y
    height, width = luma.shape
    wide, padding = max(4, int(BESIDE * width)), max(3, int(PADDING * height))
    if height < LEAST_PX or width < 2 * wide or height * width > MOST_PX:
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
