"""Persons of a single picture, told more surely than a video's frame has time for.

Who is doubtful is looked at again from near: the network finds people best who fill a good part of its
input. And one person found twice, as a whole and as a narrower box within it, is one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.nms import overlaps

if TYPE_CHECKING:
    from engines.image import I420
    from engines.scene import Scene, SceneDetector

MARGIN = 0.15
"""What is shown around a doubtful person, in widths and heights of the box."""
SAME = 0.5
"""Least intersection over union of a box and what was found from near."""
SURE = 0.45
"""Least score, from near, of a person that was doubtful."""
MOST = 8
"""Doubtful persons looked at again, the surest first."""
SMALLEST_PX = 80
"""Least height of the box of one looked at again."""
WITHIN, AS_TALL = 0.9, 0.85
"""Share of a box in another's, and of its height, from which both are one person."""


def look_closer(scenes: SceneDetector, picture: I420, scene: Scene) -> Scene:
    """Return the scene with doubtful persons that are sure from near, and each person once."""
    person = scenes.classes.index("person")
    doubtful, objects = scene.doubtful, scene.objects
    sure = np.zeros(len(doubtful), np.bool_)
    for row in range(min(MOST, len(doubtful))):
        left, top, right, bottom = doubtful.boxes[row].tolist()
        if bottom - top >= SMALLEST_PX:
            wide, tall = MARGIN * (right - left), MARGIN * (bottom - top)
            sure[row] = _is_seen(scenes, picture, (left, top, right, bottom), (wide, tall), person)
    objects = _together(objects, doubtful.where(sure))
    twice = _twice(objects, person)
    masked = _together(doubtful.where(~sure), objects.where(twice))
    return replace(scene, objects=objects.where(~twice), doubtful=masked)


def _is_seen(
    scenes: SceneDetector,
    picture: I420,
    box: tuple[float, float, float, float],
    margin: tuple[float, float],
    person: int,
) -> bool:
    """Return whether a person is found for sure where a box is, from near."""
    left, top = max(0.0, box[0] - margin[0]) // 2 * 2, max(0.0, box[1] - margin[1]) // 2 * 2
    crop = picture.crop(left, top, box[2] + margin[0] - left, box[3] + margin[1] - top)
    near = scenes.detect(crop)
    seen = _together(near.objects, near.doubtful)
    seen = seen.where((seen.classes == person) & (seen.scores >= SURE))
    here = np.array([box], np.float32) - np.array([left, top, left, top], np.float32)
    return bool((overlaps(here, seen.boxes) >= SAME).any())


def _twice(found: Detections, person: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which persons are another one's box again, as tall and within it: of two the surer one stays."""
    again = np.zeros(len(found), np.bool_)
    boxes, areas = found.boxes, np.prod(found.boxes[:, 2:] - found.boxes[:, :2], axis=1)
    persons = np.flatnonzero(found.classes == person)
    for place, one in enumerate(persons):
        for other in persons[place + 1 :]:
            sides = np.minimum(boxes[one, 2:], boxes[other, 2:]) - np.maximum(
                boxes[one, :2], boxes[other, :2]
            )
            common = np.prod(np.maximum(sides, 0))
            heights = boxes[[one, other], 3] - boxes[[one, other], 1]
            if common >= WITHIN * areas[[one, other]].min() and heights.min() >= AS_TALL * heights.max():
                again[other] = not again[one]
    return again


def _together(first: Detections, second: Detections) -> Detections:
    """Return the detections of both, highest score first."""
    boxes, scores, classes = (
        np.concatenate([getattr(first, name), getattr(second, name)]) for name in Detections.__slots__
    )
    order = np.argsort(-scores, kind="stable")
    return Detections(boxes[order], scores[order], classes[order])
