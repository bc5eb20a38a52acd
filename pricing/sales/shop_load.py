"""Does keeping a salesperson free for a more valuable customer pay, by what a shop saw? No clock, no I/O."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import accumulate
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECOND = 1_000_000_000
RATE_NS = 3600 * SECOND
VALUES_NS = 4 * RATE_NS
LEAST_NS = 900 * SECOND
EVERY_NS = 300 * SECOND
MIN_SEEN, MIN_PRICED, MAX_SEEN = 8, 4, 4096
DOUBT = 2
"""So many fewer are counted in an hour than came: in a quiet shop a few at once are chance."""
MIN_SERVICES, SERVICE_S = 5, 600.0
BEGIN, END = 0.5, 0.4
"""Of the median: what the last free salesperson must be worth so that one is kept, and is kept no longer."""


class ShopLoad:
    """What a desk saw of arrivals, values and services; in memory only, for hours.

    Only what followed from it outlives a restart, rounded, so that it is no customer's own value; it counts
    until enough was seen anew, for an hour at most.

    >>> load = ShopLoad()
    >>> for n in range(60):
    ...     load.see(f"k{n}", 10_000 * (n % 4) ** 2, n * 60 * SECOND)
    >>> [load.reserved_from(3600 * SECOND, staff) for staff in (1, 3, 30)]
    [None, 40000, None]
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._services: deque[float] = deque(maxlen=20)
        self._begun: int | None = None
        self._reserved_from: int | None = None
        self._due, self._staff = 0, 0
        self._found: dict[str, int] | None = None

    def see(self, customer: str, worth_minor: int, at: int) -> None:
        """Take a customer who is in the shop, each time with the newest value. at: ns."""
        if self._begun is None:
            self._begun = at
        if customer not in self._seen and len(self._seen) >= MAX_SEEN:
            oldest, _ = self._seen.pop(next(iter(self._seen)))
            self._begun = max(self._begun, oldest)
        first, before = self._seen.get(customer, (at, 0))
        self._seen[customer] = first, max(worth_minor, before)

    def serve(self, seconds: float) -> None:
        """Take how long somebody was with a customer."""
        self._services.append(max(seconds, 0.0))

    def reserved_from(self, at: int, staff: int) -> int | None:
        """Return from which value on customers have one salesperson kept free; None where nobody is kept.

        staff: on duty. Worked out anew every five minutes, and when staff comes or goes.
        """
        if at >= self._due or staff != self._staff or at < self._due - EVERY_NS:
            self._due, self._staff = at + EVERY_NS, staff
            self._reserved_from = self._work_out(at, staff)
        return self._reserved_from

    def snapshot(self) -> dict[str, int] | None:
        """Return what outlives a restart, as JSON takes it; None where nobody is kept."""
        return self._found

    def restore(self, saved: Mapping[str, int] | None) -> None:
        """Go on from a snapshot."""
        self._found = None if saved is None else {"keep_from": saved["keep_from"], "at": saved["at"]}

    def _work_out(self, at: int, staff: int) -> int | None:
        self._seen = {name: seen for name, seen in self._seen.items() if at - VALUES_NS < seen[0] <= at}
        span = min(at - (at if self._begun is None else self._begun), RATE_NS)
        came = sum(first > at - span for first, _ in self._seen.values()) - DOUBT
        worths = [worth for _, worth in self._seen.values()]
        priced = [worth for worth in worths if worth > 0]
        if staff < 2:
            return None
        if span < LEAST_NS or len(worths) < MIN_SEEN or len(priced) < MIN_PRICED:
            if self._found and not 0 <= at - self._found["at"] < RATE_NS:
                self._found = None
            return self._found["keep_from"] if self._found else None
        known = len(self._services) >= MIN_SERVICES
        service = sum(self._services) / len(self._services) if known else SERVICE_S
        middle = round(median(priced))
        worth = last_worth(max(came, 0) * SECOND / span, service, staff, worths)
        pays = worth >= (BEGIN if self._reserved_from is None else END) * middle
        self._found = {"keep_from": _rounded(middle), "at": at} if pays else None
        return middle if pays else None


def _rounded(minor: int) -> int:
    """Return an amount with two digits.

    >>> [_rounded(minor) for minor in (7, 129_000, 44_900)]
    [7, 130000, 45000]
    """
    return int(float(f"{minor:.1e}"))


def last_worth(arrivals_s: float, service_s: float, staff: int, worths: Sequence[int]) -> float:
    """Return what the last free salesperson is worth: what is missed on average while all are busy.

    The best policy of a shop where who finds nobody free is lost, customers come at random, and services have
    no memory, takes with so many free whoever is worth at least a threshold. By its balance equations each
    threshold follows from the one of fewer free; they end at all free with the value gained a second.

    >>> [round(last_worth(rate / 3600, 900, 3, [0, 0, 100, 300, 900])) for rate in (3, 6, 12, 24)]
    [64, 124, 221, 359]
    """
    ordered = sorted(worths)
    sums = [0, *accumulate(ordered)]

    def gain(least: float) -> float:
        first = bisect_right(ordered, least)
        return arrivals_s * (sums[-1] - sums[first] - least * (len(ordered) - first)) / len(ordered)

    def too_little(gained: float) -> bool:
        least = gained * service_s / staff
        for free in range(1, staff):
            least = max(0.0, (gained - gain(least)) * service_s / (staff - free))
        return gained < gain(least)

    low, high = 0.0, gain(0.0)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if too_little(middle) else (low, middle)
    return high * service_s / staff
