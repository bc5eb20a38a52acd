"""What a detector or tracker says of one picture, as parallel arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Detections:
    """Parallel arrays of N detections in one picture.

    boxes: (N, 4) float32, x1 y1 x2 y2 in pixels of the analysed picture, clipped to it.
    scores: (N,) float32 from 0 to 1, highest first. classes: (N,) int32, index into the model's classes.

    >>> len(Detections.empty())
    0
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        count = len(self.scores)
        if self.boxes.shape != (count, 4) or self.classes.shape != (count,):
            raise ValueError("boxes, scores and classes differ in length")

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Detections:
        """Return a record of no detections."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))

    def where(self, keep: npt.NDArray[np.bool_]) -> Detections:
        """Return those for which keep, (N,) bool, is true."""
        return Detections(self.boxes[keep], self.scores[keep], self.classes[keep])
