"""Snapshots: the newest redacted picture of a camera as JPEG, in memory for the page and on disk."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from engines.colour import to_bgr
from pipelines.outputs.disk import OutputFailed, stamp, trim, write_whole
from pipelines.outputs.gst import only_redacted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engines.image import I420
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A JPEG of one camera and when it was captured, UTC nanoseconds since the epoch."""

    jpeg: bytes
    captured_at: int


class SnapshotOutput:
    """A FrameSink that encodes a frame only when one is asked for, or when one is due on disk.

    Files are folder/camera/TIME.jpg, TIME in UTC; the oldest beyond `max_mb` are deleted.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        interval_s: float = 60.0,
        max_mb: int = 200,
        quality: int = 85,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a folder nothing is written to disk."""
        self._folder, self._interval_s, self._most_bytes = folder, interval_s, max_mb * 1_000_000
        self._quality, self._clock = quality, clock
        self._cameras: set[str] = set()
        self._changed = threading.Condition()
        self._waiting: dict[str, RedactedFrame] = {}
        self._asked: set[str] = set()
        self._due: dict[str, float] = {}
        self._latest: dict[str, Snapshot] = {}
        self._failing = False
        self._closed = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)
        self._thread.start()

    def add_camera(self, camera: str) -> None:
        """Take pictures of this camera."""
        with self._changed:
            self._cameras.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Drop what is kept of a camera; its files stay."""
        with self._changed:
            self._cameras.discard(camera)
            self._asked.discard(camera)
            for kept in (self._latest, self._waiting, self._due):
                kept.pop(camera, None)

    def latest(self, camera: str) -> Snapshot | None:
        """Return the newest snapshot, if any, and ask for a newer one."""
        with self._changed:
            if camera in self._cameras:
                self._asked.add(camera)
            return self._latest.get(camera)

    def wanted(self, camera: str) -> bool:
        """Tell whether someone asked for a picture, or one is due on disk."""
        return camera in self._cameras and (camera in self._asked or self._is_due(camera))

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame if a picture is wanted; one that still waits gives way to it and is counted.

        The pixels must not change any more.
        """
        only_redacted(frame)
        camera = frame.frame.camera
        if not self.wanted(camera):
            return
        with self._changed:
            self.dropped += camera in self._waiting
            self._waiting[camera] = frame
            self._changed.notify()

    def close(self) -> None:
        """End the thread; a picture that waits is dropped."""
        with self._changed:
            self._closed = True
            self._cameras.clear()
            self._changed.notify()
        self._thread.join(5)

    def _is_due(self, camera: str) -> bool:
        return self._folder is not None and self._clock() >= self._due.get(camera, float("-inf"))

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait(1)
                if self._closed:
                    return
                camera = next(iter(self._waiting))
                frame = self._waiting.pop(camera)
                self._asked.discard(camera)
                due = self._is_due(camera)
                if due:
                    self._due[camera] = self._clock() + self._interval_s
            try:
                self._take(frame, keep=due)
            except (OutputFailed, OSError, ValueError, cv2.error) as error:
                if not self._failing:
                    logger.error("camera %s: no snapshot: %s", camera, error)
                self._failing = True
            else:
                self._failing = False

    def _take(self, frame: RedactedFrame, *, keep: bool) -> None:
        camera, at = frame.frame.camera, frame.frame.captured_at
        jpeg = encode(frame.pixels, self._quality)
        with self._changed:
            if camera in self._cameras:
                self._latest[camera] = Snapshot(jpeg, at)
        if keep and self._folder is not None:
            write_whole(self._folder / camera / f"{stamp(at)}.jpg", jpeg)
            trim(self._folder, ".jpg", self._most_bytes)


def encode(picture: I420, quality: int) -> bytes:
    """Return the picture as JPEG, quality from 1 to 100."""
    done, data = cv2.imencode(".jpg", to_bgr(picture), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"cannot encode {picture.width} x {picture.height} pixels as JPEG")
    return bytes(data)
