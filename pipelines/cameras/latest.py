"""The newest item of each camera: what stands between the cameras and a thread that is slower than they."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class LatestPerCamera(Generic[T]):
    """One slot per camera. Producers never wait; one consumer takes at most one item of each camera.

    on_drop(camera, reason): called in the producer's thread, without any lock held, for each item that
    nobody will see; reason is "superseded" (a newer one came first) or "removed" (camera or all closed).

    >>> frames = LatestPerCamera()
    >>> frames.put("door", "first")
    >>> frames.put("door", "second")
    >>> frames.take(0.2)
    ['second']
    """

    def __init__(self, on_drop: Callable[[str, str], None] = lambda camera, reason: None) -> None:
        self._on_drop = on_drop
        self._ready = threading.Condition()
        self._slots: dict[str, T] = {}
        self._removed: set[str] = set()
        self._closed = self._woken = False

    def put(self, camera: str, item: T) -> None:
        """Leave the item; one of the same camera that still lies there is dropped."""
        with self._ready:
            gone = self._closed or camera in self._removed
            superseded = camera in self._slots
            if not gone:
                self._slots[camera] = item
                self._ready.notify()
        if gone or superseded:
            self._on_drop(camera, "removed" if gone else "superseded")

    def take(self, timeout_s: float, limit: int | None = None) -> list[T]:
        """Return the newest item of each camera, at most `limit`, the longest waiting camera first.

        Waits up to timeout_s for the first one; empty after that, after `wake`, and at once when closed.
        """
        with self._ready:
            self._ready.wait_for(lambda: self._slots or self._closed or self._woken, timeout_s)
            self._woken = False
            # A dict keeps a camera's place while its item is replaced, so no camera can starve another.
            cameras = list(self._slots)[:limit]
            return [self._slots.pop(camera) for camera in cameras]

    def wake(self) -> None:
        """Have the consumer return from `take` now."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def add(self, camera: str) -> None:
        """Admit a camera again that was removed; others need not be added."""
        with self._ready:
            self._removed.discard(camera)

    def remove(self, camera: str) -> None:
        """Forget the camera: its item vanishes, and late ones are dropped."""
        with self._ready:
            self._removed.add(camera)
            self._slots.pop(camera, None)

    def close(self) -> None:
        """Drop everything and wake the consumer, for good."""
        with self._ready:
            self._closed = True
            self._slots.clear()
            self._ready.notify_all()

    @property
    def closed(self) -> bool:
        """Return whether `close` was called."""
        return self._closed

    def __len__(self) -> int:
        with self._ready:
            return len(self._slots)
