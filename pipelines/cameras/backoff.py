"""How long to wait before calling a camera again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

PATIENT_S = 60.0
"""The wait for what no quick retry mends."""


class Backoff:
    """Exponential waits with jitter, so that many cameras behind one switch do not call at once.

    first_s doubles up to max_s; each wait is spread by +-jitter (a fraction, 0 to 1). `patient` waits are
    for what no quick retry mends, such as a wrong password: many cameras lock the account after a few.

    >>> import random
    >>> waits = Backoff(0.5, 30, 0, random.Random(1))
    >>> [waits.next() for _ in range(3)], waits.next(patient=True)
    ([0.5, 1.0, 2.0], 60.0)
    """

    def __init__(self, first_s: float, max_s: float, jitter: float, rng: random.Random) -> None:
        self._first, self._max, self._jitter, self._rng = first_s, max(first_s, max_s), jitter, rng
        self._patient = max(PATIENT_S, self._max)
        self._base = first_s

    def next(self, *, patient: bool = False) -> float:
        """Return the seconds to wait now; the following wait is twice as long."""
        wait = self._patient if patient else self._base
        self._base = min(self._max, self._base * 2)
        return wait * (1 + self._jitter * self._rng.uniform(-1, 1))

    def reset(self) -> None:
        """Start over, because frames have arrived."""
        self._base = self._first
