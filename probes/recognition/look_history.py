"""What the looks have told so far of each person, and which are under way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pricing.value import PersonValue
    from probes.frame import TrackId

T = TypeVar("T")
MAX_KNOWN = 1024
"""Tracks whose brands are remembered, the oldest are forgotten first."""


class LookHistory:
    """Results of the looks so far, set from other threads: brands confirmed, and brands only seen.

    min_votes: how many looks confirm a brand, as long as nothing speaks against it.
    """

    def __init__(self, min_votes: int = 4) -> None:
        self._lock, self._min_votes = threading.Lock(), min_votes
        self._worn: dict[TrackId, frozenset[str]] = {}
        self._seen: dict[TrackId, dict[str, int]] = {}
        self._slots: dict[TrackId, frozenset[str]] = {}
        self._unread: dict[TrackId, int] = {}
        self._untaken: dict[TrackId, int] = {}

    def set_confirmed(self, values: Mapping[TrackId, PersonValue]) -> None:
        """Set what persons are now believed to wear."""
        with self._lock:
            for track, value in values.items():
                remember(self._worn, track, frozenset(item.brand for item in value.items if item.brand))
                remember(self._slots, track, frozenset(item.slot for item in value.items))

    def add_seen(self, track: TrackId, brands: Iterable[str]) -> None:
        """Add the brands that a look has found."""
        if found := frozenset(brands):
            with self._lock:
                before = self._seen.get(track, {})
                remember(self._seen, track, {brand: 1 + before.get(brand, 0) for brand in found})

    def begin(self, track: TrackId) -> None:
        """Note that a look was asked for."""
        with self._lock:
            _add(self._unread, track, 1)

    def read(self, track: TrackId, *, answered: bool) -> None:
        """Note that a look was read, after what it saw, or dropped. answered: whether an answer waits."""
        with self._lock:
            _add(self._unread, track, -1)
            _add(self._untaken, track, int(answered))

    def taken(self, track: TrackId) -> None:
        """Note that an answer goes to who counts it."""
        with self._lock:
            _add(self._untaken, track, -1)

    def of(self, track: TrackId) -> tuple[int, bool]:
        """Return the number of confirmed brands of a person, and whether another one was seen."""
        worn = self._worn.get(track, frozenset())
        return len(worn), bool(self._seen.get(track, {}).keys() - worn)

    def is_settling(self, track: TrackId) -> bool:
        """Return whether the looks under way may confirm what was seen of a person, without any more."""
        unread, untaken = self._unread.get(track, 0), self._untaken.get(track, 0)
        worn, seen = self._worn.get(track, frozenset()), self._seen.get(track, {})
        votes = max((looks for brand, looks in seen.items() if brand not in worn), default=0)
        return unread + untaken > 0 < votes and votes + unread >= self._min_votes

    def slots(self, track: TrackId) -> frozenset[str]:
        """Return the slots in which something is confirmed of a person."""
        return self._slots.get(track, frozenset())

    def forget(self, track: TrackId) -> None:
        """Forget a track."""
        with self._lock:
            self._worn.pop(track, None)
            self._slots.pop(track, None)
            self._seen.pop(track, None)
            self._unread.pop(track, None)
            self._untaken.pop(track, None)


def remember(known: dict[TrackId, T], track: TrackId, what: T) -> None:
    """Remember something of a track, and forget the one that was known first where there are too many.

    One thread at a time: others may read meanwhile.
    """
    known[track] = what
    if len(known) > MAX_KNOWN:
        del known[next(iter(known))]


def _add(counts: dict[TrackId, int], track: TrackId, change: int) -> None:
    if (count := counts.pop(track, 0) + change) > 0:
        remember(counts, track, count)
