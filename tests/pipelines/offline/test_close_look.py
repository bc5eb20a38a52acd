"""Doubtful persons of a picture are looked at from near; one person found twice is one."""

from __future__ import annotations

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline.close_look import AROUND, MAX_FACES, MAX_PERSONS, look_closer

PICTURE = I420.black(1000, 800)
WHOLE = (1500, 1200)
"""What is looked at once more with black around it: all of PICTURE."""
Row = tuple[float, float, float, float, float]


def found(*rows: Row, class_id: int = 0) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.full(len(table), class_id, np.int32))


class Near:
    """A SceneDetector that finds the same in every crop, in its pixels."""

    classes = ("person", "handbag")

    def __init__(self, *rows: Row, class_id: int = 0) -> None:
        self._found, self.sizes = found(*rows, class_id=class_id), []

    def detect(self, picture: I420) -> Scene:
        self.sizes.append((picture.width, picture.height))
        return Scene(self._found, Detections.empty(), Detections.empty())


def counts(scenes: Near, objects: Detections, doubtful: Detections) -> tuple[int, int]:
    seen = look_closer(scenes, PICTURE, Scene(objects, doubtful, Detections.empty())).scene
    assert len(seen.objects) + len(seen.doubtful) == len(objects) + len(doubtful)  # all are masked
    return len(seen.objects), len(seen.doubtful)


@pytest.mark.parametrize(
    ("near", "class_id", "sure"),
    [
        ((30, 60, 230, 460, 0.7), 0, 1),
        ((30, 60, 230, 460, 0.4), 0, 0),
        ((0, 0, 60, 60, 0.7), 0, 0),
        ((30, 60, 230, 460, 0.7), 1, 0),
    ],
)
def test_a_doubtful_person_counts_where_it_is_sure_from_near(near, class_id, sure) -> None:
    scenes = Near(near, class_id=class_id)
    assert counts(scenes, Detections.empty(), found((100, 100, 300, 500, 0.3))) == (sure, 1 - sure)
    assert scenes.sizes == [WHOLE, (260, 520), (390, 780)][: 2 if sure else 3]


def test_who_fills_the_picture_is_sought_with_black_around() -> None:
    """What is 30, 60 px in the crop lies 64, 130 px further right and down there."""

    class Far(Near):
        def detect(self, picture: I420) -> Scene:
            super().detect(picture)
            there = found((94, 190, 294, 590, 0.6)) if picture.width == 390 else found()
            return Scene(there, Detections.empty(), Detections.empty())

    scenes = Far()
    assert counts(scenes, Detections.empty(), found((100, 100, 300, 500, 0.39))) == (1, 0)
    assert scenes.sizes == [WHOLE, (260, 520), (390, 780)]


NEAR = (30, 60, 230, 430, 0.7)
"""In the crop around ALONE, whose corner is at 340, 24 px."""
ALONE = (450, 100, 490, 150, 0.9)


@pytest.mark.parametrize(
    ("face", "near", "known", "persons"),
    [
        pytest.param(ALONE, NEAR, (), 1, id="nobody is found around it"),
        pytest.param((*ALONE[:4], 0.6), NEAR, (), 0, id="unsure face"),
        pytest.param(ALONE, (*NEAR[:4], 0.4), (), 0, id="unsure person"),
        pytest.param(ALONE, (150, 300, 300, 430, 0.7), (), 0, id="somebody else"),
        pytest.param(ALONE, NEAR, ((400, 90, 560, 500, 0.8),), 1, id="somebody known"),
        pytest.param(ALONE, NEAR, ((380, 160, 560, 500, 0.8),), 1, id="somebody known, the head left out"),
        pytest.param(ALONE, NEAR, ((600, 90, 800, 500, 0.8),), 2, id="beside somebody"),
        pytest.param((450, 100, 458, 110, 0.9), NEAR, (), 0, id="small"),
    ],
)
def test_whose_face_alone_is_found_is_looked_for_from_near(face, near, known, persons) -> None:
    before = Scene(found(*known), Detections.empty(), found(face))
    seen = look_closer(Near(near), PICTURE, before).scene
    assert len(seen.objects) == persons
    if persons > len(known):
        assert [370, 84, 570, 454] in seen.objects.boxes.tolist()


def test_of_many_faces_alone_few_are_looked_at() -> None:
    faces = found(*[(90 * n, 100, 90 * n + 40, 150, 0.9) for n in range(MAX_FACES + 2)])
    scenes = Near()
    look_closer(scenes, PICTURE, Scene(Detections.empty(), Detections.empty(), faces))
    assert len(scenes.sizes) == 1 + MAX_FACES * len(AROUND)


