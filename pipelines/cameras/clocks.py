"""Two small clocks of a camera: when a frame was captured, and whether the next one is due."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECOND = 1_000_000_000


class CaptureClock:
    """UTC nanoseconds that never run backwards, whatever happens to the machine's clock.

    A clock set forward (a box without battery clock finds its time server) is followed; one set back is
    not, and time goes on at its true rate from where it was.
    """

    def __init__(self, now_ns: Callable[[], int], clock: Callable[[], float]) -> None:
        self._now_ns, self._clock = now_ns, clock
        self._offset = now_ns() - int(clock() * SECOND)
        self._last = 0

    def now(self) -> int:
        """Return the UTC time in ns, above every earlier answer."""
        steady = int(self._clock() * SECOND)
        if self._now_ns() - steady - self._offset > SECOND:
            self._offset = self._now_ns() - steady
        self._last = max(self._last + 1, steady + self._offset)
        return self._last


SLOWEST_S = 1.0
"""Whatever the share, no camera that is to be looked at more often is looked at less often than so."""


class FrameRateLimit:
    """Lets at most `fps` frames a second through, evenly, and all frames of a camera that has no more.

    share: of that rate, 0 to 1, asked anew for each frame: less while the machine is overloaded; 0: none.
    slowest_s: the longest time between two frames that a share makes. phase: part of the period, 0 to 1, by
    which the first frame is put off where the share makes the period longer: cameras that send at the same
    time are then analysed one after the other, not all at once and none for a while.

    >>> limit = FrameRateLimit(fps=10)
    >>> [limit.passes(second) for second in (0.0, 0.04, 0.1, 0.2)]
    [True, False, True, True]
    """

    def __init__(
        self,
        fps: float,
        share: Callable[[], float] = lambda: 1.0,
        slowest_s: Callable[[], float] = lambda: SLOWEST_S,
        phase: float = 0.0,
    ) -> None:
        self._period, self._share, self._slowest_s, self._phase = 1 / fps, share, slowest_s, phase
        self._due = float("-inf")
        self._last_period = self._period

    def passes(self, now: float) -> bool:
        """Return whether a frame arriving now (seconds, any origin) is due; half of 1 / fps early counts.

        Not half of a longer period: frames half of that apart would come now sooner, now later.
        """
        share = self._share()
        if share <= 0:
            return False
        period = min(self._period / share, max(self._period, self._slowest_s()))
        if period != self._last_period:
            self._last_period = period
            if period > self._period:
                self._due = now + self._phase * period
        if now < self._due - self._period / 2:
            return False
        late = now > self._due + period
        self._due = (now if late else self._due) + period
        return True


def phases() -> Iterator[float]:
    """Yield a phase for one camera after the other: far from each other, however many there are.

    Halves, then quarters between them, then eighths; a little late, so that none lies just between two frames
    of a camera of which every second or fourth is analysed.

    >>> [next(some) for some in [phases()] for _ in range(4)]
    [0.0625, 0.5625, 0.3125, 0.8125]
    """
    for number in count():
        bits = f"{number:b}"
        yield (int(bits[::-1], 2) / 2 ** len(bits) + 1 / 16) % 1
