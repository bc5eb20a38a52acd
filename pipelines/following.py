"""Whether people who are seen are also followed, at the few frames a second that an overloaded machine does.

Nobody is owed a look, counted or announced before a track of theirs is confirmed. Who walks moves further
between two frames than the tracker can bridge, if these are too rare: then all that the machine does is in
vain for them, and fewer cameras with more frames each are better than all with too few.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.load_reading import Totals

FOLLOW_FPS: Final = 2.5
"""Frames a second of a camera from which on walkers are followed (docs/decisions-measured.md)."""
RARE: Final = 0.85
"""Cameras that have less than this share of it are looked at too rarely."""
FOLLOWED: Final = 0.6
"""Share of the persons seen whose track must have been seen before."""
LEAST: Final = 8
"""So many must have been seen for that to mean anything."""
LEAST_S, SPAN_S = 6.0, 12.0
"""Of the time until now, in which that is counted."""
LASTS_S: Final = 4.0
"""They must be too rare for so long, and in the last so many seconds: a search that ends costs no camera."""
LEAST_BUSY: Final = 0.3
"""What is left of an idle machine is not judged beyond this: little is known of it then."""
TRIED_S, VAIN_S = 60.0, 600.0
"""Are people not followed for so long though frames come often enough, then it is left alone for so long."""


class Following:
    """No clock and no I/O: `update` is told all. One thread."""

    def __init__(self) -> None:
        self._seen: deque[Totals] = deque()
        self._vain_since = 0.0
        self._rare_since: float | None = None
        self._vain_until = -math.inf
        self.needed = False
        """Whether fewer cameras are to be analysed, each often enough."""
        self.possible_fps = 0.0
        """Frames a second that the machine could do when that was found."""

    def update(self, totals: Totals, cameras: int, suspended: int, *, leaves_out: bool) -> bool:
        """Take the current counters; return whether `needed` changed.

        leaves_out: whether less is analysed than is asked for; where all is, nothing is needed.
        """
        self._seen.append(totals)
        while totals.at - self._seen[0].at > SPAN_S:
            self._seen.popleft()
        before, share = self.needed, _followed(self._seen)
        is_lost = share is not None and share < FOLLOWED and totals.at - self._seen[0].at >= LEAST_S
        is_rare = is_lost and self._is_rare(max(1, cameras - suspended))
        if is_rare or not is_lost:
            self._vain_since = totals.at
        if not is_rare:
            self._rare_since = None
        elif self._rare_since is None:
            self._rare_since = totals.at
        if not leaves_out or cameras < 2:
            self.needed = False
        elif not self.needed:
            lasts = self._rare_since is not None and totals.at - self._rare_since >= LASTS_S
            self.needed = lasts and totals.at >= self._vain_until
        elif totals.at - self._vain_since >= TRIED_S:
            self.needed, self._vain_until = False, totals.at + VAIN_S
        if self.needed != before:
            self._seen, self._rare_since = deque([totals]), None
        return self.needed != before

    def _is_rare(self, analysed: int) -> bool:
        """Return whether the cameras had too few frames; note how many the machine could do."""
        first, last = self._seen[0], self._seen[-1]
        fps = (last.frames - first.frames) / (last.at - first.at)
        busy = 1 - (last.idle_s - first.idle_s) / (last.at - first.at)
        self.possible_fps = fps / min(1.0, max(busy, LEAST_BUSY))
        recent = next((one for one in self._seen if 0 < last.at - one.at <= LASTS_S), first)
        recent_fps = (last.frames - recent.frames) / (last.at - recent.at)
        return max(fps, recent_fps) < RARE * FOLLOW_FPS * analysed


def _followed(seen: Sequence[Totals]) -> float | None:
    """Return the share of the persons seen that are followed; None where too few were seen."""
    persons = seen[-1].persons - seen[0].persons
    return (seen[-1].followed - seen[0].followed) / persons if persons >= LEAST else None
