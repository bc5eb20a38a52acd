"""A short line of work for threads: the newest stays, the oldest gives way, and every wait has an end."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

WAIT_S = 1.0


class Waiting(Generic[T]):
    """At most `most` things wait. From any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._change = threading.Condition()
        self._things: deque[T] = deque()
        self._closed = False

    def __len__(self) -> int:
        return len(self._things)

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def put(self, thing: T) -> int:
        """Add a thing, never waiting; return how many were dropped for it: the oldest, or it where closed."""
        with self._change:
            if self._closed:
                return 1
            full = len(self._things) >= self._most
            if full:
                self._things.popleft()
            self._things.append(thing)
            self._change.notify()
        return int(full)

    def take(self) -> T | None:
        """Wait for the oldest thing; None once it is closed."""
        with self._change:
            while not self._closed:
                if self._things:
                    return self._things.popleft()
                self._change.wait(WAIT_S)
        return None

    def close(self) -> int:
        """Wake all who wait, for good; return how many things were dropped."""
        with self._change:
            self._closed = True
            dropped = len(self._things)
            self._things.clear()
            self._change.notify_all()
        return dropped
