"""A second opinion on bags: the detector of persons and accessories, on a person's crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.boxes import area, iou
from engines.image import I420

if TYPE_CHECKING:
    from engines.detector import Detector

    Corners = tuple[float, float, float, float]

MODEL = "nanodet-416"
BAG_ALONE, BAG_UNAIDED = 0.65, 0.6
"""How sure the parser must be of a bag for nobody to be asked, and where there is nobody to ask."""
BAGS = ("backpack", "handbag", "suitcase")
LEAST = 0.1
"""Least score. Low, because it only has to agree with a parser that sees a bag at that place.

Chosen with an earlier parser, on photographs that it had not learned from, other than those judged by.
"""
ALONE = 0.26
"""Least score, at both sizes, of a bag that the parser does not see.

Of 219 bags on half-length crops of street photographs it sees 51 without the parser, on 156 such crops
without a bag none, on 71 half-length persons of COCO val2017 one that is labelled and three that are not.
"""
SIZES = (2.0, 1.5)
"""How many times a crop's sides the black around it is, so that what is near looks as small as elsewhere."""
SAME = 0.5
LARGEST, EDGE = 0.6, 0.02
"""Largest share of the crop that is a bag, not the person, and the share of its height that is its edge."""


class BagWitness:
    """Finds what may be bags on a crop; loads its model at the first one. One thread at a time."""

    def __init__(self) -> None:
        self._detector: Detector | None = None

    def find(self, crop: I420) -> list[Corners]:
        """Return boxes in px of the crop, surest first. Raises BadInput, InferenceFailed."""
        return [box for _, _, box in self._seen(crop)]

    def find_near(self, crop: I420) -> tuple[str, float, Corners] | None:
        """Return type, score and box of a bag close to the camera; None where it is not seen at both SIZES.

        Raises as `find` does.
        """
        first, second = (self._seen_smaller(crop, size) for size in SIZES)
        agreed = [
            (label, min(score, other), box)
            for label, score, box in first
            for _, other, there in second
            if iou(box, there) > SAME and box[1] > EDGE * crop.height and min(score, other) >= ALONE
            if area(box) < LARGEST * crop.width * crop.height
        ]
        return max(agreed, key=lambda one: one[1], default=None)

    def release(self) -> None:
        """Let the model go until the next crop."""
        self._detector = None

    def _seen_smaller(self, crop: I420, size: float) -> list[tuple[str, float, Corners]]:
        around = I420.black(int(crop.width * size) // 2 * 2, int(crop.height * size) // 2 * 2)
        left, top = (around.width - crop.width) // 4 * 2, (around.height - crop.height) // 4 * 2
        for ours, theirs, half in ((around.y, crop.y, 1), (around.u, crop.u, 2), (around.v, crop.v, 2)):
            high, wide = theirs.shape
            ours[top // half : top // half + high, left // half : left // half + wide] = theirs
        return [
            (label, score, (x1 - left, y1 - top, x2 - left, y2 - top))
            for label, score, (x1, y1, x2, y2) in self._seen(around)
        ]

    def _seen(self, crop: I420) -> list[tuple[str, float, Corners]]:
        if self._detector is None:
            from engines.detector import load_detector  # noqa: PLC0415 loads OpenVINO

            self._detector = load_detector(MODEL, threads=1, thresholds=dict.fromkeys(BAGS, LEAST))
        found = self._detector.detect([crop])[0]
        names = self._detector.classes
        return [
            (names[class_id], score, (x1, y1, x2, y2))
            for (x1, y1, x2, y2), score, class_id in zip(
                found.boxes.tolist(), found.scores.tolist(), found.classes.tolist(), strict=True
            )
            if names[class_id] in BAGS
        ]
