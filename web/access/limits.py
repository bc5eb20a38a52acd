"""Rate limits per address."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_KNOWN = 2048


class Allowance:
    """`burst` at once, then `per_s` a second, for each name; the least recent names are forgotten first.

    >>> times = iter([0.0, 0.0, 0.0, 60.0, 60.0])
    >>> allowance = Allowance(burst=1, per_s=1 / 60, clock=lambda: next(times))
    >>> [allowance.allows("10.0.0.7") for _ in range(3)]
    [True, False, True]
    """

    def __init__(self, burst: int, per_s: float, clock: Callable[[], float]) -> None:
        self._burst, self._per_s, self._clock = float(burst), per_s, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str) -> float:
        """Return how long the name must wait for its next turn; 0 if it has one."""
        return max(0.0, (1 - self._now(name)[0]) / self._per_s)

    def spend(self, name: str) -> None:
        """Take one, even where none is left."""
        left, now = self._now(name)
        self._left.pop(name, None)
        self._left[name] = (max(left - 1, -1.0), now)
        if len(self._left) > MAX_KNOWN:
            self._left.popitem(last=False)

    def give_back(self, name: str) -> None:
        """Return one that was taken."""
        left, now = self._now(name)
        self._left[name] = (min(left + 1, self._burst), now)

    def allows(self, name: str) -> bool:
        """Take one if there is one."""
        if self.wait_s(name) > 0:
            return False
        self.spend(name)
        return True

    def _now(self, name: str) -> tuple[float, float]:
        now = self._clock()
        left, at = self._left.get(name, (self._burst, now))
        return min(self._burst, left + (now - at) * self._per_s), now


class SlowLane:
    """Serialises the requests of one name, with a pause each. Used in one event loop."""

    def __init__(self, pause_s: float, max_waiting: int) -> None:
        self._pause_s, self._max_waiting = pause_s, max_waiting
        self._waiting: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def turn(self, name: str) -> bool:
        """Wait for one's turn; False at once where too many wait already."""
        if self._waiting.get(name, 0) >= self._max_waiting:
            return False
        self._waiting[name] = self._waiting.get(name, 0) + 1
        try:
            async with self._locks.setdefault(name, asyncio.Lock()):
                await asyncio.sleep(self._pause_s)
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name], self._locks[name]
        return True
