"""A second look at places that may hold a mark: each is cut out again in several ways, and they must agree.

What a finder cuts out of its small input is a matter of a pixel: the same mark in the same picture is 0.66 or
0.5 alike, as the crop of the person falls. Cut from the picture itself, nearer, wider, aside and turned, most
views of a mark are alike and few views of anything else are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.marks.network import MarkEmbedder
from engines.marks.picture import MARGIN
from engines.marks.types import VECTOR

if TYPE_CHECKING:
    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]
    FloatArray = npt.NDArray[np.float32]

_ASIDE = ((0.0, 0.0), (0.08, 0.0), (-0.08, 0.0), (0.0, 0.08), (0.0, -0.08))
VIEWS = (
    *((share, dx, dy, 0.0) for share in (0.85, 1.0, 1.2) for dx, dy in _ASIDE),
    *((share, 0.0, 0.0, turn) for share in (1.0, 1.15) for turn in (12.0, -12.0)),
)
"""Side by the usual one, shift right and down in sides, and turn in degrees."""
SIDE = 96
"""Side of a cut, px: twice what the network takes."""
MIN_BOX = 4.0


class SecondLook:
    """Cuts places out again and embeds the cuts. One instance serves one thread at a time."""

    def __init__(self) -> None:
        self._embedder = MarkEmbedder()

    def vectors(self, picture: Bgr, boxes: FloatArray) -> FloatArray:
        """Return (n, len(VIEWS), VECTOR) float32 of unit length for (n, 4) boxes on a uint8 BGR picture."""
        if not len(boxes):
            return np.zeros((0, len(VIEWS), VECTOR), np.float32)
        cuts = [cut for box in boxes for cut in _cuts(picture, box)]
        return self._embedder.embed(cuts).reshape(len(boxes), len(VIEWS), VECTOR)


def _cuts(picture: Bgr, box: FloatArray) -> list[Bgr]:
    """Return the views of one place, each (SIDE, SIDE, 3) uint8 BGR."""
    x1, y1, x2, y2 = (float(v) for v in box)
    side = max(x2 - x1, y2 - y1, MIN_BOX) * MARGIN
    if side > 2 * SIDE:  # shrunk first: a warp takes single pixels
        share = SIDE / side
        left, top = max(0, int(x1 - side / 2)), max(0, int(y1 - side / 2))
        around = picture[top : int(y2 + side / 2) + 1, left : int(x2 + side / 2) + 1]
        picture = np.asarray(
            cv2.resize(around, None, fx=share, fy=share, interpolation=cv2.INTER_AREA), np.uint8
        )
        x1, y1, x2, y2 = (x1 - left) * share, (y1 - top) * share, (x2 - left) * share, (y2 - top) * share
        side = SIDE
    middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    return [_cut(picture, middle + side * np.array([dx, dy]), side * by, turn) for by, dx, dy, turn in VIEWS]


def _cut(picture: Bgr, middle: npt.NDArray[np.float64], side: float, turn: float) -> Bgr:
    by, angle = SIDE / side, np.deg2rad(turn)
    linear = by * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([linear, SIDE / 2 - linear @ middle])
    cut = cv2.warpAffine(
        picture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)
