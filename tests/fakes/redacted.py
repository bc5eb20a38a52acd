"""Redacted frames for tests, made by the real redactor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.image import I420
from probes.frame import Frame, Kind
from probes.redaction.redact import RedactedFrame, Redactor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.frame import Detection


def redacted(
    pixels: I420, detections: Sequence[Detection] = (), *, camera: str = "entrance", captured_at: int = 1
) -> RedactedFrame:
    """Redact the picture in place, with the heads of the persons among the detections covered."""
    frame = Frame(
        camera,
        captured_at,
        (pixels.width, pixels.height),
        tuple(detections),
        frozenset({Kind.PERSON, Kind.FACE}),
    )
    return Redactor(method="solid", margin=0.25, hold_ms=0).redact(frame, pixels)


def plain(
    width: int = 64, height: int = 48, luma: int = 120, *, camera: str = "entrance", captured_at: int = 1
) -> RedactedFrame:
    """Return a redacted frame of one grey."""
    pixels = I420.black(width, height)
    pixels.y.fill(luma)
    return redacted(pixels, camera=camera, captured_at=captured_at)
