"""The two clocks of a store: one that never steps, for measurements, and UTC, for messages."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SECOND = 1_000_000_000
STEP_NS = SECOND
"""A smaller difference is the slow correction of a time server, or two readings that were not at once."""
FAR_NS = 10 * SECOND
BELIEVED_NS = 3600 * SECOND
"""A clock that was set forward is believed after so long, where something would be deleted by it for ever."""
AWAY_NS = 3600 * SECOND
"""A store that did not run for longer may have been told a wrong time when its machine started."""


class _Doubt(NamedTuple):
    """A step forward that is not believed yet. until: by `StoreClock.now`; away: made while nothing ran."""

    until: int
    step: int
    away: bool = False


class StoreClock:
    """UTC as the machine's clock showed it at the start, going on at its true rate whatever is done to that.

    All that a camera's frame leads to is timed by `now`: a stay or an expiry then lasts as long as it really
    does, though a time server sets the clock from 1970 to today. `utc` turns such a time into today's UTC;
    `check` finds out that the clock was set. From any thread; `check` from one.

        clock = StoreClock()
        entered_at = clock.now()
        clock.check()  # 3_600_000_000_000: meanwhile the clock was set forward an hour
        clock.utc(entered_at)  # when that was, by the clock as it is now
    """

    def __init__(
        self, now_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._now_ns, self._monotonic_ns = now_ns, monotonic_ns
        self._start = now_ns() - monotonic_ns()
        self._correction = 0
        self._doubted: deque[_Doubt] = deque()
        self._setting = threading.RLock()  # re-entrant: `check` reads the time, and a signal handler may

    def now(self) -> int:
        """Return the time that never steps, UTC ns by the clock as it was at the start."""
        return self._monotonic_ns() + self._start

    def utc(self, at: int) -> int:
        """Return the UTC time, in ns, of a moment that `now` named."""
        with self._setting:
            return at + self._correction

    def utc_now(self) -> int:
        """Return the UTC time, in ns, as of the last `check`."""
        return self.utc(self.now())

    def expiry_now(self) -> int:
        """Return the UTC time, in ns, by which what is old is deleted.

        Where the clock was set forward it follows an hour later: a wrong year, set by hand or by a bad time
        server and corrected soon, would else delete all that is kept for days. Every step has an hour of its
        own: a clock that steps again and again is followed as well.
        """
        return self._believed(lambda _: True)

    def counted_now(self) -> int:
        """Return the UTC time, in ns, of the day for which is counted what may be done so often in one.

        As `expiry_now`, but how long the store did not run is believed: a new day has begun meanwhile.
        """
        return self._believed(lambda doubt: not doubt.away)

    def _believed(self, counts: Callable[[_Doubt], bool]) -> int:
        with self._setting:
            now = self.now()
            doubts = (doubt.step for doubt in self._doubted if now < doubt.until and counts(doubt))
            return self.utc(now) - sum(doubts)

    def doubts(self) -> list[tuple[int, int]]:
        """Return each step forward that is not believed yet: for how long, and by how much, in ns."""
        with self._setting:
            now = self.now()
            return [(doubt.until - now, doubt.step) for doubt in self._doubted if now < doubt.until]

    def go_on(self, seen: int, doubts: Iterable[tuple[int, int]]) -> None:
        """Go on from an earlier run: the UTC ns that it saw last, and its `doubts`. Once, at the start.

        The time between is like a step: a machine that starts in a wrong year would delete what is kept.
        """
        with self._setting:
            now, step = self.now(), self.utc_now() - seen
            self._doubted.extend(_Doubt(now + left, by, away=True) for left, by in doubts)
            if step < 0 or step > AWAY_NS:
                self._doubt(step, away=True)

    def from_wall(self, wall_ns: int) -> int:
        """Return a moment of the machine's clock as `now` would name it; now, where the two do not agree."""
        now, at = self.now(), wall_ns - self._correction
        return at if abs(now - at) <= FAR_NS else now

    def check(self, on_step: Callable[[int], None] | None = None) -> int:
        """Return by how many ns the clock was set since the last check, 0 where it was not.

        on_step: corrects by so many ns what has the old time. Until it returns no thread is told a new time,
        so that nothing with the new one is corrected again; it must not wait for a thread that asks for one.
        """
        with self._setting:
            step = self._now_ns() - self.utc_now()
            if abs(step) < STEP_NS:
                return 0
            self._doubt(step)
            self._correction += step
            if on_step is not None:
                on_step(step)
        return step

    def _doubt(self, step: int, *, away: bool = False) -> None:
        """Doubt a step forward for BELIEVED_NS; a step back takes the newest doubts away again."""
        now = self.now()
        while self._doubted and self._doubted[0].until <= now:
            self._doubted.popleft()
        while step < 0 and self._doubted:
            newest = self._doubted.pop()
            if (step := newest.step + step) > 0:
                self._doubted.append(newest._replace(step=step))
                return
        if step > 0:
            self._doubted.append(_Doubt(now + BELIEVED_NS, step, away))
