"""The events of one slot in order of time, in whatever order they arrive, and what is believed after them."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from pricing.ledger.belief import SlotBelief
from pricing.ledger.votes import Vote, Withdrawal

if TYPE_CHECKING:
    from pricing.ledger.votes import ConfirmRule

    Key = tuple[int, int, str]
    Event = Vote | Withdrawal | None

MAX_PENDING = 512
NO_FLOOR = (-(2**63), 0, "")
"""Of a slot in which nothing is settled: before every event."""


class SlotEvents:
    """Events of one slot of one person: recent ones, which late events may still precede, and the belief.

    `settled` is the belief up to `floor`; `head` is the belief after all of `pending`, ordered by key. An
    event is a vote, a withdrawal, or None for a retraction; these come after the votes of the same time.
    """

    __slots__ = ("floor", "head", "pending", "settled")

    def __init__(self) -> None:
        self.settled = SlotBelief()
        self.head = SlotBelief()
        self.floor: Key = NO_FLOOR
        self.pending: list[tuple[Key, Event]] = []

    def copy(self) -> SlotEvents:
        """Return the same events and belief, which go on apart."""
        twin = SlotEvents()
        twin.settled, twin.head = self.settled.copy(), self.head.copy()
        twin.floor, twin.pending = self.floor, list(self.pending)
        return twin

    def knows(self, key: Key) -> bool:
        """Return whether one of the recent events has this key."""
        place = bisect_left(self.pending, key, key=_key)
        return place < len(self.pending) and self.pending[place][0] == key

    def insert(self, key: Key, vote: Event, rule: ConfirmRule) -> None:
        """Put an event in its place in time; one that is not the newest costs a replay of `pending`."""
        if not self.pending or key > self.pending[-1][0]:
            self.pending.append((key, vote))
            self.head = _apply(self.head, vote, rule)
            return
        insort(self.pending, (key, vote), key=_key)
        self._replay(rule)

    def replace(self, key: Key, vote: Vote, rule: ConfirmRule) -> None:
        """Put a vote in the place of one with the same key, if it is the surer one of the two."""
        place = bisect_left(self.pending, key, key=_key)
        event = self.pending[place][1] if place < len(self.pending) else None
        if isinstance(event, Vote) and event.id == vote.id and _certainty(vote) > _certainty(event):
            self.pending[place] = (key, vote)
            self._replay(rule)

    def _replay(self, rule: ConfirmRule) -> None:
        self.head = self.settled.copy()
        for _, event in self.pending:
            self.head = _apply(self.head, event, rule)

    def settle(self, before: int, rule: ConfirmRule) -> list[str]:
        """Move the events before `before` ns into `settled`, more if too many wait; return their vote ids."""
        count = bisect_left(self.pending, (before, 0, ""), key=_key)
        count = max(count, len(self.pending) - MAX_PENDING)
        if not count:
            return []
        closed = self.pending[:count]
        del self.pending[:count]
        for key, event in closed:
            self.settled = _apply(self.settled, event, rule)
            self.floor = key
        return [event.id for _, event in closed if isinstance(event, Vote)]

    def follow(self, later: SlotEvents, rule: ConfirmRule) -> list[str]:
        """Add the settled votes of a later track of the same person; return the vote ids that it settles."""
        if later.floor == NO_FLOOR:
            return []
        closed = self.settle(later.floor[0] + 1, rule)
        self.settled.follow(later.settled)
        self.floor = max(self.floor, later.floor)
        self._replay(rule)
        return closed


def _key(event: tuple[Key, Event]) -> Key:
    return event[0]


def _certainty(vote: Vote) -> tuple[float | str, ...]:
    """Order votes with one id: the surest first of all, then any order that is the same for each arrival."""
    rest = (vote.brand or "", vote.type or "", vote.model or "", vote.colour or "", vote.route, vote.look)
    return (vote.confidence, vote.size or 0.0, -vote.stretch, *rest)


def _apply(belief: SlotBelief, event: Event, rule: ConfirmRule) -> SlotBelief:
    if event is None:
        return SlotBelief()
    if isinstance(event, Vote):
        belief.add(event, rule)
    else:
        belief.withdraw(event.brand, rule)
    return belief
