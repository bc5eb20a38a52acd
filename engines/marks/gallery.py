"""Compares what was found on a picture with the marks that are enrolled: what is none of them stays unknown.

A candidate counts as a brand where it is nearer to one of the brand's pictures than the brand's threshold,
which few camera crops of other marks pass, than any of thousands of other marks, the cohort, and than any
other brand. Other marks, not backgrounds, are what deceives: each test alone lets several times more through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from engines.boxes import share_of_smaller
from engines.errors import BadInput
from engines.marks.shipped_arrays import read_arrays
from engines.marks.types import VECTOR, Route, Sighting
from engines.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from engines.marks.types import Candidates, Enrolled, FloatArray

COHORT = ROOT / "engines" / "models" / "mark-cohort.npz"
COHORT_SHA256 = "faf1fa9fd41426be60464c6b1255a846a628c35e947bccacf134486a3f560c88"
LEAST_SCORE = 0.05
SMALLEST_PX = 10.0
"""Height and width below which a candidate is not asked about."""
FALSE_SHARE = 0.0015
"""Share of other marks' camera crops that may pass a brand's threshold."""
LOWEST, HIGHEST = 0.35, 0.85
SAME = 0.72
"""From here on a mark of the cohort is taken for the enrolled one itself, drawn a little otherwise."""
LEAD = 0.02
# Fitted by logistic regression on 532 candidates that are their brand (16 to 48 px, typical pictures), and on
# 12,000 that are not: on other marks, on photographs and on people that were not trained on; with the weights
# of an earlier training. With these the middle was moved until none of 182 photographs showed a brand.
SLOPE, LEAD_SLOPE, MIDDLE = 27.0, 1.5, -14.6
USUAL = 0.42
"""The usual threshold. A brand that needs more, as pictures cut from garments do, is judged as much later."""
LEAST_CONFIDENCE = 0.3
OVERLAP = 0.3
LARGER_FROM, LARGER_OVERLAP = 0.8, 0.6
"""How sure a larger view of a mark must be, and how much they must overlap, to tell the size of it.

