"""Snapshots: redacted pictures of each camera as JPEG files, bounded in sum."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import cv2

from engines.colour import to_bgr
from pipelines.cameras.latest import LatestPerCamera
from pipelines.outputs.disk import OutputFailed, stamp, trim, write_whole
from pipelines.outputs.gst import only_redacted
from probes.outage import Outage

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
        self._frames: LatestPerCamera[RedactedFrame] = LatestPerCamera(self._on_drop)
        self._due: dict[str, float] = {}
        self._outage = Outage(logger, "snapshots cannot be written", "snapshots are written again")
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        self._thread.start()

    def add_camera(self, camera: str) -> None:
        """Take pictures of this camera."""
        self._cameras |= {camera}
        self._frames.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Drop what waits of a camera; its files stay."""
        self._cameras -= {camera}
        self._frames.remove(camera)
        self._due.pop(camera, None)

    def wanted(self, camera: str) -> bool:
        """Tell whether a picture is due on disk."""
        due = camera in self._cameras and self._clock() >= self._due.get(camera, float("-inf"))
        return due and not self._frames.closed

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame if a picture is wanted; one that still waits gives way to it and is counted.

        The pixels must not change any more.
        """
        only_redacted(frame)
        camera = frame.frame.camera
        if self.wanted(camera):
            self._due[camera] = self._clock() + self._interval_s
            self._frames.put(camera, frame)

    def close(self) -> None:
        """End the thread; a picture that waits is dropped."""
        self._frames.close()
        self._thread.join(5)

    def _on_drop(self, _camera: str, _reason: str) -> None:
        self.dropped += 1

    def _run(self) -> None:
        while not self._frames.closed:
            for frame in self._frames.take(1, limit=1):
                self._try(frame)

    def _try(self, frame: RedactedFrame) -> None:
        camera, at = frame.frame.camera, frame.frame.captured_at
        try:
            write_whole(self._folder / camera / f"{stamp(at)}.jpg", encode(frame.pixels, self._quality))
            trim(self._folder, ".jpg", self._max_bytes)
        except (OutputFailed, OSError, ValueError, cv2.error) as error:
            self._outage.fail(f"camera {camera}: {error}")
        else:
            self._outage.recover()


def encode(picture: I420, quality: int) -> bytes:
    """Return the picture as JPEG, quality from 1 to 100."""
    done, data = cv2.imencode(".jpg", to_bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode {picture.width} x {picture.height} pixels as JPEG")
    return bytes(data)
