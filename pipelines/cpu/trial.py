"""Tries a camera that is not in the store file: connects, and masks its first picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import Cause
from pipelines.cameras.trial import CameraTrial, first_frame
from pipelines.cpu.platform import source_spec
from pipelines.cpu.source import open_source
from pipelines.outputs.jpeg import encode_jpeg, scaled
from probes.redaction.redact import black_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.image import I420
    from pipelines.settings.camera import CameraConfig
    from probes.redaction.redact import RedactedFrame

MAX_WIDTH, QUALITY = 960, 80


def try_camera(
    camera: CameraConfig, timeout_s: float, mask: Callable[[I420], RedactedFrame | None]
) -> CameraTrial:
    """Return what came of it; waits for it, timeout_s at most. The camera's masks are blacked out.

    mask: returns None where it is not certain.
    """
    spec = source_spec("trial", camera)
    try:
        pixels, took = first_frame(spec, timeout_s, open_source)
    except SourceLost as lost:
        return CameraTrial(lost.cause, lost.answer)
    black_out(pixels, [hidden.polygon for hidden in camera.masks.values()])
    masked = mask(pixels)
    jpeg = encode_jpeg(scaled(masked.pixels, MAX_WIDTH), QUALITY) if masked else b""
    return CameraTrial(Cause.NONE, "", (pixels.width, pixels.height), took, jpeg)
