"""Conversion between I420 and BGR with OpenCV (BT.601, studio range, as cv2 defines it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.image import I420

if TYPE_CHECKING:
    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]


def to_bgr(picture: I420) -> Bgr:
    """Return the picture as (height, width, 3) uint8 BGR."""
    height, width = picture.height & ~1, picture.width & ~1
    if height == 0 or width == 0:
        raise ValueError("picture smaller than 2 x 2")
    uv = cv2.merge([picture.u[: height // 2, : width // 2], picture.v[: height // 2, : width // 2]])
    luma = np.ascontiguousarray(picture.y[:height, :width])
    return np.asarray(cv2.cvtColorTwoPlane(luma, uv, cv2.COLOR_YUV2BGR_NV12), np.uint8)


def from_bgr(bgr: Bgr) -> I420:
    """Return I420 planes of a (height, width, 3) uint8 BGR array; an odd last row or column is dropped."""
    height, width = bgr.shape[0] & ~1, bgr.shape[1] & ~1
    packed = cv2.cvtColor(np.ascontiguousarray(bgr[:height, :width]), cv2.COLOR_BGR2YUV_I420).reshape(-1)
    luma, quarter = height * width, height * width // 4
    half = (height // 2, width // 2)
    return I420(
        np.asarray(packed[:luma], np.uint8).reshape(height, width),
        np.asarray(packed[luma : luma + quarter], np.uint8).reshape(half),
        np.asarray(packed[luma + quarter :], np.uint8).reshape(half),
    )
