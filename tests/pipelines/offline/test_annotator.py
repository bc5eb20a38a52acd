"""What is told of a picture before it is annotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline.annotator import Annotator
from pipelines.settings.privacy import FacesConfig

if TYPE_CHECKING:
    from engines.scene import SceneDetector


class HeadUp:
    """Finds a person where a picture's bright end is at the top."""

    classes = ("bag", "person")

    def detect(self, picture: I420) -> Scene:
        top = picture.y[: picture.height // 4].mean()
        score = np.float32(0.6 if top > 1.5 * picture.y.mean() else 0.0)
        found = Detections(
            np.array([[0, 0, 8, 8]] * 2, np.float32), np.array([0.9, score]), np.array([0, 1], np.int32)
        )
        return Scene(found if score else found_bag(), Detections.empty(), Detections.empty())


def found_bag() -> Detections:
    return Detections(
        np.array([[0, 0, 8, 8]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int32)
    )


def picture(*, head: bool) -> I420:
    y = np.full((64, 48), 40, np.uint8)
    y[:16] = 220 if head else 40
    grey = np.full((32, 24), 128, np.uint8)
    return I420(y, grey, grey)


@pytest.mark.parametrize(
    ("head", "hung", "mend"),
    [(True, 0, 0), (True, 90, 270), (True, 180, 180), (True, 270, 90), (False, 90, 0)],
)
def test_how_a_picture_must_be_turned_for_somebody_to_be_found(hung: int, mend: int, *, head: bool) -> None:
    scenes = cast("SceneDetector", HeadUp())
    unused = cast("Any", None)
    annotator = Annotator(scenes, looks=unused, ledger=unused, masking=FacesConfig(), min_votes=3)
    assert annotator.seems_turned(picture(head=head).rotated(hung)) == mend
