"""When a camera's bin is built anew for another shape of picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.deepstream.runtime.picture_shape import Misfit

SETTLE_S = 1.0
"""So long a stream must keep a new shape before its bin is built anew; not the first that it has."""
RESHAPE_S, RAREST_S = 5.0, 300.0
"""Least and longest pause between two times that a bin is built anew. A stream that alternates is mostly
elsewhere once the bin is there: each time that it is wanted again as soon as it may be, the pause doubles."""
AGAIN_S = 10.0
"""Wanted anew so soon after the pause counts as that."""
LONGEST_DARK_S = 15.0
"""After so long without a frame that fits, only the first pause counts."""


class ReshapePace:
    """Of one camera. Times by one clock, in s.

    >>> from pipelines.deepstream.runtime.picture_shape import Misfit
    >>> pace = ReshapePace()
    >>> pace.due(Misfit((4, 3), since=10, dark_since=10), now=10)
    True
    >>> pace.tried(10, built=True)
    >>> [pace.due(Misfit((16, 9), since=20, dark_since=20), now) for now in (20.5, 21)]
    [False, True]
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._pause = RESHAPE_S
        self._fitted = False

    def due(self, misfit: Misfit, now: float) -> bool:
        """Return whether the bin is to be built for this shape now. The first is believed at once."""
        if self._last is None:
            return True
        if self._fitted and now < min(misfit.since + SETTLE_S, misfit.dark_since + RESHAPE_S):
            return False
        return now >= self._last + (RESHAPE_S if now - misfit.dark_since >= LONGEST_DARK_S else self._pause)

    def tried(self, now: float, *, built: bool) -> None:
        """Note an attempt, and whether the bin is built anew by it."""
        if self._last is not None:
            soon = now - self._last < self._pause + AGAIN_S
            self._pause = min(2 * self._pause, RAREST_S) if soon else RESHAPE_S
        self._last, self._fitted = now, self._fitted or built
