"""How people stand in a picture: what speaks for each turn of it, and in which there is clearly most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.found_twice import shares
from pipelines.cpu.chain import PERSON

if TYPE_CHECKING:
    from engines.detections import Detections
    from engines.scene import Scene
    from engines.scene_detector import SceneDetector

SURE_FACE = SURE_PERSON = 0.5
CLEARLY_MORE, ON_HEAD = 1.1, 1.2
"""How many times what speaks for a picture as it is must speak for a turn of it, and for half a turn where no
sure face does: a body whose head is not in view is found on its head about as surely as upright;
docs/recognition-measured.md.
"""
HALF = 180
SAME_PLACE = 0.5
"""Share of the smaller box from which two are one person here, or parts of one."""
TALL = 1.2
"""A person who stands is so many times as high as wide."""


def stands_sure(scenes: SceneDetector, scene: Scene) -> bool:
    """Return whether somebody surely stands upright."""
    found = scene.objects
    sure = found.boxes[(found.classes == scenes.classes.index(PERSON)) & (found.scores >= SURE_PERSON)]
    tall = (sure[:, 3] - sure[:, 1]) >= TALL * (sure[:, 2] - sure[:, 0])
    return bool(tall.any() or (len(sure) and (scene.faces.scores >= SURE_FACE).any()))


def surest(scenes: SceneDetector, scene: Scene) -> float:
    """Return the highest score of a person."""
    people = scene.objects.classes == scenes.classes.index(PERSON)
    return float(scene.objects.scores[people].max(initial=0.0))


def turn_of(scenes: SceneDetector, scene: Scene, turned: dict[int, Scene]) -> int:
    """Return the turn in which clearly more people are found than in the picture as it is; else 0.

    scene: what is in the picture as it is; turned: in its turns, by degrees clockwise.
    """
    best = max(turned, key=lambda turn: _evidence(scenes, turned[turn]))
    is_told = surest(scenes, turned[best]) and speaks_more(scenes, scene, turned[best], best)
    return best if is_told else 0


def speaks_more(scenes: SceneDetector, scene: Scene, turned: Scene, turn: int) -> bool:
    """Return whether clearly more speaks for a turn, in degrees, of a picture than for it as it is."""
    is_body = turn == HALF and not (turned.faces.scores >= SURE_FACE).any()
    times = ON_HEAD if is_body else CLEARLY_MORE
    return _evidence(scenes, turned) > times * _evidence(scenes, scene)


def _evidence(scenes: SceneDetector, scene: Scene) -> float:
    people, faces = scene.objects.classes == scenes.classes.index(PERSON), scene.faces.scores >= SURE_FACE
    return _sum_apart(scene.objects.where(people)) + _sum_apart(scene.faces.where(faces))


def _sum_apart(found: Detections) -> float:
    """Return the sum of the scores, of boxes that share a place only of the surest.

    Somebody who is turned the wrong way is often found as several parts of a body.
    """
    shared, kept = shares(found.boxes, found.boxes), list[int]()
    for row in np.argsort(-found.scores, kind="stable").tolist():
        if (shared[row, kept] <= SAME_PLACE).all():
            kept.append(row)
    return float(found.scores[kept].sum())
