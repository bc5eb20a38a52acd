"""Zones and masks drawn into a redacted JPEG, for whoever sets a camera up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.settings.camera import CameraConfig

ZONE, MASK, TEXT = (230, 160, 20), (60, 60, 230), (255, 255, 255)
"""BGR."""


def with_areas(jpeg: bytes, camera: CameraConfig) -> bytes:
    """Return the picture with the camera's zones and masks outlined and named."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        return jpeg
    drawn = np.asarray(picture, np.uint8)
    for areas, colour in ((camera.zones, ZONE), (camera.masks, MASK)):
        for name, area in areas.items():
            _outline(drawn, name, area.polygon, colour)
    done, data = cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return bytes(data) if done else jpeg


def _outline(
    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    name: str,
    polygon: Sequence[tuple[float, float]],
    colour: tuple[int, int, int],
) -> None:
    height, width = picture.shape[:2]
    corners = np.array([[round(x * (width - 1)), round(y * (height - 1))] for x, y in polygon], np.int32)
    cv2.polylines(picture, [corners], isClosed=True, color=colour, thickness=2, lineType=cv2.LINE_AA)
    scale = max(0.4, width / 1600)
    (wide, high), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    left, top = (int(v) for v in corners.min(axis=0))
    left, top = min(left + 4, max(0, width - wide - 8)), min(top + 4, max(0, height - high - 8))
    cv2.rectangle(picture, (left, top), (left + wide + 8, top + high + 8), colour, cv2.FILLED)
    at = (left + 4, top + high + 3)
    cv2.putText(picture, name, at, cv2.FONT_HERSHEY_SIMPLEX, scale, TEXT, 1, cv2.LINE_AA)
