"""Fitting a picture into a network's input: scaled as a whole, centred, black around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import I420, Plane

    Pixels = npt.NDArray[np.uint8]
    Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a picture lies in a network's input. All in pixels; offsets and sides in the input are even.

    >>> fit = Fit.of((1280, 720), (416, 416))
    >>> fit.width, fit.height, fit.top
    (416, 234, 90)
    """

    picture: tuple[int, int]
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(cls, picture: tuple[int, int], into: tuple[int, int]) -> Fit:
        """Fit a picture of (width, height) into an input of (width, height), both at least 2 x 2."""
        if min(*picture, *into) < 2:
            raise ValueError(f"cannot fit {picture} into {into}: a side is below 2 px")
        scale = min(into[0] / picture[0], into[1] / picture[1])
        width, height = (
            max(2, min(space, round(side * scale)) & ~1) for side, space in zip(picture, into, strict=True)
        )
        return cls(picture, (into[0] - width) // 4 * 2, (into[1] - height) // 4 * 2, width, height)

    def to_input(self, boxes: Boxes) -> Boxes:
        """Map (N, 4) boxes x1 y1 x2 y2 from picture to input pixels."""
        return (boxes * self._scale() + self._offset()).astype(np.float32)

    def to_picture(self, boxes: Boxes) -> Boxes:
        """Map (N, 4) boxes x1 y1 x2 y2 from input to picture pixels, unclipped."""
        return ((boxes - self._offset()) / self._scale()).astype(np.float32)

    def _scale(self) -> npt.NDArray[np.float64]:
        return np.array([self.width / self.picture[0], self.height / self.picture[1]] * 2)

    def _offset(self) -> npt.NDArray[np.float64]:
        return np.array([self.left, self.top] * 2, np.float64)


def letterbox(picture: I420, target: Pixels, *, rgb: bool = False) -> Fit:
    """Draw the picture into target, (height, width, 3) uint8, as BGR (or RGB), and say where it lies.

    Planes are resized before the colour conversion, which then touches few pixels. Colours are BT.601
    studio range, as `engines.colour` has them.
    """
    fit = Fit.of((picture.width, picture.height), (target.shape[1], target.shape[0]))
    half = (fit.width // 2, fit.height // 2)
    luma = _resized(picture.y, (fit.width, fit.height))
    chroma = cv2.merge([_resized(picture.u, half), _resized(picture.v, half)])
    code = cv2.COLOR_YUV2RGB_NV12 if rgb else cv2.COLOR_YUV2BGR_NV12
    target[: fit.top] = 0
    target[fit.top + fit.height :] = 0
    middle = target[fit.top : fit.top + fit.height]
    middle[:, : fit.left] = 0
    middle[:, fit.left + fit.width :] = 0
    middle[:, fit.left : fit.left + fit.width] = cv2.cvtColorTwoPlane(luma, chroma, code)
    return fit


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    """Resize to (width, height), halving first while that does not go below the size.

    Bilinear alone reads 2 x 2 pixels and misses what lies between them when it shrinks further; OpenCV's
    halving is a fast 2 x 2 mean.
    """
    while plane.shape[1] >= 2 * size[0] and plane.shape[0] >= 2 * size[1]:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_LINEAR), np.uint8)
    if plane.shape == size[::-1]:
        return np.ascontiguousarray(plane)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)