A tight cut is often the surest view, and smaller than the mark: 19 px of 24. Size decides what a mark counts.
"""
NEAR, MAX_AGAIN = 0.18, 24
"""How far below a brand's threshold a place is still looked at again, and how many places of a picture."""
BEST_VIEWS, MAJORITY = 4, 0.5
"""Of a second look: the views whose mean similarity counts, and the share that must show that brand.

135 photographs of nine brands enrolled from a drawing, marks of 24 to 64 px: 36 counted, none wrong; 182
photographs without a mark: none false. With the best six views and a middle of -14.3 it is 34.
"""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Marks of no brand that is enrolled, as float32 vectors of unit length.

    marks: (m, VECTOR) of clean drawings. seen: (s, VECTOR) of camera crops of marks, and of none.
    """

    marks: FloatArray
    seen: FloatArray

    def threshold(self, vectors: FloatArray) -> float:
        """Return the similarity that FALSE_SHARE of other marks' crops pass, for a brand's (k, VECTOR)."""
        if not len(vectors) or not len(self.seen):
            return HIGHEST
        near = (self.seen @ vectors.T).max(axis=1)
        # Crops of the brand's own mark may be among them: a tenth of a percent at the top is not judged by.
        return float(np.clip(np.quantile(near, 1.0 - FALSE_SHARE), LOWEST, HIGHEST))


@cache
def read_cohort(path: Path = COHORT) -> Cohort:
    """Return the cohort made with the models. Read once: a running store then depends on no file.

    Raises BadInput where the file is not as it should be.
    """
    sha256 = COHORT_SHA256 if path == COHORT else None
    marks, seen = read_arrays(path, ("marks", "seen"), what="the cohort of marks", sha256=sha256)
    if any(
        part.ndim != 2 or part.shape[1] != VECTOR or not np.isfinite(part).all() for part in (marks, seen)
    ):
        raise BadInput(f"{path}: is not a cohort of marks; restore the file")
    return Cohort(marks, seen)


class Gallery:
    """The enrolled marks beside the cohort. Immutable; from any thread."""

    def __init__(self, enrolled: Sequence[Enrolled], cohort: Cohort) -> None:
        shown = [e for e in enrolled if Route.SYMBOL in e.routes and len(e.vectors)]
        self._brands = [e.brand for e in shown]
        self._thresholds = np.array([e.threshold for e in shown], np.float32)
        counts = [len(e.vectors) for e in shown]
        self._starts = np.cumsum([0, *counts])[:-1]
        none = np.zeros((0, VECTOR), np.float32)
        self._vectors = np.concatenate([none, *(e.vectors for e in shown)]).astype(np.float32)
        marks = cohort.marks
        if len(self._vectors) and len(marks):
            marks = marks[(marks @ self._vectors.T).max(axis=1) < SAME]
        self._cohort = marks

    def __len__(self) -> int:
        return len(self._brands)

    def similarities(self, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (n, brands) similarity to the nearest picture of each brand, and (n,) to the cohort's."""
        return self._to_brands(vectors), self._to_others(vectors)

    def _to_brands(self, vectors: FloatArray) -> FloatArray:
        if not self._brands:
            return np.zeros((len(vectors), 0), np.float32)
        return np.asarray(np.maximum.reduceat(vectors @ self._vectors.T, self._starts, axis=1), np.float32)

    def _to_others(self, vectors: FloatArray) -> FloatArray:
        if not self._brands or not len(self._cohort) or not len(vectors):
            return np.full(len(vectors), -1.0, np.float32)
        return np.asarray((vectors @ self._cohort.T).max(axis=1), np.float32)

    def margins(self, vectors: FloatArray) -> FloatArray:
        """Return for each of (n, VECTOR) how far it is above the threshold of the brand nearest to it."""
        own = self._to_brands(vectors)
        return np.asarray((own - self._thresholds).max(axis=1, initial=-2.0), np.float32)

    def sightings(
        self, candidates: Candidates, again: Callable[[FloatArray], FloatArray] | None = None
    ) -> list[Sighting]:
        """Return the brands seen, surest first; of several views of one mark only the surest.

        Its box is that of the largest view that is sure too. again: looks at (n, 4) boxes once more, in
        several views: (n, views, VECTOR). Asked of the places that come near to a brand, and then only what
        most of these views agree on counts there.
        """
        if not self._brands or not len(candidates):
            return []
        own = self._to_brands(candidates.vectors)
        sides = candidates.boxes[:, 2:] - candidates.boxes[:, :2]
        rows = np.flatnonzero((candidates.scores >= LEAST_SCORE) & (sides.min(axis=1) >= SMALLEST_PX))
        found = []
        if again is not None:
            near = (own[rows] - self._thresholds).max(axis=1, initial=-1.0)
            nearest = np.argsort(-near, kind="stable")[: min(MAX_AGAIN, int((near > -NEAR).sum()))]
            boxes = candidates.boxes[rows[nearest]]
            found = [self._agreed(seen, box) for seen, box in zip(again(boxes), boxes, strict=True)]
            rows = np.delete(rows, nearest)
        # Few places come so near to a brand that thousands of other marks need be compared with them.
        rows = rows[(own[rows] >= self._thresholds).any(axis=1)]
        others = self._to_others(candidates.vectors[rows])
        found += [
            self._judged(own[row], float(other), candidates.boxes[row])
            for row, other in zip(rows, others, strict=True)
        ]
        return _without_doubles([sighting for sighting in found if sighting is not None])

    def _judged(self, own: FloatArray, other: float, box: FloatArray, note: str = "") -> Sighting | None:
        """Return the brand that a place shows; None where it is not near enough or others are as near.

        own: (brands,) similarity to each brand. other: to the nearest mark of the cohort.
        """
        number = int(own.argmax())
        similarity = float(own[number])
        rival = float(np.partition(own, -2)[-2]) if len(self._brands) > 1 else -1.0
        threshold = float(self._thresholds[number])
        lead = similarity - max(other, rival)
        sure = confidence(similarity - max(0.0, threshold - USUAL), lead)
        if similarity < threshold or lead < LEAD or sure < LEAST_CONFIDENCE:
            return None
        x1, y1, x2, y2 = (float(v) for v in box)
        said = f"{similarity:.2f} alike, {threshold:.2f} needed, others {similarity - lead:.2f}{note}"
        return Sighting(self._brands[number], sure, (x1, y1, x2, y2), Route.SYMBOL, similarity, said)

    def _agreed(self, views: FloatArray, box: FloatArray) -> Sighting | None:
        """Return the brand that most of the (views, VECTOR) of one place show, by their best views."""
        own, other = self.similarities(views)
        best = np.sort(own, axis=0)[::-1][:BEST_VIEWS].mean(axis=0)
        votes = int((own.argmax(axis=1) == int(best.argmax())).sum())
        if votes < MAJORITY * len(views):
            return None
        others = float(np.sort(other)[::-1][:BEST_VIEWS].mean())
        return self._judged(best, others, box, f"; {votes} of {len(views)} views agree")


def _without_doubles(found: Sequence[Sighting]) -> list[Sighting]:
    """Return the sightings that stand for themselves, surest first."""
    distinct: list[Sighting] = []
    for sighting in sorted(found, key=lambda one: -one.confidence):
        shares = [share_of_smaller(sighting.box, one.box) for one in distinct]
        row = next((row for row, share in enumerate(shares) if share >= OVERLAP), None)
        if row is None:
            distinct.append(sighting)
        elif _is_larger_view(sighting, distinct[row], shares[row]):
            distinct[row] = replace(distinct[row], box=sighting.box)
    return distinct


def _is_larger_view(sighting: Sighting, of: Sighting, overlap: float) -> bool:
    same = sighting.brand == of.brand and overlap >= LARGER_OVERLAP
    return same and sighting.confidence >= LARGER_FROM and _area(sighting.box) > _area(of.box)


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def confidence(similarity: float, lead: float) -> float:
    """Return how sure a match is from 0 to 1: by how alike it is and by how much it leads all others."""
    return 1.0 / (1.0 + math.exp(-(SLOPE * similarity + LEAD_SLOPE * lead + MIDDLE)))
