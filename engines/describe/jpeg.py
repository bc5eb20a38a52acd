"""Pictures made small for a vision model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from engines.colour import to_bgr

if TYPE_CHECKING:
    from engines.image import I420

QUALITY = 80


def small_jpeg(picture: I420, longest_px: int) -> bytes:
    """Return a JPEG whose longer side is at most `longest_px`; never enlarged.

    OpenCV writes the JFIF header and no metadata: no EXIF, no XMP, no time.
    """
    bgr = to_bgr(picture)
    height, width = bgr.shape[:2]
    scale = longest_px / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA).astype(bgr.dtype, copy=False)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError("the picture cannot be written as JPEG")
    return data.tobytes()
