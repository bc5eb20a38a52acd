"""Schedules looks: by need, within a budget of looks per second over all cameras."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING

from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.people.body import is_nearer
from probes.recognition.look_history import LookHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

SECOND = 1_000_000_000
MS = 1_000_000
ROUND = 6
"""Looks in a row: enough for three votes where every other one shows the mark."""
FIRST_LOOKS, SLOW_ROUND_S = 3, 4.0
"""Looks that showed nothing, after which somebody who had none yet goes first where a round would take longer
than that and no owed look is missing: votes count for longer then, and who walks by would be gone."""
MAX_PAUSES = 5
"""How many times longer than the first a pause may become."""
BETTER = 1.5
"""By how much a crop must be better than the best looked at to end a pause."""
CLEARER = 1.25
"""By how much it must be better to be read more finely: each such look takes longer."""
UNSEEN = 2 * SECOND
"""Who was not on a frame for so long is not in view; an overloaded camera gives one frame a second."""
FORGET_AFTER = 120 * SECOND
"""A track that was not seen for so long is forgotten."""
BURST = 2.0
"""Looks that may be saved up: two people who come at once are both looked at."""
MAX_AHEAD = 4
"""Most looks that may wait for a worker, where frames come so rarely that it would do nothing in between."""
MEASURE_MS = 400
"""How often it is measured how sharp a person is."""
EXTRA_ROUNDS = 2
"""Rounds without a pause while a brand is seen and not confirmed."""
OWED_LOOKS, OWED_WITHIN_S = ROUND, 10
"""What a person in view is owed until an item is confirmed: so many looks within so many seconds."""
OWED_EVERY = OWED_WITHIN_S * SECOND // OWED_LOOKS
NEW_SHARE = 0.3
"""Weight of the newest time between two looks in their mean."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How often to look.

    per_second: over all cameras. min_interval_ms: between two looks at one track. min_height: of a person's
    box, px. pause_ms: after a round of looks, times the rounds so far (at most MAX_PAUSES times).
    """

    per_second: float = 8.0
    min_interval_ms: int = 400
    min_height: int = 80
    pause_ms: int = 2000

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.min_interval_ms < 0 or self.pause_ms < 0:
            raise ValueError("looks per second must be positive, intervals not negative")


@dataclass(frozen=True, slots=True)
class LookRoom:
    """What the workers can take now.

    looks: how many looks may begin or wait. idle: a worker has nothing to do. per_second: looks that the
    workers manage a second. waiting: looks that wait already.
    """

    looks: int
    idle: bool
    per_second: float
    waiting: int = 0

    def until(self, seconds: float) -> int:
        """Return how many looks may begin or wait where the next frame comes so much later."""
        done = self.per_second * seconds
        ahead = min(MAX_AHEAD, int(done)) if isfinite(done) else 0
        return max(self.looks, ahead - self.waiting)


@dataclass(slots=True)
class _Record:
    """quality: of the crop now; best: of those looked at. sharp: of the crop, when last measured.

    gap: mean of the last times between two looks of a round, ns. settling: looks under way may confirm what
    is in doubt.
    """

    seen: int
    quality: float = 0.0
    looks: int = 0
    looked: int = 0
    best: float = 0.0
    measured: int = 0
    sharp: float = 1.0
    worn: int = 0
    doubt: bool = False
    settling: bool = False
    is_best: bool = False
    gap: float = 0.0
    in_view: int = 0
    checked: int = 0

    def need(self, *, is_slow: bool) -> tuple[int, bool, int, int, float]:
        """Sort key: fewest rounds and confirmed items first, who has an item last, then by turn.

        Among those the one that most of the owed looks are missing of, then the best crop.
        A brand that is seen but not confirmed counts as one round less: a look or two may decide. Where these
        are under way already, it counts as confirmed: who walks by meanwhile has no other time.
        """
        doubt = self.doubt and not self.settling
        worn = self.worn + self.settling
        is_settled = worn > 0 and not doubt
        missing = 0 if is_settled else max(0, min(OWED_LOOKS, self.in_view // OWED_EVERY) - self.looks)
        into = self.looks % ROUND
        turn = 0 if into else 3 if self.looks else 1  # within a round, between two, before the first
        if is_slow and into >= FIRST_LOOKS and not self.doubt and not missing:
            turn = 2  # more looks at the same clothes tell less than one at somebody else's
        return self.looks // ROUND + worn - doubt, is_settled, turn, -missing, -self.quality

    def see(self, at: int) -> None:
        """Add the time since the last frame to the time in view, unless it was too long."""
        if 0 < at - self.seen <= UNSEEN:
            self.in_view += at - self.seen
        self.seen = at

    def owed(self) -> Iterator[bool]:
        """Yield, after OWED_WITHIN_S in view, whether there were enough looks; again while in view.

        Whoever has an item by then has got what was owed, once.
        """
        if self.worn and not self.checked and self.in_view >= OWED_WITHIN_S * SECOND:
            self.checked += 1
            yield True
        while not self.worn and self.in_view >= OWED_WITHIN_S * SECOND + self.checked * OWED_EVERY:
            self.checked += 1
            yield self.looks >= OWED_LOOKS


class LookScheduler:
    """Picks the persons of a frame to look at now. Not thread-safe.

    A track gets its looks in rounds of ROUND, close enough together to confirm an item within the window,
    then pauses, longer each time, unless its crop is clearly better than any before (larger, sharper, less
    hidden by others) or a brand seen is not confirmed yet. When the budget is short, tracks with fewer rounds
    behind them and fewer things confirmed go first, on whichever camera they are: better some confirmed than
    all half. No look is spent on what those under way may confirm while somebody waits.

    on_owed: told of each person who was in view for 10 s whether there were 6 looks, or an item is confirmed;
    without an item again every 1.7 s in view, so that the share of misses is one of people, not of checks.
    """

    def __init__(
        self,
        limits: RateLimits,
        history: LookHistory | None = None,
        on_owed: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._limits, self._history = limits, history or LookHistory()
        self._on_owed = on_owed
        self._records: dict[TrackId, _Record] = {}
        self._tokens = BURST
        self._now = 0
        self._gap_s = self._camera_gap_s = 0.0
        self._cameras: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._records)

    def pick(
        self,
        frame: Frame,
        sharpness: Callable[[Box], float] | None = None,
        room: LookRoom | None = None,
    ) -> list[Detection]:
        """Return the confirmed persons to look at now, most needy first, and count them as looked at.

        sharpness: of a box of the frame's picture, any positive measure; asked for a few persons a frame.
        room: what the workers can take; None where looks are part of the graph, which no look waits for.
        """
        at = frame.captured_at
        self._advance(at, BURST if room is None else self._limits.per_second * UNSEEN / SECOND)
        self._camera_gap_s = min(max(0, at - self._cameras.get(frame.camera, at)), UNSEEN) / SECOND
        self._cameras[frame.camera] = at
        persons = [p for p in frame.of(Kind.PERSON) if p.track and p.box.h >= self._limits.min_height]
        for person in persons:
            if person.track is not None:
                record = self._records.setdefault(person.track, _Record(at))
                self._note(record, person, frame, sharpness)
        picked = self._choose(persons, at, room)
        for person in persons:
            for met in self._record(person).owed():
                self._on_owed(met)
        return picked

    def _choose(self, persons: Sequence[Detection], at: int, room: LookRoom | None) -> list[Detection]:
        due = [p for p in persons if self._due(self._record(p), at)]
        left = len(due) if room is None else min(room.until(self._gap_s), len(due))
        if left <= 0:
            return []
        is_slow = room is not None and room.per_second * SLOW_ROUND_S < ROUND
        first, picked = self._first(at, room, is_slow=is_slow), []
        for person in sorted(due, key=lambda p: self._record(p).need(is_slow=is_slow)):
            spare = self._tokens >= BURST and (room is None or room.idle)
            if left > 0 and self._tokens >= 1.0 and (spare or person.track in first):
                self._tokens -= 1.0
                left -= 1
                self._look(self._record(person), at)
                picked.append(person)
        return picked

    def is_best(self, track: TrackId) -> bool:
        """Return whether the last look picked is a clearly better one than all before at this person."""
        record = self._records.get(track)
        return record is not None and record.is_best

    def stretch(self, track: TrackId) -> float:
        """Return by how much longer than usual the times between the looks at this person are, 1 or more.

        Pauses between rounds do not count: nothing makes them but patience. From any thread.
        """
        record, usual = self._records.get(track), self._limits.min_interval_ms * MS
        return 1.0 if record is None or not usual else max(1.0, record.gap / usual)

    def _note(
        self, record: _Record, person: Detection, frame: Frame, sharpness: Callable[[Box], float] | None
    ) -> None:
        """Bring up to date what is known of a person."""
        at, box = frame.captured_at, person.box
        record.see(at)
        if person.track is not None:
            self._learn(person.track, record)
        if sharpness is not None and not 0 < at - record.measured < MEASURE_MS * MS:
            record.measured, record.sharp = at, max(1.0, sqrt(sharpness(box)))
        hidden = _hidden(person, frame.of(Kind.PERSON), frame.size[1])
        record.quality = box.area * (1.0 - hidden) ** 2 * record.sharp

    def _learn(self, track: TrackId, record: _Record) -> None:
        """Bring up to date what the looks have told of a person, on whichever camera."""
        record.worn, record.doubt = self._history.of(track)
        record.settling = self._history.is_settling(track)

    def _record(self, person: Detection) -> _Record:
        if person.track is None:
            raise ValueError("an unconfirmed person has no record")
        return self._records[person.track]

    def _advance(self, at: int, most: float) -> None:
        """Go on to a frame's time. most: looks that may have been saved up since the last frame."""
        if at < self._now - 10 * SECOND:
            self._records.clear()
            self._now = at
        self._gap_s = min(max(0, at - self._now), UNSEEN) / SECOND if self._now else 0.0
        gained = self._gap_s * self._limits.per_second
        self._tokens = min(max(BURST, min(gained, most)), self._tokens + gained)
        if at // SECOND > self._now // SECOND:
            oldest = at - FORGET_AFTER
            self._forget(track for track, r in self._records.items() if r.seen < oldest)
            self._cameras = {camera: seen for camera, seen in self._cameras.items() if seen >= oldest}
        self._now = max(self._now, at)

    def _forget(self, tracks: Iterable[TrackId]) -> None:
        for track in list(tracks):
            del self._records[track]
            self._history.forget(track)

    def _due(self, record: _Record, at: int) -> bool:
        if not record.looks:
            return True
        wait = self._limits.min_interval_ms
        rounds, into = divmod(record.looks, ROUND)
        deciding = record.doubt and rounds <= EXTRA_ROUNDS
        if not into and not deciding and record.quality < BETTER * record.best:
            wait = max(wait, self._limits.pause_ms * min(rounds, MAX_PAUSES))
        return at - record.looked >= wait * MS

    def _first(self, at: int, room: LookRoom | None, *, is_slow: bool) -> set[TrackId]:
        """Return the neediest tracks in sight of any camera, as many as can be served at full rate.

        That is one look each in min_interval_ms, or one a frame where these come more rarely.
        """
        seen = [(track, record) for track, record in self._records.items() if record.seen > at - UNSEEN]
        for track, record in seen:
            self._learn(track, record)
        waiting = [
            (record.need(is_slow=is_slow), track)
            for track, record in seen
            if record.looks % ROUND or self._due(record, at)
        ]
        interval = max(self._limits.min_interval_ms / 1000, self._camera_gap_s, 0.001)
        per_second = self._limits.per_second
        if room is not None:
            per_second = min(per_second, room.per_second)
        count = max(1, round(per_second * interval))
        return {track for _, track in sorted(waiting)[:count]}

    @staticmethod
    def _look(record: _Record, at: int) -> None:
        if record.looks % ROUND:
            gap = at - record.looked
            record.gap = gap if not record.gap else record.gap + NEW_SHARE * (gap - record.gap)
        record.looks += 1
        record.looked = at
        record.is_best = record.quality >= CLEARER * record.best
        record.best = max(record.best, record.quality)


def _hidden(person: Detection, persons: Sequence[Detection], frame_height: int) -> float:
    """Return the largest share of a person's box that one nearer person covers."""
    box = person.box
    if box.area <= 0:
        return 0.0
    nearer = (
        box.intersection(other.box)
        for other in persons
        if other is not person
        and other.box.x < box.right
        and box.x < other.box.right
        and is_nearer(other.box, box, frame_height)
    )
    return min(1.0, max(nearer, default=0.0) / box.area)
