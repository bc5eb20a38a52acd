"""Live pictures for the page: each size of a camera is encoded once, however many watch it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.image import I420
from pipelines.outputs.gst import only_redacted
from pipelines.outputs.snapshot import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from engines.image import Plane
    from probes.redact import RedactedFrame

logger = logging.getLogger(__name__)

WIDTHS = (320, 640, 960, 1280)
"""What a viewer's width is rounded up to: few sizes, so that viewers share them."""
MOST_FPS = 30
EARLY = 0.8
"""Share of its interval after which a frame is in time: cameras are not exactly regular."""


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A JPEG, when its frame was captured (UTC ns), and the size of that frame before it was scaled."""

    camera: str
    jpeg: bytes
    captured_at: int
    frame_size: tuple[int, int]


@dataclass(eq=False, slots=True)
class Watch:
    """One who watches a camera at a width; on_picture is called in the encoder's thread and must not wait."""

    camera: str
    width: int
    interval_s: float
    on_picture: Callable[[LivePicture], None]
    due: float = float("-inf")


class LiveOutput:
    """A FrameSink. Nothing is drawn or encoded for a camera that nobody watches."""

    def __init__(
        self, cameras: Iterable[str], *, quality: int = 75, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._quality, self._clock = quality, clock
        self._watches: dict[str, tuple[Watch, ...]] = dict.fromkeys(cameras, ())
        self._changed = threading.Condition()
        self._waiting: dict[str, RedactedFrame] = {}
        self._redacted: dict[str, float] = {}
        self._failing = self._closed = False
        self.dropped = self.encoded = 0
        self._thread = threading.Thread(target=self._run, name="live-pictures", daemon=True)
        self._thread.start()

    def watch(
        self,
        camera: str,
        on_picture: Callable[[LivePicture], None],
        *,
        width: int = WIDTHS[-1],
        fps: float = MOST_FPS,
    ) -> Watch:
        """Call on_picture with each new picture, at most `fps` a second; KeyError for an unknown camera."""
        width = next((w for w in WIDTHS if w >= width), WIDTHS[-1])
        watch = Watch(camera, width, 1 / min(max(fps, 0.1), MOST_FPS), on_picture)
        with self._changed:
            self._watches[camera] = (*self._watches[camera], watch)
        return watch

    def unwatch(self, watch: Watch) -> None:
        """Stop calling; a call under way may still come."""
        with self._changed:
            self._watches[watch.camera] = tuple(w for w in self._watches[watch.camera] if w is not watch)

    def watched(self, camera: str) -> int:
        """Return how many watches a camera has."""
        return len(self._watches.get(camera, ()))

    def age_s(self, camera: str) -> float | None:
        """Return how long ago the camera's last frame was redacted, whether or not it was encoded."""
        at = self._redacted.get(camera)
        return None if at is None else max(0.0, self._clock() - at)

    def wanted(self, camera: str) -> bool:
        """Tell whether someone watches and is due a picture. Asked once for each redacted frame."""
        now = self._clock()
        self._redacted[camera] = now
        return any(now >= watch.due for watch in self._watches.get(camera, ()))

    def publish(self, frame: RedactedFrame) -> None:
        """Keep the frame for the encoder; one that still waits gives way to it and is counted."""
        only_redacted(frame)
        camera = frame.frame.camera
        with self._changed:
            if self._closed or not self._watches.get(camera):
                return
            self.dropped += camera in self._waiting
            self._waiting[camera] = frame
            self._changed.notify()

    def close(self) -> None:
        """End the thread; no picture is given any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait(1)
                if self._closed:
                    return
                camera = next(iter(self._waiting))
                frame = self._waiting.pop(camera)
                now = self._clock()
                due = [watch for watch in self._watches[camera] if now >= watch.due]
            try:
                self._give(frame, due, now)
            except Exception as error:  # noqa: BLE001 one bad frame must not end all pictures
                if not self._failing:
                    logger.error("camera %s: no live picture: %s", camera, error)
                self._failing = True
            else:
                self._failing = False

    def _give(self, frame: RedactedFrame, due: list[Watch], now: float) -> None:
        made: dict[int, LivePicture] = {}
        for watch in due:
            watch.due = now + EARLY * watch.interval_s
            width = min(watch.width, frame.pixels.width)
            if width not in made:
                made[width] = LivePicture(
                    frame.frame.camera,
                    encode(scaled(frame.pixels, width), self._quality),
                    frame.frame.captured_at,
                    frame.frame.size,
                )
                self.encoded += 1
            watch.on_picture(made[width])


def scaled(picture: I420, width: int) -> I420:
    """Return the picture scaled down to an even width not above its own, in its proportions."""
    if width >= picture.width:
        return picture
    width &= ~1
    height = max(2, round(picture.height * width / picture.width) & ~1)
    half = (width // 2, height // 2)
    return I420(_resized(picture.y, (width, height)), _resized(picture.u, half), _resized(picture.v, half))


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)