def test_small_and_many_doubtful_persons_are_only_masked() -> None:
    scenes = Near()
    assert counts(scenes, Detections.empty(), found((100, 100, 120, 140, 0.3))) == (0, 1)
    assert scenes.sizes == [WHOLE]
    scenes.sizes.clear()
    row = found(*[(90 * n, 100, 90 * n + 80, 500, 0.3) for n in range(MAX_PERSONS + 2)])
    assert counts(scenes, Detections.empty(), row) == (0, MAX_PERSONS + 2)
    assert len(scenes.sizes) == 1 + MAX_PERSONS * len(AROUND)


@pytest.mark.parametrize(("left", "persons"), [(100, 1), (50, 1), (10, 2)])
def test_a_part_of_a_known_person_is_not_looked_at_again_and_who_stands_behind_one_is(left, persons) -> None:
    scenes = Near((30, 60, 230, 460, 0.7))
    behind = found((left, 100, left + 200, 500, 0.3))
    assert counts(scenes, found((100, 100, 700, 780, 0.8)), behind) == (persons, 2 - persons)
    assert len(scenes.sizes) == persons


@pytest.mark.parametrize(
    ("other", "persons"),
    [
        ((220, 110, 400, 500, 0.5), 1),
        ((220, 110, 400, 300, 0.5), 2),
        ((320, 110, 600, 500, 0.5), 2),
    ],
)
def test_one_person_found_twice_is_one(other, persons) -> None:
    assert counts(Near(), found((100, 100, 390, 500, 0.8), other), Detections.empty())[0] == persons


@pytest.mark.parametrize(
    ("part", "persons"),
    [
        pytest.param((110, 105, 380, 290), 1, id="the upper half"),
        pytest.param((110, 200, 380, 390), 2, id="somebody who is smaller before it"),
        pytest.param((250, 105, 385, 290), 2, id="somebody narrower, as high"),
        pytest.param((110, 105, 600, 290), 2, id="somebody beside it"),
    ],
)
@pytest.mark.parametrize("surer", [0.5, 0.9])
def test_the_upper_part_of_a_person_is_nobody_else_however_sure(part, persons, surer) -> None:
    whole = 100, 100, 390, 500
    before = Scene(found((*whole, 0.8), (*part, surer)), Detections.empty(), Detections.empty())
    seen = look_closer(Near(), PICTURE, before).scene
    assert len(seen.objects) == persons
    assert list(whole) in seen.objects.boxes.tolist()
    assert len(seen.objects) + len(seen.doubtful) == 2


class Edge(Near):
    """Somebody is faintly seen with black around all of PICTURE, px there, and in any crop of it."""

    def __init__(self, *rows: Row, near: float = 0.7) -> None:
        super().__init__(*rows)
        self._near = near

    def detect(self, picture: I420) -> Scene:
        whole = (picture.width, picture.height) == WHOLE
        self.sizes.append((picture.width, picture.height))
        if whole:
            moved = self._found.boxes + np.array([250, 200] * 2, np.float32)
            there = Detections(moved, self._found.scores, self._found.classes)
            return Scene(Detections.empty(), there, Detections.empty())
        size = picture.width, picture.height
        return Scene(found((0, 0, *size, self._near)), Detections.empty(), Detections.empty())


def test_who_is_cut_by_the_edge_is_seen_with_black_behind_it() -> None:
    beside = found((300, 0, 800, 800, 0.8))
    for box, near, persons in (
        ((760, 0, 1010, 700, 0.34), 0.7, 2),
        ((760, 0, 1010, 700, 0.34), 0.3, 1),  # not sure from near
        ((600, 0, 1000, 700, 0.34), 0.7, 2),  # half of it is the other one's
        ((400, 0, 1000, 700, 0.34), 0.7, 1),  # more is: perhaps the same one
        ((760, 300, 1000, 800, 0.34), 0.7, 2),
        ((-10, 0, 200, 700, 0.34), 0.7, 2),
        ((810, 0, 950, 700, 0.34), 0.7, 1),  # not at the edge: seen without black as well
    ):
        seen = look_closer(
            Edge(box, near=near), PICTURE, Scene(beside, Detections.empty(), Detections.empty())
        ).scene
        assert len(seen.objects) == persons, box
        assert not len(seen.doubtful)
        assert seen.objects.boxes.min() >= 0
        assert seen.objects.boxes[:, 2].max() <= PICTURE.width


def test_a_face_cut_by_any_edge_is_seen_with_black_behind_it() -> None:
    class Faces(Near):
        def detect(self, picture: I420) -> Scene:
            super().detect(picture)
            return Scene(Detections.empty(), Detections.empty(), self._found)

    nothing = Scene(Detections.empty(), Detections.empty(), Detections.empty())
    at_edges = (-40, 300, 40, 400), (980, 300, 1050, 400), (300, -30, 380, 40), (300, 770, 380, 850)
    amid = np.array([*at_edges, (300, 300, 380, 400)]) + np.array([250, 200] * 2)
    seen = look_closer(Faces(*[(*box, 0.6) for box in amid]), PICTURE, nothing)
    assert seen.cut_faces.tolist() == [list(box) for box in at_edges]
    assert not len(seen.scene.faces)  # they take no known person's head from it
