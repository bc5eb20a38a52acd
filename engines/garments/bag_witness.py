"""A second opinion on bags: the detector of persons and accessories, on a person's crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.detector import Detector
    from engines.image import I420

    Corners = tuple[float, float, float, float]

MODEL = "nanodet-416"
BAG_ALONE, BAG_UNAIDED = 0.65, 0.6
"""How sure the parser must be of a bag for nobody to be asked, and where there is nobody to ask."""
BAGS = ("backpack", "handbag", "suitcase")
LEAST = 0.1
"""Least score. Low, because it only has to agree with a parser that sees a bag at that place.

Chosen with an earlier parser, on photographs that it had not learned from, other than those judged by.
"""


class BagWitness:
    """Finds what may be bags on a crop; loads its model at the first one. One thread at a time."""

    def __init__(self) -> None:
        self._detector: Detector | None = None

    def find(self, crop: I420) -> list[Corners]:
        """Return boxes in px of the crop, surest first. Raises BadInput, InferenceFailed."""
        if self._detector is None:
            from engines.detector import load_detector  # noqa: PLC0415 loads OpenVINO

            self._detector = load_detector(MODEL, threads=1, thresholds=dict.fromkeys(BAGS, LEAST))
        found = self._detector.detect([crop])[0]
        names = self._detector.classes
        return [
            (x1, y1, x2, y2)
            for (x1, y1, x2, y2), class_id in zip(found.boxes.tolist(), found.classes.tolist(), strict=True)
            if names[class_id] in BAGS
        ]
