"""Doubtful persons of a picture are looked at from near; one person found twice is one."""

from __future__ import annotations

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline.close_look import AROUND, MAX_PERSONS, look_closer

PICTURE = I420.black(1000, 800)
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
    seen = look_closer(scenes, PICTURE, Scene(objects, doubtful, Detections.empty()))
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
    assert scenes.sizes == [(260, 520), (390, 780)][: 1 if sure else 2]


def test_who_fills_the_picture_is_sought_with_black_around() -> None:
    """What is 30, 60 px in the crop lies 64, 130 px further right and down there."""

    class Far(Near):
        def detect(self, picture: I420) -> Scene:
            super().detect(picture)
            there = found((94, 190, 294, 590, 0.6)) if picture.width == 390 else found()
            return Scene(there, Detections.empty(), Detections.empty())

    scenes = Far()
    assert counts(scenes, Detections.empty(), found((100, 100, 300, 500, 0.39))) == (1, 0)
    assert scenes.sizes == [(260, 520), (390, 780)]


def test_small_and_many_doubtful_persons_are_only_masked() -> None:
    scenes = Near()
    assert counts(scenes, Detections.empty(), found((100, 100, 120, 140, 0.3))) == (0, 1)
    assert scenes.sizes == []
    row = found(*[(90 * n, 100, 90 * n + 80, 500, 0.3) for n in range(MAX_PERSONS + 2)])
    assert counts(scenes, Detections.empty(), row) == (0, MAX_PERSONS + 2)
    assert len(scenes.sizes) == MAX_PERSONS * len(AROUND)


def test_a_part_of_a_known_person_is_not_looked_at_again() -> None:
    scenes = Near((30, 60, 230, 460, 0.7))
    assert counts(scenes, found((100, 100, 700, 780, 0.8)), found((100, 100, 300, 500, 0.3))) == (1, 1)
    assert scenes.sizes == []


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
