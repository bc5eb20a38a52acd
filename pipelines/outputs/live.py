"""Live pictures for the page: each size of a camera is encoded once, however many watch it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from pipelines.outputs.frame_thread import FrameThread
from pipelines.outputs.gst import only_redacted
from pipelines.outputs.jpeg import encode_jpeg, scaled
from pipelines.outputs.watching import LivePicture, LiveViewers
from pricing.outage import CameraOutages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.outputs.masked_jpeg import MaskedFrame
    from probes.redaction.redact import RedactedFrame

logger = logging.getLogger(__name__)


class LiveOutput(LiveViewers):
    """A FrameSink. Nothing is drawn or encoded for a camera that nobody watches."""

    def __init__(
        self, cameras: Iterable[str], *, quality: int = 75, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(cameras, clock)
        self._quality = quality
        self._redacted: dict[str, float] = {}
        outages = CameraOutages(logger, "live pictures cannot be made", "live pictures are made again")
        self._thread = FrameThread(self._give, outages, name="live-pictures", cameras=self.cameras)

    @property
    def dropped(self) -> int:
        """Number of frames that gave way to newer ones."""
        return self._thread.dropped

    def age_s(self, camera: str) -> float | None:
        """Return how long ago the camera's last frame was redacted, whether or not it was encoded."""
        at = self._redacted.get(camera)
        return None if at is None else max(0.0, self._clock() - at)

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Let a camera be watched."""
        with self._watching:
            self._watches.setdefault(camera, ())
        self._thread.frames.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Give no more pictures of a camera; who watches it gets none."""
        with self._watching:
            self._watches.pop(camera, None)
            self._redacted.pop(camera, None)
        self._thread.frames.remove(camera)

    def wanted(self, camera: str) -> bool:
        """Return whether someone watches and is due a picture. Asked once for each redacted frame."""
        now = self._clock()
        with self._watching:  # a camera that is taken out gives frames for a moment still
            if camera not in self._watches:
                return False
            self._redacted[camera] = now
        return bool(self._due(camera, now))

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame for the encoder; one that still waits is dropped and counted."""
        only_redacted(frame)
        if self.watched(frame.frame.camera):
            self._thread.put(frame)

    def close(self) -> None:
        """End the thread; no picture is given any more."""
        self._thread.close()

    def _give(self, frame: MaskedFrame) -> None:
        seen, now = frame.frame, self._clock()

        def make(width: int) -> LivePicture:
            jpeg = encode_jpeg(scaled(frame.pixels, width), self._quality)
            return LivePicture(seen.camera, jpeg, seen.captured_at, seen.size, frame.masked_by)

        due = self._due(seen.camera, now)
        self._hand_out(due, now, lambda width: min(width, frame.pixels.width), make)
