"""Persons of a film whose face alone is found, looked for from near as on a single picture.

The network misses some who stand in plain view in each frame of a film; their faces are masked, and nobody
would be told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engines.nms import overlaps
from engines.scene_joining import together
from pipelines.offline.close_look import MAX_FACES, is_nobodys, person_of_face, sure_faces

if TYPE_CHECKING:
    from engines.image import I420
    from engines.scene import Scene
    from engines.scene_detector import SceneDetector
    from pipelines.offline.close_look import Boxes

AGAIN_NS = 1_000_000_000
"""How long a face around which nobody was found is not asked about again: a picture on a wall stays one."""
SAME_FACE = 0.2
"""Least intersection over union of a face and the same one in another frame."""


class FilmFaces:
    """Adds the persons of one film who are found around their faces."""

    def __init__(self, scenes: SceneDetector) -> None:
        self._scenes, self._person = scenes, scenes.classes.index("person")
        self._in_vain: list[tuple[Boxes, int]] = []

    def add(self, picture: I420, at: int, scene: Scene) -> Scene:
        """Return the scene of a frame with them, at ns since the first. Raises InferenceFailed."""
        self._in_vain = [one for one in self._in_vain if 0 <= at - one[1] < AGAIN_NS]
        asked = 0
        for face in sure_faces(scene):
            known = scene.objects.where(scene.objects.classes == self._person)
            if asked == MAX_FACES or not is_nobodys(face, known) or self._was_in_vain(face):
                continue
            asked += 1
            found = person_of_face(self._scenes, picture, face, known, self._person)
            if len(found):
                scene = replace(scene, objects=together([scene.objects, found]))
            else:
                self._in_vain.append((face, at))
        return scene

    def _was_in_vain(self, face: Boxes) -> bool:
        before = np.array([box for box, _ in self._in_vain], np.float32).reshape(-1, 4)
        return bool((overlaps(face[None], before) >= SAME_FACE).any())
