"""Names confirmed tracks so that they cannot be joined across days, and ends tracks."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from probes.frame import TrackId

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, tzinfo
    from random import Random

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SECOND = 1_000_000_000
QUARTER = 900 * SECOND
"""A day begins at one of these in every time zone of today."""


class Sessions:
    """Gives the random part of track names: new at each start and on each day of the store's time zone."""

    def __init__(self, zone: tzinfo, random: Random) -> None:
        self._zone = zone
        self._random = random
        self._day: date | None = None
        self._quarter = -1
        self._session = ""

    def __call__(self, at: int) -> str:
        """Return the session at a time in UTC nanoseconds."""
        if (quarter := at // QUARTER) != self._quarter:
            self._quarter = quarter
            day = datetime.fromtimestamp(at / SECOND, timezone.utc).astimezone(self._zone).date()
            if day != self._day:
                self._day = day
                self._session = "".join(self._random.choices(ALPHABET, k=4))
        return self._session


class TrackBook:
    """The confirmed tracks of one camera. A track ends once it was not seen for `gap_ms`.

    >>> book = TrackBook("door", lambda at: "k7f3", gap_ms=2000)
    >>> str(book.see(192, at=0))
    'k7f3-0192'
    >>> [str(track) for track in book.expire(now=3_000_000_000)]
    ['k7f3-0192']
    """

    def __init__(self, camera: str, session: Callable[[int], str], gap_ms: int) -> None:
        self._camera = camera
        self._session = session
        self._gap = gap_ms * 1_000_000
        self._names: dict[int, TrackId] = {}
        self._seen: dict[TrackId, int] = {}
        self._oldest = 0  # no track was seen last before this
        self._again: tuple[TrackId, ...] = ()
        self._again_at = 0

    def __len__(self) -> int:
        return len(self._seen)

    def see(self, number: int, at: int) -> TrackId:
        """Return the name of the tracker's track `number`, seen at UTC nanoseconds `at`."""
        name = self._names.get(number)
        if name is None:
            name = self._names[number] = TrackId(self._camera, self._session(at), number)
        self._settle()
        self._seen[name] = at
        self._oldest = min(self._oldest, at)
        return name

    def see_again(self, names: tuple[TrackId, ...], at: int) -> None:
        """Note that these tracks, which have not ended, are seen at UTC nanoseconds `at`, too."""
        if names is not self._again:
            self._settle()
            self._again = names
        self._again_at = at
        self._oldest = min(self._oldest, at)

    def _settle(self) -> None:
        """Write down the tracks last seen again: mostly they are the same ones in frame after frame."""
        if self._again:
            self._seen.update(dict.fromkeys(self._again, self._again_at))
            self._again = ()

    def may_expire(self, now: int) -> bool:
        """Return whether a track can have ended by UTC nanoseconds `now`. From any thread."""
        return now - self._oldest > self._gap

    def name_of(self, number: int) -> TrackId | None:
        """Return the name of a track that has been seen and has not ended, without seeing it now."""
        return self._names.get(number)

    def expire(self, now: int) -> list[TrackId]:
        """Forget and return the tracks that have ended by UTC nanoseconds `now`."""
        if not self.may_expire(now):
            return []
        self._settle()
        ended = [name for name, at in self._seen.items() if now - at > self._gap]
        for name in ended:
            del self._seen[name], self._names[name.number]
        self._oldest = min(self._seen.values(), default=now)
        return ended

    def clear(self) -> list[TrackId]:
        """Forget and return all tracks."""
        self._again = ()
        ended = list(self._seen)
        self._seen.clear()
        self._names.clear()
        return ended
