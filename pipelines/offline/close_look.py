"""Persons of a single picture, told more surely than a video's frame has time for.

Who is doubtful is looked at again from near: the network finds people best who fill a good part of its
input. And one person found twice, as a whole and as a narrower box within it, is one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.found_twice import found_twice, shares
from engines.nms import overlaps

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import I420
    from engines.scene import Scene, SceneDetector

    Boxes = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]

MARGIN = 0.15
"""What is shown around a doubtful person, in widths and heights of the box."""
AROUND = (1.0, 1.5)
"""How many times that crop's sides the network sees, black around it, tried in turn: somebody who fills
a picture, with the head outside, looks as small as elsewhere then.
"""
SAME = 0.5
"""Least intersection over union of a box and what was found from near."""
SURE = 0.45
"""Least score, from near, of a person that was doubtful."""
MAX_PERSONS = 8
"""Doubtful persons looked at again, the surest first."""
SMALLEST_PX = 80
"""Least height of the box of one looked at again."""
APART = 0.3
"""Most of a doubtful person, or of one known, that both cover: else it is a part of that one."""


def look_closer(scenes: SceneDetector, picture: I420, scene: Scene) -> Scene:
    """Return the scene with doubtful persons that are sure from near, and each person once."""
    person = scenes.classes.index("person")
    doubtful, objects = scene.doubtful, scene.objects
    apart = (shares(doubtful.boxes, objects.boxes[objects.classes == person]) <= APART).all(axis=1)
    apart &= doubtful.boxes[:, 3] - doubtful.boxes[:, 1] >= SMALLEST_PX
    sure = np.zeros(len(doubtful), np.bool_)
    for row in np.flatnonzero(apart)[:MAX_PERSONS]:
        box = doubtful.boxes[row]
        if (shares(box[None], doubtful.boxes[sure]) <= APART).all():
            sure[row] = _is_seen(scenes, picture, box, person)
    objects = _together(objects, doubtful.where(sure))
    twice = _twice(objects, person)
    return replace(
        scene,
        objects=objects.where(~twice),
        doubtful=_together(doubtful.where(~sure), objects.where(twice)),
    )


def _is_seen(scenes: SceneDetector, picture: I420, box: Boxes, person: int) -> bool:
    """Return whether a person is found for sure where a box is, from near."""
    left, top, right, bottom = box.tolist()
    wide, tall = MARGIN * (right - left), MARGIN * (bottom - top)
    corner = max(0.0, left - wide) // 2 * 2, max(0.0, top - tall) // 2 * 2
    crop = picture.crop(*corner, right + wide - corner[0], bottom + tall - corner[1])
    for times in AROUND:
        shown, x, y = crop.amid_black(times)
        near = scenes.detect(shown)
        seen = _together(near.objects, near.doubtful)
        seen = seen.where((seen.classes == person) & (seen.scores >= SURE))
        here = box[None] + np.array([x - corner[0], y - corner[1]] * 2, np.float32)
        if (overlaps(here, seen.boxes) >= SAME).any():
            return True
    return False


def _twice(found: Detections, person: int) -> Flags:
    """Return which persons are another one's box again."""
    rows = np.flatnonzero(found.classes == person)
    twice = np.zeros(len(found), np.bool_)
    twice[rows] = found_twice(found.boxes[rows], found.scores[rows])
    return twice


def _together(first: Detections, second: Detections) -> Detections:
    """Return the detections of both, highest score first."""
    boxes, scores, classes = (
        np.concatenate([getattr(first, name), getattr(second, name)]) for name in Detections.__slots__
    )
    order = np.argsort(-scores, kind="stable")
    return Detections(boxes[order], scores[order], classes[order])
