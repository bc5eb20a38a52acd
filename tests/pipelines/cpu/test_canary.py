"""The self-check of masking: good with the real detectors, and what follows where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.detector import FILE_PATIENCE_S
from engines.errors import InferenceFailed
from engines.scene import Scene
from engines.scene_detector import load_scene_detector
from pipelines.cpu.canary import AGAIN_S, EVERY_S, FACE, Canary
from tests.fakes.scene_detector import FakeSceneDetector, detections

if TYPE_CHECKING:
    from engines.detections import Detections

ELSEWHERE = (20.0, 20.0, 60.0, 70.0)


class Scenes(FakeSceneDetector):
    def detect(self, picture: object, wanted: object) -> Scene:
        if self.errors:
            raise self.errors[0]
        return self.scene


def canary(faces: Detections) -> tuple[Canary, list[float], list[bool], Scenes]:
    scenes, now, results = Scenes(), [100.0], []
    scenes.scene = Scene(detections(), detections(), faces)
    return Canary(scenes, clock=lambda: now[0], on_result=results.append), now, results, scenes


def test_the_real_detectors_find_the_built_in_face_and_it_is_covered() -> None:
    assert Canary(
        load_scene_detector("nanodet-416", "centerface", threads=1, patience_s=FILE_PATIENCE_S),
        clock=lambda: 0.0,
    ).check_if_due()


@pytest.mark.parametrize(
    ("faces", "error"),
    [
        (detections(), None),
        (detections(ELSEWHERE), None),
        (detections(FACE), InferenceFailed("no answer")),
        (detections(FACE), RuntimeError("anything")),
    ],
)
def test_a_face_left_open_or_not_found_fails_it(faces: Detections, error: Exception | None) -> None:
    one, _, results, scenes = canary(faces)
    if error is not None:
        scenes.errors[0] = error
    assert not one.check_if_due()
    assert results == [False]


def test_it_is_done_at_the_start_every_minute_and_every_second_after_a_failure() -> None:
    one, now, results, scenes = canary(detections(FACE))
    assert not one.alive
    assert one.check_if_due()
    now[0] += EVERY_S - 1
    assert one.check_if_due()
    assert results == [True]
    scenes.scene = Scene(detections(), detections(), detections())
    now[0] += 1
    assert not one.check_if_due()
    now[0] += AGAIN_S / 2
    assert not one.check_if_due()
    assert results == [True, False]
    scenes.scene = Scene(detections(), detections(), detections(FACE))
    now[0] += AGAIN_S
    assert one.check_if_due()
    assert results == [True, False, True]
