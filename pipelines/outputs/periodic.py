"""An output that takes one frame of each camera per interval."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pipelines.outputs.masked_jpeg import only_masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.outputs.frame_thread import FrameThread
    from pipelines.outputs.masked_jpeg import MaskedFrame


class PeriodicOutput(ABC):
    """A CameraSink that gives its thread one frame of each camera every interval_s.

    thread: calls `write`, and is ended by `close`. clock: monotonic, s.
    """

    def __init__(
        self,
        thread: FrameThread,
        *,
        interval_s: float,
        cameras: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._thread, self._interval_s, self._clock = thread, interval_s, clock
        self._cameras: frozenset[str] = frozenset()
        self._due: dict[str, float] = {}
        for camera in cameras:
            self.add_camera(camera)

    @abstractmethod
    def write(self, frame: MaskedFrame) -> None:
        """Encode a frame and bring it where it belongs. Called in the output's thread; may raise."""

    @property
    def dropped(self) -> int:
        """Number of frames that gave way to newer ones."""
        return self._thread.dropped

    @property
    def cameras(self) -> frozenset[str]:
        """The cameras of which frames are taken."""
        return self._cameras

    def add_camera(self, camera: str, fps: int = 10) -> None:
        """Take frames of this camera."""
        self._cameras |= {camera}
        self._thread.frames.add(camera)

    def remove_camera(self, camera: str) -> None:
        """Take no more frames of a camera, and drop one that waits."""
        self._cameras -= {camera}
        self._thread.frames.remove(camera)
        self._due.pop(camera, None)

    def forget_pictures(self, camera: str) -> None:
        """Take the next frame: whoever shows the last one has it replaced at once."""
        self._due.pop(camera, None)

    def take_next(self, camera: str) -> None:
        """Take the camera's next frame, whenever the last one was taken."""
        self._due.pop(camera, None)

    def wanted(self, camera: str) -> bool:
        """Return whether a frame is due."""
        due = camera in self._cameras and self._clock() >= self._due.get(camera, float("-inf"))
        return due and not self._thread.frames.closed

    def publish(self, frame: MaskedFrame) -> None:
        """Take the frame if one is due; one that still waits is dropped and counted.

        The pixels must not change any more.
        """
        only_masked(frame)
        camera = frame.frame.camera
        if self.wanted(camera):
            self._due[camera] = self._clock() + self._interval_s
            self._thread.put(frame)

    def close(self) -> None:
        """End the thread; a frame that waits is dropped."""
        self._thread.close()
