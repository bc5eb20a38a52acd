"""Snapshots: redacted pictures of each camera as JPEG files, bounded in sum."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import cv2

from engines.colour import to_bgr
from pipelines.outputs.disk import stamp, trim, write_whole
from pipelines.outputs.frame_thread import FrameThread
from pipelines.outputs.gst import only_redacted
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engines.image import I420
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)


class SnapshotOutput:
    """A FrameSink that writes a picture of each camera to disk every interval_s.

    Files are folder/camera/TIME.jpg, TIME in UTC; the oldest beyond `max_mb` are deleted.
    """

    def __init__(
        self,
        folder: Path,
        *,
        interval_s: float = 60.0,
        max_mb: int = 200,
        quality: int = 85,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._interval_s, self._max_bytes = folder, interval_s, max_mb * 1_000_000
        self._quality, self._clock = quality, clock
        self._cameras: frozenset[str] = frozenset()
        self._due: dict[str, float] = {}
        outage = Outage(logger, "snapshots cannot be written", "snapshots are written again")
        self._thread = FrameThread(self._write, outage, name="snapshots")

    @property
    def dropped(self) -> int:
        """Number of frames that gave way to newer ones."""
        return self._thread.dropped

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras of which pictures are taken."""
        return self._cameras

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Take pictures of this camera."""
        self._cameras |= {camera}
        self._thread.frames.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Drop what waits of a camera; its files stay."""
        self._cameras -= {camera}
        self._thread.frames.remove(camera)
        self._due.pop(camera, None)

    def take_next(self, camera: str) -> None:
        """Have the camera's next frame written, whenever the last one was."""
        self._due.pop(camera, None)

    def wanted(self, camera: str) -> bool:
        """Return whether a picture is due on disk."""
        due = camera in self._cameras and self._clock() >= self._due.get(camera, float("-inf"))
        return due and not self._thread.frames.closed

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame if a picture is wanted; one that still waits gives way to it and is counted.

        The pixels must not change any more.
        """
        only_redacted(frame)
        camera = frame.frame.camera
        if self.wanted(camera):
            self._due[camera] = self._clock() + self._interval_s
            self._thread.put(frame)

    def close(self) -> None:
        """End the thread; a picture that waits is dropped."""
        self._thread.close()

    def _write(self, frame: RedactedFrame) -> None:
        name = f"{stamp(frame.frame.captured_at)}.jpg"
        write_whole(self._folder / frame.frame.camera / name, encode(frame.pixels, self._quality))
        trim(self._folder, ".jpg", self._max_bytes)


def encode(picture: I420, quality: int) -> bytes:
    """Return the picture as JPEG, quality from 1 to 100."""
    done, data = cv2.imencode(".jpg", to_bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode {picture.width} x {picture.height} pixels as JPEG")
    return bytes(data)
