"""The newest item of each camera: what stands between the cameras and a thread that is slower than they."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

STARVED_S = 5.0
"""A camera that has waited for its turn for so long gets it, however old its item is."""
SOON_S = 2.0
"""Only who gives items so often loses one by its age: the next will be fresh."""


class LatestPerCamera(Generic[T]):
    """One slot per camera. Producers never wait; one consumer takes at most one item of each camera.

    on_drop(camera, reason): called in the producer's thread, without any lock held, for each item that
    nobody will see; reason is "superseded" (a newer one came first), "removed" (camera or all closed), or
    "stale", in the consumer's thread: it waited for longer than max_age_s, the next comes within SOON_S, and
    its camera had a turn in the last STARVED_S. With that bound whose turn was longest ago is first.

    >>> frames = LatestPerCamera()
    >>> frames.put("door", "first")
    >>> frames.put("door", "second")
    >>> frames.take(0.2)
    ['second']
    """

    def __init__(
        self,
        on_drop: Callable[[str, str], None] = lambda camera, reason: None,
        *,
        max_age_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_drop, self._max_age_s, self._clock = on_drop, max_age_s, clock
        self._ready = threading.Condition()
        self._slots: dict[str, T] = {}
        self._put_at: dict[str, float] = {}
        self._every_s: dict[str, float] = {}
        self._turn_at: dict[str, float] = {}
        self._removed: set[str] = set()
        self._closed = self._woken = False

    def put(self, camera: str, item: T) -> None:
        """Leave the item; one of the same camera that still lies there is dropped."""
        with self._ready:
            gone = self._closed or camera in self._removed
            superseded = camera in self._slots
            if not gone:
                self._slots[camera] = item
                now = self._clock()
                self._every_s[camera] = now - self._put_at.get(camera, -math.inf)
                self._put_at[camera] = now
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
            stale = self._take_stale()
            # A dict keeps a camera's place while its item is replaced, so no camera can starve another.
            cameras = list(self._slots)
            if self._max_age_s is not None:
                cameras.sort(key=lambda camera: self._turn_at.get(camera, 0.0))
                self._turn_at |= dict.fromkeys(cameras[:limit], self._clock())
            taken = [self._slots.pop(camera) for camera in cameras[:limit]]
        for camera in stale:
            self._on_drop(camera, "stale")
        return taken

    def _take_stale(self) -> list[str]:
        """Take out what is too old to be worth the work, and return whose it was."""
        if self._max_age_s is None:
            return []
        now, stale = self._clock(), []
        for camera in list(self._slots):
            is_old = now - self._put_at[camera] > self._max_age_s
            had_turn = now - self._turn_at.get(camera, -math.inf) < STARVED_S
            if is_old and had_turn and self._every_s[camera] <= SOON_S:
                del self._slots[camera]
                stale.append(camera)
        return stale

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
            for kept in (self._slots, self._put_at, self._every_s, self._turn_at):
                kept.pop(camera, None)

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
