"""A thread that works on the newest frame of each camera."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pipelines.cameras.latest import LatestPerCamera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.outputs.masked_jpeg import MaskedFrame
    from pricing.outage import CameraOutages

CLOSE_S = 5.0


class FrameThread(threading.Thread):
    """Starts at once and calls `work` with one frame at a time.

    A frame that waits is dropped for a newer one, and counted; so is one whose camera's masks have changed.

    outages: report exceptions of `work`; the next frame is tried all the same. cameras: of which frames are
    taken from the start.
    """

    def __init__(
        self,
        work: Callable[[MaskedFrame], None],
        outages: CameraOutages,
        *,
        name: str,
        cameras: Iterable[str] = (),
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._outages = work, outages
        self.frames: LatestPerCamera[MaskedFrame] = LatestPerCamera(self._on_drop, cameras=cameras)
        self.dropped = 0
        self.start()

    def put(self, frame: MaskedFrame) -> None:
        """Keep the frame for the thread; never waits."""
        self.frames.put(frame.frame.camera, frame)

    def close(self) -> None:
        """End the thread; a frame that waits is dropped."""
        self.frames.close()
        self.join(CLOSE_S)

    def _on_drop(self, _camera: str, _reason: str) -> None:
        self.dropped += 1

    def run(self) -> None:
        """Work until `close`."""
        while not self.frames.closed:
            for frame in self.frames.take(1, limit=1):
                self._try(frame)

    def _try(self, frame: MaskedFrame) -> None:
        if not frame.masked_by.in_force:
            self.dropped += 1
            return
        try:
            self._work(frame)
        except Exception as error:  # noqa: BLE001 one bad frame must not end all others
            self._outages.fail(frame.frame.camera, error)
        else:
            self._outages.recover(frame.frame.camera)
