"""Frames that are not analysed and wait for the next one of their camera that is, to be shown before it."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cameras.source import RawFrame

MAX_BYTES = 16 * 1024 * 1024
"""Most luma and chroma that waits of a camera: 11 frames of 720p, 5 of 1080p."""


class FramesBetween:
    """The waiting frames of each camera, oldest first, with why each is not analysed. For any threads.

    on_drop(camera, reason): called without any lock held for each that waits no longer, and is not taken.
    """

    def __init__(self, on_drop: Callable[[str, str], None] = lambda camera, reason: None) -> None:
        self._on_drop, self._lock = on_drop, threading.Lock()
        self._waiting: dict[str, deque[tuple[RawFrame, str]]] = {}

    def put(self, frame: RawFrame, reason: str) -> None:
        """Have a frame wait. reason: as of a dropped frame, such as "rate" or "superseded"."""
        with self._lock:
            waiting = self._waiting.setdefault(frame.camera, deque())
            waiting.append((frame, reason))
            fit = max(1, MAX_BYTES // max(1, frame.pixels.y.nbytes * 3 // 2))
            gone = [waiting.popleft() for _ in range(len(waiting) - fit)]
        self._drop(gone)

    def take(self, camera: str, before: int) -> list[tuple[RawFrame, str]]:
        """Return the camera's frames that were captured before a time, UTC ns, in their order, and why."""
        with self._lock:
            waiting = sorted(self._waiting.pop(camera, ()), key=lambda one: one[0].captured_at)
            later = [one for one in waiting if one[0].captured_at >= before]
            if later:
                self._waiting[camera] = deque(later)
        return waiting[: len(waiting) - len(later)]

    def drop(self, frames: list[tuple[RawFrame, str]]) -> None:
        """Count frames that were taken and are not shown."""
        self._drop(frames)

    def remove(self, camera: str) -> None:
        """Forget a camera's frames."""
        with self._lock:
            gone = list(self._waiting.pop(camera, ()))
        self._drop(gone)

    def _drop(self, gone: list[tuple[RawFrame, str]]) -> None:
        for frame, reason in gone:
            self._on_drop(frame.camera, reason)

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._waiting.values()))
