"""Masked pictures of the cameras over MQTT, where the store file asks for them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipelines.outputs.frame_thread import FrameThread
from pipelines.outputs.gst import only_redacted
from pipelines.outputs.live import scaled
from pipelines.outputs.snapshot import encode
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)

MAX_WIDTH, QUALITY = 960, 75


class MqttPictures:
    """A CameraSink that sends a picture of each camera every interval_s.

    send: takes topic and JPEG, never waits.
    """

    def __init__(
        self,
        cameras: Iterable[str],
        send: Callable[[str, bytes], None],
        *,
        interval_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send, self._interval_s, self._clock = send, interval_s, clock
        self._cameras: frozenset[str] = frozenset()
        self._due: dict[str, float] = {}
        outage = Outage(logger, "pictures for MQTT cannot be made", "pictures for MQTT are made again")
        self._thread = FrameThread(self._encode, outage, name="mqtt-pictures")
        for camera in cameras:
            self.add_camera(camera)

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras of which pictures are sent."""
        return self._cameras

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Send pictures of this camera."""
        self._cameras |= {camera}
        self._thread.frames.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Send no more of it."""
        self._cameras -= {camera}
        self._thread.frames.remove(camera)
        self._due.pop(camera, None)

    def wanted(self, camera: str) -> bool:
        """Return whether a picture is due."""
        return camera in self._cameras and self._clock() >= self._due.get(camera, float("-inf"))

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame if a picture is due; one that still waits gives way to it."""
        only_redacted(frame)
        camera = frame.frame.camera
        if self.wanted(camera):
            self._due[camera] = self._clock() + self._interval_s
            self._thread.put(frame)

    def close(self) -> None:
        """End the thread; a picture that waits is dropped."""
        self._thread.close()

    def _encode(self, frame: RedactedFrame) -> None:
        self._send(f"camera/{frame.frame.camera}/picture", encode(scaled(frame.pixels, MAX_WIDTH), QUALITY))
