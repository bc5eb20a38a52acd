"""Frames of a file that wait for later ones: however few can, nobody who lies leaves with an open face."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from engines.detections import Detections
from engines.image import I420
from engines.scene import Scene
from pipelines.offline import annotator
from pipelines.offline.annotator import Annotator
from pipelines.settings.privacy import FacesConfig
from pricing.ledger.ledger import Ledger
from tests.fakes.scene_detector import detections

if TYPE_CHECKING:
    from engines.scene import SceneDetector, Wanted
    from probes.recognition.look_workers import FileLooks

STEP_NS = 40_000_000
LIES = range(10, 20)
"""Frames in which somebody lies; they come and go between two looks that are 0.4 s apart."""


class OneWhoLies:
    """Finds who lies where the right quarter of the picture is bright, once it is turned; a clerk stands."""

    classes = ("person",)

    def __init__(self, *, clerk: bool) -> None:
        self._clerk = clerk

    def detect(self, picture: I420, _wanted: Wanted | None = None) -> Scene:
        nobody = Detections.empty()
        if self._clerk and picture.y[-1, 0] == 99:
            return Scene(detections((0, 20, 16, 64)), nobody, detections((4, 22, 12, 30)))
        found = detections((8, 4, 28, 60)) if picture.y[:16].mean() > 150 else nobody
        return Scene(found, nobody, nobody)


class NoLooks:
    left_out = 0

    def offer(self, *_: object) -> None:
        """Look at nothing."""

    def drain(self) -> list[object]:
        return []


def film() -> list[tuple[int, I420]]:
    frames = []
    for number in range(30):
        y = np.full((64, 64), 40, np.uint8)
        if number in LIES:
            y[:, 48:] = 220
        y[-1, 0] = 99
        grey = np.full((32, 32), 128, np.uint8)
        frames.append((number * STEP_NS, I420(y, grey, grey.copy())))
    return frames


@pytest.mark.parametrize("clerk", [False, True])
@pytest.mark.parametrize("waiting", [1, 3, 1000])
def test_who_lies_is_masked_in_each_frame(
    monkeypatch: pytest.MonkeyPatch, waiting: int, *, clerk: bool
) -> None:
    monkeypatch.setattr(annotator, "MAX_WAITING_BYTES", waiting * 64 * 64)
    made = Annotator(
        cast("SceneDetector", OneWhoLies(clerk=clerk)),
        looks=lambda _: cast("FileLooks", NoLooks()),
        ledger=lambda _: Ledger("EUR", lambda *_: None),
        masking=FacesConfig(),
        min_votes=1,
    )
    video = made.video("film", film(), ahead_ms=400)
    masked = {
        done.at // STEP_NS for done in video.frames if any(mask.box.x >= 32 for mask in done.redacted.masks)
    }
    assert masked >= set(LIES)
    assert video.withheld == 0
