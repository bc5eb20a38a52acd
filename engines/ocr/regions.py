"""Where text stands in a picture, at any angle: PP-OCR's detector on OpenVINO, its answer as rectangles."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.free_memory import release_free_memory, release_working_memory

if TYPE_CHECKING:
    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]

PROBABLE = 0.3
SURE = 0.5
THINNEST = 3
GROW = 1.6
LARGE = 768 * 512
"""Pixels of a picture above which its working memory is given back even where looks keep theirs: few are so
large, and nothing else would need as much."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of text: centre, length and thickness in px, angle of the long side in degrees clockwise.

    The angle is in (-90, 90]. Length and thickness are those of the core that the detector marks: the letters
    themselves reach `margin` further on all sides.
    """

    x: float
    y: float
    length: float
    thickness: float
    angle: float
    score: float

    @property
    def margin(self) -> float:
        """How far text reaches around its core, px: M. Liao et al., Real-time Scene Text Detection (DB)."""
        return GROW * self.length * self.thickness / (2 * (self.length + self.thickness))

    def moved(self, x: float, y: float, scale: float) -> Region:
        """Return the region in a picture of which this one's is the part at x, y, enlarged by `scale`."""
        place = (self.x / scale + x, self.y / scale + y, self.length / scale, self.thickness / scale)
        return Region(*place, self.angle, self.score)

    def halves(self) -> tuple[Region, Region]:
        """Return its upper and its lower half, as it lies: two lines that touch are one region."""
        turn = math.radians(self.angle)
        right, down = -math.sin(turn) * self.thickness / 4, math.cos(turn) * self.thickness / 4
        half = replace(self, thickness=self.thickness / 2)
        return (
            replace(half, x=self.x - right, y=self.y - down),
            replace(half, x=self.x + right, y=self.y + down),
        )


class RegionFinder:
    """Finds regions of text with a compiled detector: `request` infers (1, 3, h, w) float32 from -1 to 1."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def find(self, bgr: Bgr) -> list[Region]:
        """Return the regions of a (height, width, 3) uint8 picture, both multiples of 32."""
        regions = regions_of(self._likely(bgr))
        # 90 MB after 20 looks, 150 MB for 1472 x 960 px
        is_large = bgr.shape[0] * bgr.shape[1] > LARGE
        release_working_memory(self._request, at_once=is_large)
        if is_large:
            release_free_memory()  # else a picture of 48 MP keeps 300 MB
        return regions

    def likely(self, bgr: Bgr) -> npt.NDArray[np.float32]:
        """Return the map of `regions_of` of a picture as of `find`, none larger than LARGE."""
        probability = np.array(self._likely(bgr))
        release_working_memory(self._request)
        return probability

    def _likely(self, bgr: Bgr) -> npt.NDArray[np.float32]:
        blob = cv2.dnn.blobFromImage(bgr, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        self._request.infer([blob])
        return np.asarray(self._request.get_output_tensor().data[0, 0], np.float32)


def regions_of(probability: npt.NDArray[np.float32]) -> list[Region]:
    """Return the regions of a (height, width) map of how likely each pixel is the core of text."""
    mask = cv2.dilate((probability > PROBABLE).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    regions = []
    for contour in contours:
        corners = np.asarray(cv2.boxPoints(cv2.minAreaRect(contour)), np.float32)
        sides = np.diff(corners[:3], axis=0)
        lengths = np.hypot(sides[:, 0], sides[:, 1])
        if lengths.min() < THINNEST:
            continue
        score = _score(probability, corners)
        if score < SURE:
            continue
        across, down = sides[int(lengths.argmax())].tolist()
        angle = math.degrees(math.atan2(down, across))
        angle = angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
        x, y = corners.mean(axis=0).tolist()
        regions.append(Region(x, y, float(lengths.max()), float(lengths.min()), angle, score))
    return regions


def _score(probability: npt.NDArray[np.float32], corners: npt.NDArray[np.float32]) -> float:
    height, width = probability.shape
    x1, y1 = np.clip(np.floor(corners.min(axis=0)), 0, (width - 1, height - 1)).astype(int).tolist()
    x2, y2 = np.clip(np.ceil(corners.max(axis=0)), 0, (width - 1, height - 1)).astype(int).tolist()
    inside = np.zeros((y2 - y1 + 1, x2 - x1 + 1), np.uint8)
    cv2.fillPoly(inside, [(corners - (x1, y1)).astype(np.int32)], [1])
    return float(cv2.mean(probability[y1 : y2 + 1, x1 : x2 + 1], inside)[0])
