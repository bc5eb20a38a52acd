"""An RTSP output that serves, and a thread that feeds it pictures."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engines.image import I420
from pipelines.outputs.rtsp import RtspOutput
from tests.fakes.redacted import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.redaction.redact import RedactedFrame


def halves(width: int = 320, height: int = 240, camera: str = "entrance") -> RedactedFrame:
    """A picture whose left half is dark and whose right half is bright."""
    pixels = I420.black(width, height)
    pixels.y[:, : width // 2], pixels.y[:, width // 2 :] = 50, 200
    return redacted(pixels, camera=camera)


class Feeder:
    """Publishes like the inference thread: only what is wanted, ten times a second or faster."""

    def __init__(self, output: RtspOutput, make: Callable[[], RedactedFrame], fps: float = 20) -> None:
        self.make, self.published, self.longest = make, 0, 0.0
        self._output, self._fps, self._stop = output, fps, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(120)

    def _run(self) -> None:
        while not self._stop.wait(1 / self._fps):
            frame = self.make()
            if self._output.wanted(frame.frame.camera):
                before = time.thread_time()
                self._output.publish(frame)
                self.longest = max(self.longest, time.thread_time() - before)
                self.published += 1


@contextmanager
def serving(*cameras: str, **options: Any) -> Iterator[RtspOutput]:
    output = RtspOutput("127.0.0.1", 0, **options)
    for camera in cameras or ("entrance",):
        output.add_camera(camera)
    output.start()
    try:
        yield output
    finally:
        output.close()


def url(output: RtspOutput, camera: str = "entrance") -> str:
    return f"rtsp://127.0.0.1:{output.port}/{camera}"
