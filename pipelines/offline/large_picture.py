"""A picture of many pixels, told as a smaller copy of it is: what is near does not depend on the camera.

At full scale the network sees an arm or a trouser leg of somebody near as large as people stand elsewhere,
and takes it for one. So whoever is large is told from a copy of the usual size; at full scale only those are
added who are small there. All that full scale takes for a person or a face is masked all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.close_look import CLEAR
from engines.detections import Detections
from engines.nms import overlaps, suppress
from engines.scene import MIN_PERSON_PX, Scene
from engines.scene_joining import is_known, together
from pipelines.offline.close_look import Closer, cut_by_the_edge, look_closer

if TYPE_CHECKING:
    from engines.image import I420
    from engines.scene_detector import SceneDetector

LONGEST_PX = 1600
"""Longest side of a picture that is told as it is; others are halved until they fit."""
LITTLE_BLACK = 1.1
"""How many times its sides it is looked at with, for small faces at its edge; the copy shows large ones."""
SAME = 0.5
"""Intersection over union from which two boxes are one person or face."""


def look_at_picture(scenes: SceneDetector, picture: I420) -> Closer:
    """Return what is in a single picture."""
    scene = scenes.detect(picture)
    copy = picture
    while max(copy.width, copy.height) > LONGEST_PX:
        copy = copy.scaled(max(2, copy.width // 2), max(2, copy.height // 2))  # a strip stays one
    if copy is picture:
        return look_closer(scenes, picture, scene)
    near = look_closer(scenes, copy, scenes.detect(copy))
    scale = np.array([picture.width / copy.width, picture.height / copy.height] * 2, np.float32)
    person = scenes.classes.index("person")
    large, doubtful, faces = (
        Detections(found.boxes * scale, found.scores, found.classes)
        for found in (near.scene.objects, near.scene.doubtful, near.scene.faces)
    )
    objects, found = scene.objects, scene.faces
    small = objects.boxes[:, 3] - objects.boxes[:, 1] < CLEAR * MIN_PERSON_PX * scale[1]
    small &= ~is_known(objects, large)
    parts = objects.where(~small & (objects.classes == person))
    joined = Scene(
        together([large, objects.where(small)]),
        not_among(large.where(large.classes == person), together([doubtful, scene.doubtful, parts])),
        together([found, not_among(found, faces)]),
    )
    cut_faces = cut_by_the_edge(scenes, picture, scene, person, LITTLE_BLACK)[1]
    return Closer(joined, np.concatenate([near.cut_faces * scale, cut_faces]))


def not_among(known: Detections, found: Detections) -> Detections:
    """Return what of all that was found is none of the known ones, each once, the surest first."""
    rows = suppress(found.boxes, found.scores, found.classes, SAME)
    once = Detections(found.boxes[rows], found.scores[rows], found.classes[rows])
    return once.where(np.asarray((overlaps(once.boxes, known.boxes) <= SAME).all(axis=1)))
