"""A second opinion on bags: the detector of persons and accessories on a person's crop, and a judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.boxes import area, iou
from engines.colour import to_bgr
from engines.garments.bag_judge import BagJudge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.detector import Detector
    from engines.image import I420

    Corners = tuple[float, float, float, float]
    Seen = tuple[str, float, Corners]

MODEL = "nanodet-416"
BAG_ALONE, BAG_UNAIDED = 0.65, 0.6
"""How sure the parser must be of a bag for nobody to be asked, and where there is nobody to ask."""
BAG, BAGS = "bag", ("backpack", "handbag", "suitcase")
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
JUDGED, PLACES, APART = 0.05, 6, 0.75
"""Least product of a place's score and its share of a bag; most places judged; overlap of one place."""
DENIED = 0.01
"""Share of a bag below which what is seen at both SIZES is none."""
KIND_LEAD = 1.5
"""By how much the scores of one kind of bag at a place lead the next, for the kind to be said."""
LARGEST, EDGE = 0.6, 0.02
"""Largest share of the crop that is a bag, not the person, and the share of its height that is its edge."""


class BagWitness:
    """Finds what may be bags on a crop; loads its model at the first one. One thread at a time."""

    def __init__(self) -> None:
        self._detector: Detector | None = None
        self._judge: BagJudge | None = None

    def find(self, crop: I420) -> list[Corners]:
        """Return boxes in px of the crop, surest first. Raises BadInput, InferenceFailed."""
        return [box for _, _, box in self._seen(crop)]

    def find_near(self, crop: I420) -> Seen | None:
        """Return type, score and box of a bag close to the camera; None where nobody is sure of one.

        Either it is seen at both SIZES and looks a little like one, or what is seen at all looks like one.
        Raises as `find` does.
        """
        first, second = (self._seen_smaller(crop, size) for size in SIZES)
        agreed = self._agreed(crop, first, second)
        if agreed is not None and self._shares(crop, [agreed])[0] >= DENIED:
            return agreed
        return self._judged(crop, [*first, *second, *self._seen(crop)])

    def _agreed(self, crop: I420, first: Sequence[Seen], second: Sequence[Seen]) -> Seen | None:
        agreed = [
            (label, min(score, other), box)
            for label, score, box in first
            for _, other, there in second
            if iou(box, there) > SAME and min(score, other) >= ALONE and _may_be_bag(box, crop)
        ]
        return max(agreed, key=lambda one: one[1], default=None)

    def _judged(self, crop: I420, seen: Sequence[Seen]) -> Seen | None:
        """Return the place that detector and judge together are surest of, with its score from 0 to 1."""
        places: list[Seen] = []
        for one in sorted(seen, key=lambda one: -one[1]):
            if _may_be_bag(one[2], crop) and all(iou(one[2], box) < APART for _, _, box in places):
                places.append(one)
        places = places[:PLACES]
        shares = self._shares(crop, places)
        judged = [(score * share, box) for (_, score, box), share in zip(places, shares, strict=True)]
        sure, there = max(judged, default=(0.0, (0.0, 0.0, 0.0, 0.0)))
        return (_kind(seen, there), sure**0.5, there) if sure >= JUDGED else None

    def release(self) -> None:
        """Let the model go until the next crop."""
        self._detector = self._judge = None

    def _shares(self, crop: I420, places: Sequence[Seen]) -> list[float]:
        if self._judge is None:
            self._judge = BagJudge()
        return self._judge.shares(to_bgr(crop), [box for _, _, box in places])

    def _seen_smaller(self, crop: I420, size: float) -> list[Seen]:
        around, left, top = crop.amid_black(size)
        return [
            (label, score, (x1 - left, y1 - top, x2 - left, y2 - top))
            for label, score, (x1, y1, x2, y2) in self._seen(around)
        ]

    def _seen(self, crop: I420) -> list[Seen]:
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


def _kind(seen: Sequence[Seen], there: Corners) -> str:
    """Return which kind of bag is seen at a place; `bag` where none leads."""
    sums = dict.fromkeys(BAGS, 0.0)
    for label, score, box in seen:
        if iou(box, there) > SAME:
            sums[label] += score
    first, second = sorted(sums, key=lambda label: -sums[label])[:2]
    return first if sums[first] >= KIND_LEAD * sums[second] else BAG


def _may_be_bag(box: Corners, crop: I420) -> bool:
    """Return whether a box is neither the person nor, at the crop's upper edge, a raised arm or hair."""
    return box[1] > EDGE * crop.height and area(box) < LARGEST * crop.width * crop.height
