"""Limits the requests to a price service: circuit breaker, pauses, budget per day. Times in seconds."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

LONGEST_PAUSE_S = 86_400.0
JITTER = 0.3
_DAYS = 8


class BreakerState(str, Enum):
    """Closed: requests pass. Open: none passes. Half-open: one trial request is under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """Opens after `failures` in a row; waits `first_s`, doubling up to `max_s`, before each single try.

    random: 0 to 1, spreads the tries of a fleet by up to JITTER.

    >>> breaker = Breaker(lambda: 0.0, failures=1, first_s=15)
    >>> breaker.fail(now=100)
    >>> breaker.admits(101), breaker.admits(200)
    (False, True)
    """

    def __init__(
        self,
        random: Callable[[], float],
        *,
        failures: int = 5,
        first_s: float = 15.0,
        max_s: float = 600.0,
    ) -> None:
        self.state = BreakerState.CLOSED
        self.ready_at = 0.0
        self._random = random
        self._max_failures = failures
        self._first_s, self._max_s = first_s, max_s
        self._failures = self._openings = 0

    def admits(self, now: float) -> bool:
        """Return whether a request may be sent; whoever gets True must report `succeed` or `fail`."""
        if self.state is BreakerState.OPEN and now >= self.ready_at:
            self.state = BreakerState.HALF_OPEN
            return True
        return self.state is BreakerState.CLOSED

    def succeed(self) -> None:
        """Close: it works."""
        self.state = BreakerState.CLOSED
        self._failures = self._openings = 0

    def fail(self, now: float, *, for_good: bool = False) -> None:
        """Count a failure. for_good: no quick try will mend it (a refused key), so open for the longest."""
        self._failures += 1
        if self.state is not BreakerState.HALF_OPEN and self._failures < self._max_failures and not for_good:
            return
        wait = self._max_s if for_good else min(self._first_s * 2 ** min(self._openings, 16), self._max_s)
        self.ready_at = now + wait * (1 + JITTER * (2 * self._random() - 1))
        self.state = BreakerState.OPEN
        self._openings += 1


class Budget:
    """Questions left of each day. spent_on: what an earlier run had spent of a day.

    A day that comes again, for the clock was set to a wrong one in between, goes on where it was.

    >>> from datetime import date
    >>> budget = Budget(per_day=100, spent_on=lambda day: 99 if day == date(2026, 11, 30) else 0)
    >>> budget.spend(date(2026, 11, 30))
    >>> budget.left(date(2026, 11, 30)), budget.left(date(2026, 12, 1))
    (0, 100)
    """

    def __init__(self, per_day: int, spent_on: Callable[[date], int]) -> None:
        self._per_day, self._spent_on = per_day, spent_on
        self._spent: dict[date, int] = {}

    def spent(self, today: date) -> int:
        """Return how many questions were counted today."""
        if today not in self._spent:
            if len(self._spent) >= _DAYS:
                del self._spent[next(iter(self._spent))]
            self._spent[today] = self._spent_on(today)
        return self._spent[today]

    def left(self, today: date) -> int:
        """Return how many requests are left today."""
        return self._per_day - self.spent(today)

    def spend(self, today: date) -> None:
        """Count one question."""
        self._spent[today] = self.spent(today) + 1


def pause_s(status: int, headers: Mapping[str, str], now: float) -> float:
    """Return the pause in seconds that a response asks for, 0 for none; at most a day.

    headers: names in lower case; now: UTC seconds. Reads Retry-After in seconds (RFC 9110 10.2.3), and where
    nothing remains, RapidAPI's x-ratelimit-requests-reset and the RateLimit-Reset of the IETF drafts (both in
    seconds left), and X-RateLimit-Reset, which some write as UTC seconds or milliseconds since 1970.

    >>> pause_s(503, {"retry-after": "120"}, now=0)
    120.0
    """
    pauses = [_seconds(headers.get("retry-after"), now)] if status in (429, 503) else []
    for remaining, reset in (
        ("x-ratelimit-requests-remaining", "x-ratelimit-requests-reset"),
        ("ratelimit-remaining", "ratelimit-reset"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ):
        if status == 429 or headers.get(remaining, "").strip() == "0":
            pauses.append(_seconds(headers.get(reset), now))
    readable = [seconds for seconds in pauses if seconds is not None]
    if not readable:
        return 60.0 if status == 429 else 0.0
    return min(max(*readable, 0.0), LONGEST_PAUSE_S)


def _seconds(text: str | None, now: float) -> float | None:
    if text is None or not (text.strip().isascii() and text.strip().isdigit() and len(text) < 20):
        return None
    value = float(text)
    if value > 1e11:
        value /= 1000
    return value - now if value > 1e9 else value
