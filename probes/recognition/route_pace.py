"""Which routes a look may leave out, because they would hardly learn anything new."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from engines.marks.types import Route

if TYPE_CHECKING:
    from probes.answers import LookAnswer
    from probes.frame import TrackId
    from probes.recognition.look import Look

EVERY = 3
"""One look in so many seeks keypoints and patterns, though it is no better than those before."""
MAX_TRACKS = 1024
Value = TypeVar("Value")
_DEAR = frozenset({Route.EMBLEM, Route.PATTERN})
_NONE: frozenset[Route] = frozenset()


class RoutePace:
    """Spares looks keypoints and patterns, which take half of a look's time and find nothing on most people.

    They are sought in each look that is clearly better than all before, in one of EVERY, and, once one of a
    person's looks saw an emblem or a pattern, in all that follow: then they decide. From any thread.
    """

    def __init__(self) -> None:
        self._spared: dict[TrackId, int] = {}
        self._seen: dict[TrackId, None] = {}

    def without(self, look: Look) -> frozenset[Route]:
        """Return the routes to leave out of this look, and count it."""
        track = look.track
        if look.fine or track in self._seen:
            self._spared.pop(track, None)
            return _NONE
        spared = self._spared.pop(track, 0) + 1
        _keep(self._spared, track, spared % EVERY)
        return _NONE if spared == EVERY else _DEAR

    def note(self, answer: LookAnswer) -> None:
        """Take what a look found."""
        if any(mark.route in _DEAR for mark in answer.marks):
            self._seen.pop(answer.track, None)
            _keep(self._seen, answer.track, None)


def _keep(values: dict[TrackId, Value], track: TrackId, value: Value) -> None:
    values[track] = value
    if len(values) > MAX_TRACKS:
        values.pop(next(iter(values)), None)
