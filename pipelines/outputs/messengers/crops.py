"""A customer's picture for a message: cut out of a redacted frame, in memory only."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.outputs.masked_jpeg import only_masked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelines.outputs.masked_jpeg import MaskedFrame
    from probes.frame import Box

WAIT_S = 3.0
MARGIN = 0.15
"""How far the picture reaches beyond the person's box, as a share of its sides."""
MAX_WIDTH, QUALITY = 480, 80


@dataclass(eq=False, slots=True)
class _Request:
    track: str
    done: threading.Event = field(default_factory=threading.Event)
    found: tuple[MaskedFrame, Box] | None = None


class MaskedCrops:
    """A CameraSink that keeps no frame: it takes the next one in which a wanted person is."""

    def __init__(self, cameras: Iterable[str] = ()) -> None:
        self._cameras = frozenset(cameras)
        self._lock = threading.Lock()
        self._requests: dict[str, list[_Request]] = {}

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras of which there are pictures."""
        return self._cameras

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Have pictures of a camera."""
        self._cameras |= {camera}

    def remove_camera(self, camera: str) -> None:
        """Have no more; who waits for one gets none."""
        self._cameras -= {camera}

    def wanted(self, camera: str) -> bool:
        """Return whether a message waits for a picture of this camera."""
        return camera in self._requests

    def publish(self, frame: MaskedFrame) -> None:
        """Give the frame to those who wait for a person in it."""
        only_masked(frame)
        camera = frame.frame.camera
        boxes = {str(seen.track): seen.box for seen in frame.frame.detections if seen.track is not None}
        with self._lock:
            for request in self._requests.get(camera, []):
                if request.track in boxes and request.found is None:
                    request.found = frame, boxes[request.track]
                    request.done.set()

    def close(self) -> None:
        """Do nothing: no thread, no file."""

    def take(self, camera: str, track: str, timeout_s: float = WAIT_S) -> bytes | None:
        """Wait for a picture of a person; None where they are not seen in time. JPEG, masked."""
        if camera not in self._cameras:
            return None
        request = _Request(track)
        with self._lock:
            self._requests.setdefault(camera, []).append(request)
        request.done.wait(timeout_s)
        with self._lock:
            left = [one for one in self._requests[camera] if one is not request]
            if left:
                self._requests[camera] = left
            else:
                del self._requests[camera]
        if request.found is None:
            return None
        frame, box = request.found
        jpeg = _cut(frame, box)
        return jpeg if frame.masked_by.in_force else None


def _cut(frame: MaskedFrame, box: Box) -> bytes:
    from pipelines.outputs.jpeg import encode_jpeg, scaled  # noqa: PLC0415 loads OpenCV, for pictures alone

    across, down = MARGIN * box.w, MARGIN * box.h
    cut = frame.pixels.crop(box.x - across, box.y - down, box.w + 2 * across, box.h + 2 * down)
    return encode_jpeg(scaled(cut, MAX_WIDTH), QUALITY)
