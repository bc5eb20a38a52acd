"""A SceneDetector that answers what a test tells it, the same for every picture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from engines.detections import Detections
from engines.scene import Scene

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from engines.errors import InferenceFailed
    from engines.image import I420
    from engines.scene import SceneRequest

Corners = tuple[float, float, float, float]


def detections(*boxes: Corners, score: float = 0.9) -> Detections:
    """Return boxes x1 y1 x2 y2 of the first class."""
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(corners, np.full(len(corners), score, np.float32), np.zeros(len(corners), np.int32))


class FakeSceneDetector:
    """errors: by the width of the picture that fails with them; 0: every picture."""

    classes = ("person",)

    def __init__(
        self,
        *,
        persons: Sequence[Corners] = (),
        faces: Sequence[Corners] = (),
        doubtful: Sequence[Corners] = (),
    ) -> None:
        self.scene = Scene(detections(*persons), detections(*doubtful, score=0.3), detections(*faces))
        self.errors: dict[int, InferenceFailed] = {}
        self.known: dict[int, threading.Event] = {}
        """Set once pictures of that width are known; others are at once."""
        self.wanted: list[SceneRequest] = []
        self.asked: Counter[str] = Counter()

    def start(self, pictures: Sequence[I420], wanted: Sequence[SceneRequest]) -> FakePendingScenes:
        assert len(pictures) == len(wanted)
        self.wanted += wanted
        return FakePendingScenes(self, [picture.width for picture in pictures])


class FakePendingScenes:
    def __init__(self, detector: FakeSceneDetector, widths: Sequence[int]) -> None:
        self._detector, self._widths = detector, widths

    def look_closer(self) -> None:
        """Everything is known already."""
        self._detector.asked["look_closer"] += 1

    def drop(self) -> None:
        """Nobody asks for the results."""
        self._detector.asked["drop"] += 1

    def let_go(self) -> None:
        """Nothing is under way."""
        self._detector.asked["let_go"] += 1

    def results(self) -> Iterator[Scene | InferenceFailed]:
        self._detector.asked["results"] += 1
        for width in self._widths:
            if (known := self._detector.known.get(width)) is not None:
                known.wait(60)
            errors = self._detector.errors
            yield errors.get(0) or errors.get(width) or self._detector.scene
