"""Persons of a single picture, told more surely than a video's frame has time for.

Who is doubtful is looked at again from near: the network finds people best who fill a good part of its
input. So is whose face alone is found. Who is cut by the picture's edge may be seen only where black goes on
behind it: all of it is looked at so, too, and half a face at any edge that is seen only then is masked. And
one person found twice, as a whole and as a narrower box within it, is one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.found_twice import found_twice, shares
from engines.nms import overlaps

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from engines.image import I420
    from engines.scene import Scene
    from engines.scene_detector import SceneDetector

    Boxes = npt.NDArray[np.float32]
    Flags = npt.NDArray[np.bool_]

MARGIN = 0.15
"""What is shown around a doubtful person, in widths and heights of the box."""
AROUND = (1.0, 1.5)
"""How many times that crop's sides the network sees, black around it, tried in turn: somebody who fills
a picture, with the head outside, looks as small as elsewhere then.
"""
AFAR = 1.5
"""How many times its sides the picture is looked at once more with, black around it."""
EDGE = 0.02
"""Who is nearer to the picture's left or right edge than this share of its longer side is cut by it."""
BESIDE = 0.6
"""Most of the width of one cut by the edge, or of one known, that both have: who is seen twice has more."""
SAME = 0.5
"""Least intersection over union of a box and what was found from near."""
SURE = 0.45
"""Least score, from near, of a person that was doubtful."""
MAX_PERSONS = 12
"""Doubtful persons looked at again, the surest first."""
SMALLEST_PX = 80
"""Least height of the box of one looked at again."""
SURE_FACE = 0.7
"""Least score of a face whose person is looked for from near, where nobody is found around it."""
MAX_FACES = 4
"""Most faces whose persons are looked for, the surest first."""
BODY = (-2.0, -0.4, 2.0, 7.0)
"""What is looked at around a face, in its heights from the middle of its upper edge: x1 y1 x2 y2."""
HEAD = 0.35
"""Part of a person's box, from the top, in which the face is."""
APART, PARTLY = 0.3, 0.6
"""Most of two doubtful persons that both cover, and of a doubtful one and one known: else one is a part of
the other. People stand before each other: of the doubtful boxes that are sure from near on photographs of
COCO val2017 and on street photographs, those that are a known person's again share 0.7 of it or more.
"""


@dataclass(frozen=True, slots=True)
class Closer:
    """What is known from near. cut_faces: (N, 4), faces at the edge, as far as they go on behind it."""

    scene: Scene
    cut_faces: Boxes


def look_closer(scenes: SceneDetector, picture: I420, scene: Scene) -> Closer:
    """Return the scene with doubtful persons that are sure from near, and each person once."""
    person = scenes.classes.index("person")
    objects, known = scene.objects, len(scene.doubtful)
    cut, cut_faces = cut_by_the_edge(scenes, picture, scene, person)
    doubtful = _joined(scene.doubtful, cut)
    apart = (shares(doubtful.boxes, objects.boxes[objects.classes == person]) <= PARTLY).all(axis=1)
    apart |= np.arange(len(doubtful)) >= known
    apart &= doubtful.boxes[:, 3] - doubtful.boxes[:, 1] >= SMALLEST_PX
    sure = np.zeros(len(doubtful), np.bool_)
    for row in np.flatnonzero(apart)[:MAX_PERSONS]:
        box = doubtful.boxes[row]
        if (shares(box[None], doubtful.boxes[sure]) <= APART).all():
            sure[row] = _is_seen(scenes, picture, box, person)
    objects = _together(objects, doubtful.where(sure))
    objects = _together(objects, _with_faces_alone(scenes, picture, replace(scene, objects=objects), person))
    twice = _twice(objects, person)
    masked = ~sure & (np.arange(len(doubtful)) < known)
    seen = replace(
        scene,
        objects=objects.where(~twice),
        doubtful=_together(doubtful.where(masked), objects.where(twice)),
    )
    return Closer(seen, cut_faces)


def cut_by_the_edge(
    scenes: SceneDetector, picture: I420, scene: Scene, person: int, times: float = AFAR
) -> tuple[Detections, Boxes]:
    """Return persons at the left and right edge, not yet sure, and faces at any: seen with black behind.

    times: how many times its sides the picture is looked at with.
    """
    shown, x, y = picture.amid_black(times)
    found = scenes.detect(shown)
    seen = _together(found.objects, found.doubtful)
    size, corner = np.array([picture.width, picture.height] * 2, np.float32), np.array([x, y] * 2, np.float32)
    boxes = np.clip(seen.boxes - corner, 0, size)
    near = EDGE * max(picture.width, picture.height)
    cut = (seen.classes == person) & ((boxes[:, 0] <= near) | (boxes[:, 2] >= picture.width - near))
    cut &= boxes[:, 2] - boxes[:, 0] >= SMALLEST_PX / 4  # else it is in the black for the most part
    persons = scene.objects.boxes[scene.objects.classes == person]
    beside = (shares(boxes, persons) == 0) | (_widths_shared(boxes, persons) <= BESIDE)
    cut &= beside.all(axis=1)
    faces = np.asarray(found.faces.boxes - corner, np.float32)
    at_edge = ((faces[:, :2] <= near) | (faces[:, 2:] >= size[2:] - near)).any(axis=1)
    return Detections(boxes, seen.scores, seen.classes).where(cut), faces[at_edge]


