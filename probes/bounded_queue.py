"""A bounded queue between threads: `put` never waits, the oldest item is dropped, every wait has an end."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")

WAKE_S = 1.0
"""A thread that waits looks this often whether the queue was closed, even if a wake-up was lost."""


class DropOldestQueue(Generic[T]):
    """At most `capacity` items wait; the newest stay. From any thread. Dropped items are handed back.

    >>> queue = DropOldestQueue[str](2)
    >>> [queue.put(item) for item in "abc"]
    [[], [], ['a']]
    >>> queue.take()
    'b'
    >>> queue.close()
    ['c']
    >>> queue.take() is None
    True
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("capacity must be 1 or more")
        self._capacity = capacity
        self._change = threading.Condition()
        self._items: deque[T] = deque()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closed

    def put(self, item: T) -> list[T]:
        """Add an item, never waiting; return what was dropped for it: the oldest, or itself once closed."""
        with self._change:
            if self._closed:
                return [item]
            dropped = [self._items.popleft()] if len(self._items) >= self._capacity else []
            self._items.append(item)
            self._change.notify()
        return dropped

    def take(self, timeout_s: float | None = None) -> T | None:
        """Return the oldest item, waiting for it; None once closed, or after timeout_s without one."""
        with self._change:
            if timeout_s is not None:
                self._change.wait_for(self._ready, timeout_s)
            else:
                while not self._ready():
                    self._change.wait(WAKE_S)
            return self._items.popleft() if self._items else None

    def take_all(self, timeout_s: float) -> list[T]:
        """Return all items, oldest first, waiting at most timeout_s for the first; [] if none came."""
        with self._change:
            self._change.wait_for(self._ready, timeout_s)
            items, self._items = list(self._items), deque()
            return items

    def close(self) -> list[T]:
        """Wake all who wait, for good; return the items that still waited."""
        with self._change:
            self._closed = True
            items, self._items = list(self._items), deque()
            self._change.notify_all()
        return items

    def _ready(self) -> bool:
        return bool(self._items) or self._closed


def take_all(items: deque[T]) -> list[T]:
    """Remove and return all items, oldest first; other threads may append meanwhile.

    >>> waiting = deque("ab")
    >>> take_all(waiting), take_all(waiting)
    (['a', 'b'], [])
    """
    taken = []
    while items:
        taken.append(items.popleft())
    return taken
