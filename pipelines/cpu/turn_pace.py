"""How often turned pictures are searched for small people: a share of the time, however many cameras.

Such a look costs ten times what a frame does. By its own clock each of too many cameras would look so at
nearly each of its frames, and all would be later still.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.25
"""Share of the time that looks may take together."""
MAX_PAUSE_S = 10.0
"""Longest pause after a look: the first looks, at all cameras at once, need not be paid for afterwards."""
HANDED_ON_S = 2.0
"""How long a pause that is over waits for the camera whose turn it is; then for none."""


class TurnPace:
    """Shared by the cameras of a store; used by the thread that looks at frames.

    Whose look has been due for longest is next.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._free_at = clock, clock()
        self._due: dict[str, float] = {}

    def may_look(self, camera: str) -> bool:
        """Return whether a look that is due may be now."""
        now = self._clock()
        since = self._due.setdefault(camera, now)
        if now < self._free_at:
            return False
        if now < self._free_at + HANDED_ON_S:
            return since <= min(self._due.values())
        # Who was before it did not ask: the camera is gone, or its look is no longer due.
        self._due = {one: at for one, at in self._due.items() if at >= since}
        return True

    def now(self) -> float:
        """Return the time by its clock, s."""
        return self._clock()

    def end(self, camera: str, began: float | None) -> None:
        """Count a look that ended; None: there was none, it is not due any more."""
        self._due.pop(camera, None)
        if began is not None:
            now = self._clock()
            pause_s = (now - began) * (1 / SHARE - 1)
            self._free_at = min(max(self._free_at, now) + pause_s, now + MAX_PAUSE_S)
