"""Whether two engines of one network say the same of the same pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engines.nms import overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.detections import Detections

MARGIN = 0.05
"""What lies this close above its threshold may be on the other side of it in another arithmetic."""
LEAST_OVERLAP = 0.7
LEAST_FOUND, LEAST_SURE = 0.97, 0.95
LEAST_SAMPLE = 30


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a candidate compares with its reference over all pictures.

    found of clear: clear detections of the reference that the candidate has too, in place and class.
    sure of claimed: clear detections of the candidate that the reference has too. overlap: mean intersection
    over union of the pairs found. score_shift: mean absolute difference of their scores.
    """

    pictures: int
    clear: int
    found: int
    claimed: int
    sure: int
    overlap: float
    score_shift: float

    @property
    def enough(self) -> bool:
        """Whether there was enough to judge by."""
        return self.clear >= LEAST_SAMPLE

    @property
    def good(self) -> bool:
        """Whether the candidate may stand in for the reference."""
        return (
            self.enough and self.found >= LEAST_FOUND * self.clear and self.sure >= LEAST_SURE * self.claimed
        )

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.found} of {self.clear} clear detections kept, {self.claimed - self.sure} of "
            f"{self.claimed} new, over {self.pictures} pictures; overlap {self.overlap:.3f}, "
            f"scores shift {self.score_shift:.3f}"
        )


def compare(
    reference: Sequence[Detections], candidate: Sequence[Detections], thresholds: npt.NDArray[np.float32]
) -> Agreement:
    """Compare two engines' detections of the same pictures, in the same order.

    thresholds: (classes,) the least score per class that both were read with. A detection is clear where its
    score exceeds that by MARGIN, so that noise at the threshold counts for neither side.
    """
    clear = found = claimed = sure = 0
    overlap: list[float] = []
    shift: list[float] = []
    for theirs, ours in zip(reference, candidate, strict=True):
        best, partner = _best(theirs, ours)
        strong = theirs.scores >= thresholds[theirs.classes] + MARGIN
        pairs = strong & (best >= LEAST_OVERLAP)
        clear, found = clear + int(strong.sum()), found + int(pairs.sum())
        overlap += best[pairs].tolist()
        shift += np.abs(theirs.scores[pairs] - ours.scores[partner[pairs]]).tolist()
        strong = ours.scores >= thresholds[ours.classes] + MARGIN
        claimed += int(strong.sum())
        sure += int((strong & (_best(ours, theirs)[0] >= LEAST_OVERLAP)).sum())
    means = [float(np.mean(values)) if values else 0.0 for values in (overlap, shift)]
    return Agreement(len(reference), clear, found, claimed, sure, *means)


def _best(those: Detections, others: Detections) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.intp]]:
    """Return for each of those the largest overlap with any other of its class, and which that is."""
    if len(those) == 0 or len(others) == 0:
        return np.zeros(len(those)), np.zeros(len(those), np.intp)
    common = overlaps(those.boxes, others.boxes) * (those.classes[:, None] == others.classes[None, :])
    return np.asarray(common.max(axis=1)), common.argmax(axis=1)
