"""Who stands in plain view of a film and is seen by the face alone is told, as on a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline.annotator import Annotator
from pipelines.offline.film_faces import AGAIN_NS, FilmFaces
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.ledger import Ledger
from tests.fakes.scene_detector import detections

if TYPE_CHECKING:
    from engines.scene import SceneRequest
    from engines.scene_detector import SceneDetector
    from probes.recognition.file_looks import FileLooks

WIDE, HIGH = 400, 480
STEP_NS = 100_000_000
FACE, BODY = (190, 60, 210, 90), (150, 50, 250, 330)


class SeesWholeOnlyFromNear:
    """Sees a face on the whole picture, and a woman only on what is cut out around it.

    faces: on the whole picture. from_near: whether she is seen at all.
    """

    classes = ("person",)

    def __init__(self, *faces: tuple[int, int, int, int], from_near: bool = True) -> None:
        self._faces, self._from_near = faces or (FACE,), from_near
        self.near = 0

    def detect(self, shown: I420, _wanted: SceneRequest | None = None) -> Scene:
        nobody = Detections.empty()
        if (shown.width, shown.height) == (WIDE, HIGH):
            return Scene(nobody, nobody, detections(*self._faces))
        self.near += 1
        # Beside black she is where she would be without: the middle of the cut, from top to bottom.
        wide, high = shown.width, shown.height
        woman = (wide / 2 - 45, high * 0.08, wide / 2 + 45, high * 0.92)
        return Scene(detections(woman) if self._from_near else nobody, nobody, nobody)

    def is_whole_enough(self, _picture: I420, _min_person_px: float) -> bool:
        return True


class NoLooks:
    left_out = 0

    def offer(self, *_: object) -> None:
        """Look at nothing."""

    def drain(self) -> list[object]:
        return []


def frames(count: int) -> list[tuple[int, I420]]:
    noise = np.random.default_rng(3)
    grey = np.full((HIGH // 2, WIDE // 2), 128, np.uint8)
    return [
        (number * STEP_NS, I420(noise.integers(90, 110, (HIGH, WIDE), np.uint8), grey, grey.copy()))
        for number in range(count)
    ]


def people(scenes: SeesWholeOnlyFromNear, ahead_ms: int) -> int:
    video = Annotator(
        cast("SceneDetector", scenes),
        looks=lambda _: cast("FileLooks", NoLooks()),
        ledger=lambda _: Ledger("EUR", lambda *_: None),
        masking=FacesConfig(),
        min_votes=1,
    ).video("film", frames(12), ahead_ms=ahead_ms)
    assert len(list(video.frames)) == 12
    return len(video.persons)


def test_somebody_whom_only_the_face_gives_away_is_told_in_a_film() -> None:
    assert people(SeesWholeOnlyFromNear(), 400) == 1


def test_frames_that_cannot_wait_are_not_looked_at_from_near() -> None:
    assert people(SeesWholeOnlyFromNear(), 0) == 0


def test_a_face_around_which_nobody_is_found_is_asked_about_again_only_after_a_while() -> None:
    scenes = SeesWholeOnlyFromNear(from_near=False)
    faces = FilmFaces(cast("SceneDetector", scenes))
    asked = []
    for number, (_, picture) in enumerate(frames(4)):
        at = number * AGAIN_NS // 3
        assert len(faces.add(picture, at, scenes.detect(picture)).objects) == 0
        asked.append(scenes.near)
    assert asked[0] == asked[2] < asked[3]


def test_another_face_is_asked_about_though_one_was_in_vain() -> None:
    scenes = SeesWholeOnlyFromNear(from_near=False)
    faces, (_, picture) = FilmFaces(cast("SceneDetector", scenes)), frames(1)[0]
    faces.add(picture, 0, scenes.detect(picture))
    asked = scenes.near
    elsewhere = SeesWholeOnlyFromNear((60, 60, 80, 90)).detect(picture)
    faces.add(picture, 1, elsewhere)
    assert scenes.near == 2 * asked


def test_a_face_in_a_known_persons_box_is_hers() -> None:
    scenes = SeesWholeOnlyFromNear()
    faces, (_, picture) = FilmFaces(cast("SceneDetector", scenes)), frames(1)[0]
    scene = Scene(detections(BODY), Detections.empty(), detections(FACE))
    assert faces.add(picture, 0, scene) is scene
    assert scenes.near == 0
