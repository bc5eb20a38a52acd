"""A picture of many pixels is told as a smaller copy of it is, and all that full scale finds is masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline.large_picture import LONGEST_PX, look_at_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.scene_detector import SceneDetector

Row = tuple[float, float, float, float, float]
SIZE = 1200, 1600
"""Of the copy; the large picture has twice its sides."""
WOMAN = (300, 100, 700, 1500, 0.37)
LEG = (320, 900, 500, 1400, 0.6)
CHILD = (900, 700, 950, 800, 0.7)
FACE = (450, 120, 560, 280, 0.9)


def found(rows: Sequence[Row], times: float = 1.0) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4] * np.float32(times), table[:, 4], np.zeros(len(table), np.int32))


class ByScale:
    """A SceneDetector that sees parts of a person at full scale, and the whole in the copy and from near.

    parts, small: what full scale shows, px of the copy.
    """

    classes = ("person",)

    def __init__(self, *, parts: Sequence[Row] = (), small: Sequence[Row] = (), near: float = 0.7) -> None:
        self._at_full, self._near = (*parts, *small), near
        self.sizes: list[tuple[int, int]] = []

    def detect(self, picture: I420) -> Scene:
        size = picture.width, picture.height
        self.sizes.append(size)
        none = Detections.empty()
        if size == (2 * SIZE[0], 2 * SIZE[1]):
            return Scene(found(self._at_full, 2), none, none)
        if size == SIZE:
            return Scene(none, found([WOMAN]), found([FACE]))
        if size[0] < SIZE[0]:  # from near: the crop is the box and a margin
            x, y = size[0] * 0.15 / 1.3, min(100.0, size[1] * 0.15 / 1.3)
            return Scene(found([(x, y, size[0] - x, size[1] - y, self._near)]), none, none)
        return Scene(none, none, none)


def look(scenes: ByScale, size: tuple[int, int]) -> Scene:
    return look_at_picture(cast("SceneDetector", scenes), I420.black(*size)).scene


def boxes(seen: Detections) -> list[list[float]]:
    return [[float(round(side)) for side in box] for box in seen.boxes.tolist()]


def test_parts_of_a_person_who_is_near_are_nobody_and_are_masked() -> None:
    """The whole, 0.37, is told from the copy; at full scale a leg of it is surer than that."""
    seen = look(ByScale(parts=[LEG]), (2 * SIZE[0], 2 * SIZE[1]))
    assert boxes(seen.objects) == [[2 * side for side in WOMAN[:4]]]
    assert boxes(seen.doubtful) == [[2 * side for side in LEG[:4]]]


def test_who_is_small_is_seen_at_full_scale() -> None:
    seen = look(ByScale(small=[CHILD]), (2 * SIZE[0], 2 * SIZE[1]))
    assert sorted(boxes(seen.objects)) == sorted([2 * side for side in one[:4]] for one in (WOMAN, CHILD))


def test_what_is_small_within_a_person_is_nobody() -> None:
    print_ = (400, 500, 450, 600, 0.7)
    seen = look(ByScale(small=[print_]), (2 * SIZE[0], 2 * SIZE[1]))
    assert len(seen.objects) == 1


def test_a_face_that_only_the_copy_shows_is_masked() -> None:
    seen = look(ByScale(), (2 * SIZE[0], 2 * SIZE[1]))
    assert boxes(seen.faces) == [[2 * side for side in FACE[:4]]]


@pytest.mark.parametrize("near", [0.7, 0.3])
def test_a_large_picture_is_told_as_its_copy_is(near: float) -> None:
    seen = look(ByScale(parts=[LEG], near=near), (2 * SIZE[0], 2 * SIZE[1]))
    copy = look(ByScale(near=near), SIZE)
    assert np.allclose(seen.objects.boxes, 2 * copy.objects.boxes)


def test_a_picture_of_a_usual_size_is_looked_at_once() -> None:
    scenes = ByScale()
    look(scenes, SIZE)
    assert max(SIZE) == LONGEST_PX
    assert scenes.sizes.count(SIZE) == 1


@pytest.mark.parametrize("size", [(30_000, 10), (10, 30_000), (20_000, 2)])
def test_a_strip_is_looked_at(size: tuple[int, int]) -> None:
    """Halved until its longest side fits it had no height at all, and the whole batch ended."""
    scenes = ByScale()
    look(scenes, size)
    assert scenes.sizes[0] == size
    assert min(min(one) for one in scenes.sizes) >= 2


def test_small_faces_that_the_edge_cuts_are_masked_at_full_scale_and_large_ones_of_the_copy() -> None:
    class AtTheEdge(ByScale):
        def detect(self, picture: I420) -> Scene:
            super().detect(picture)
            none = Detections.empty()
            if picture.width in (2 * SIZE[0], SIZE[0]):
                return Scene(none, none, none)
            black = picture.width - (2 * SIZE[0] if picture.width > 2 * SIZE[0] else SIZE[0])
            wide = 40 if picture.width > 2 * SIZE[0] else 100
            return Scene(none, none, found([(black / 2 - wide, 700, black / 2 + wide, 800, 0.6)]))

    closer = look_at_picture(cast("SceneDetector", AtTheEdge()), I420.black(2 * SIZE[0], 2 * SIZE[1]))
    assert sorted((closer.cut_faces[:, 2] - closer.cut_faces[:, 0]).tolist()) == [80, 400]
    assert np.allclose(closer.cut_faces[:, [0, 2]].mean(axis=1), 0, atol=4)
