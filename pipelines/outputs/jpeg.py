"""Pictures as JPEG: scaled down and encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.colour import to_bgr
from engines.image import I420

if TYPE_CHECKING:
    from engines.image import Plane


def encode_jpeg(picture: I420, quality: int) -> bytes:
    """Return the picture as JPEG, quality from 1 to 100."""
    done, data = cv2.imencode(".jpg", to_bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode {picture.width} x {picture.height} pixels as JPEG")
    return bytes(data)


def scaled(picture: I420, width: int) -> I420:
    """Return the picture scaled down to an even width not above its own, in its proportions."""
    if width >= picture.width:
        return picture
    width &= ~1
    height = max(2, round(picture.height * width / picture.width) & ~1)
    half = (width // 2, height // 2)
    return I420(_resized(picture.y, (width, height)), _resized(picture.u, half), _resized(picture.v, half))


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)