def _with_faces_alone(scenes: SceneDetector, picture: I420, scene: Scene, person: int) -> Detections:
    """Return persons who are sure from near, around sure faces that are no known person's."""
    new, looked = Detections.empty(), 0
    for face in sure_faces(scene):
        known = _joined(scene.objects.where(scene.objects.classes == person), new)
        if looked < MAX_FACES and is_nobodys(face, known):
            looked += 1
            new = _joined(new, person_of_face(scenes, picture, face, known, person))
    return new


def sure_faces(scene: Scene) -> list[Boxes]:
    """Return the boxes of faces from which a person may be told, the surest first."""
    return list(scene.faces.where(scene.faces.scores >= SURE_FACE).boxes)


def is_nobodys(face: Boxes, known: Detections) -> bool:
    """Return whether a face is large enough for its person to be sought, and in no known person's box."""
    left, top, right, bottom = face.tolist()
    is_large = (bottom - top) * (BODY[3] - BODY[1]) >= SMALLEST_PX
    return is_large and not _holds(known.boxes, (left + right) / 2, (top + bottom) / 2).any()


def person_of_face(
    scenes: SceneDetector, picture: I420, face: Boxes, known: Detections, person: int
) -> Detections:
    """Return the person that is sure from near around a face, none of those known; empty where none is."""
    left, top, right, bottom = face.tolist()
    x, y, tall = (left + right) / 2, (top + bottom) / 2, bottom - top
    body = np.array([x, top, x, top], np.float32) + tall * np.array(BODY, np.float32)
    size = np.array([picture.width, picture.height] * 2, np.float32)
    for found in _from_near(scenes, picture, body, person):
        seen = Detections(np.clip(found.boxes, 0, size), found.scores, found.classes)
        heads = seen.boxes.copy()
        heads[:, 3] = heads[:, 1] + HEAD * (heads[:, 3] - heads[:, 1])
        is_new = (shares(seen.boxes, known.boxes) <= PARTLY).all(axis=1)
        owners = seen.where(np.asarray(_holds(heads, x, y) & is_new))
        if len(owners):
            return owners.where(np.arange(len(owners)) == 0)
    return Detections.empty()


def _holds(boxes: Boxes, x: float, y: float) -> Flags:
    """Return in which boxes a point lies."""
    inside = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
    return np.asarray(inside, np.bool_)


def _is_seen(scenes: SceneDetector, picture: I420, box: Boxes, person: int) -> bool:
    """Return whether a person is found for sure where a box is, from near."""
    found = _from_near(scenes, picture, box, person)
    return any((overlaps(box[None], seen.boxes) >= SAME).any() for seen in found)


def _from_near(scenes: SceneDetector, picture: I420, box: Boxes, person: int) -> Iterator[Detections]:
    """Yield the persons that are sure on what a box shows, in px of the picture, by each way of AROUND."""
    left, top, right, bottom = box.tolist()
    wide, tall = MARGIN * (right - left), MARGIN * (bottom - top)
    corner = max(0.0, left - wide) // 2 * 2, max(0.0, top - tall) // 2 * 2
    crop = picture.crop(*corner, right + wide - corner[0], bottom + tall - corner[1])
    for times in AROUND:
        shown, x, y = crop.amid_black(times)
        near = scenes.detect(shown)
        seen = _together(near.objects, near.doubtful)
        seen = seen.where((seen.classes == person) & (seen.scores >= SURE))
        moved = seen.boxes - np.array([x - corner[0], y - corner[1]] * 2, np.float32)
        yield Detections(np.asarray(moved, np.float32), seen.scores, seen.classes)


def _twice(found: Detections, person: int) -> Flags:
    """Return which persons are another one's box again."""
    rows = np.flatnonzero(found.classes == person)
    twice = np.zeros(len(found), np.bool_)
    twice[rows] = found_twice(found.boxes[rows], found.scores[rows])
    return twice


def _widths_shared(boxes: Boxes, others: Boxes) -> Boxes:
    """Return (N, M), how much of the narrower of two boxes' widths both have."""
    common = np.minimum.outer(boxes[:, 2], others[:, 2]) - np.maximum.outer(boxes[:, 0], others[:, 0])
    narrower = np.minimum.outer(boxes[:, 2] - boxes[:, 0], others[:, 2] - others[:, 0])
    return np.asarray(common / np.maximum(narrower, 1e-6), np.float32)


def _joined(first: Detections, second: Detections) -> Detections:
    """Return the detections of both, the first ones first."""
    return Detections(
        *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in Detections.__slots__)
    )


def _together(first: Detections, second: Detections) -> Detections:
    """Return the detections of both, highest score first."""
    both = _joined(first, second)
    order = np.argsort(-both.scores, kind="stable")
    return Detections(both.boxes[order], both.scores[order], both.classes[order])
