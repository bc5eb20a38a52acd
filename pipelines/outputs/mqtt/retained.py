"""The newest value of each retained topic, kept to be published again on every connection."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from probes.events.messages import moved_in_time
from probes.events.status import qos

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TIMES: Final = ("at", "since")
"""The keys of a state that hold a time."""


class Retained:
    """Thread-safe. A topic whose value is None is to be cleared at the broker."""

    def __init__(self, initial: Mapping[str, Mapping[str, Any]]) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, Mapping[str, Any] | None] = dict(initial)
        self._dirty: dict[str, None] = dict.fromkeys(initial)

    @property
    def topics(self) -> frozenset[str]:
        """The topics that are set, or to be cleared."""
        with self._lock:
            return frozenset(self._values)

    def set(self, topic: str, payload: Mapping[str, Any]) -> None:
        """Replace a topic's value."""
        with self._lock:
            self._values[topic] = payload
            self._dirty[topic] = None

    def clear(self, topic: str) -> None:
        """Have a topic cleared at the broker."""
        with self._lock:
            if topic in self._values:
                self._values[topic] = None
                self._dirty[topic] = None

    def clear_others(self, topics: Iterable[str]) -> None:
        """Clear the topics that an earlier run has set and this one has not."""
        with self._lock:
            for topic in set(topics) - self._values.keys():
                self._values[topic] = None
                self._dirty[topic] = None

    def forget(self, topic: str) -> bool:
        """Drop a topic that has been cleared; False where it has a value, or is still to be cleared."""
        with self._lock:
            if self._values.get(topic) is None and topic not in self._dirty:
                self._values.pop(topic, None)
                return True
            return False

    def again(self) -> None:
        """Have every topic published again."""
        with self._lock:
            self._dirty = dict.fromkeys(self._values)

    def shift(self, step: int) -> None:
        """Add `step` ns to the times of all values, and have them published again: the clock was set."""
        with self._lock:
            for topic, value in self._values.items():
                with suppress(ValueError, TypeError, OverflowError):  # another program's form of time
                    if value is not None and (moved := moved_in_time(value, step, TIMES)) != value:
                        self._values[topic] = moved
                        self._dirty[topic] = None

    def take(self) -> list[tuple[str, Mapping[str, Any] | None, int]]:
        """Return topic, value and quality of service of all that is not yet published."""
        with self._lock:
            taken = [(t, self._values[t], 1 if self._values[t] is None else qos(t)) for t in self._dirty]
            self._dirty.clear()
            return taken
