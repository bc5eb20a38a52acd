"""Looks vote: what the votes on one slot of one person add up to, told in the order of their time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAJORITY = (3, 5)
MAX_VALUES = 32
MAX_WINDOW = 512


@dataclass(frozen=True, slots=True)
class Vote:
    """One look's word on one slot: a type, a brand, or both. `id` names it: the same id never counts twice.

    at: UTC nanoseconds of the frame that was looked at. confidence: from 0 to 1. model: what narrows the
    brand's price down: a model's name, or features as words.
    """

    id: str
    slot: str
    type: str | None
    brand: str | None
    confidence: float
    at: int
    model: str | None = None

    def __post_init__(self) -> None:
        if self.type is None and self.brand is None:
            raise ValueError("a vote names a type, a brand, or both")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"a confidence is from 0 to 1, not {self.confidence}")


@dataclass(frozen=True, slots=True)
class Rule:
    """When votes confirm: `min_votes` for one value within `window_ns`, three fifths of those cast there."""

    min_votes: int
    window_ns: int

    def __post_init__(self) -> None:
        if self.min_votes < 1 or self.window_ns < 1:
            raise ValueError("min_votes and window must be positive")


class Poll:
    """The contest between the values (brands, or types) of one slot.

    `recent` counts the votes in the window, `support` all votes and the sum of their confidences. `winner`
    is the confirmed value: it stays until another has a clear majority in the window and more support.
    """

    __slots__ = ("recent", "support", "winner")

    def __init__(self) -> None:
        self.winner: str | None = None
        self.recent: dict[str, int] = {}
        self.support: dict[str, tuple[int, float]] = {}

    def copy(self) -> Poll:
        """Return a poll of its own in the same state."""
        twin = Poll()
        twin.winner, twin.recent, twin.support = self.winner, dict(self.recent), dict(self.support)
        return twin

    def enter(self, value: str, confidence: float) -> None:
        """Count a vote."""
        self.recent[value] = self.recent.get(value, 0) + 1
        votes, total = self.support.get(value, (0, 0.0))
        self.support[value] = (votes + 1, total + confidence)
        if len(self.support) > MAX_VALUES:
            spare = (v for v in self.support if v != self.winner and v not in self.recent)
            weakest = min(spare, key=lambda v: (self.support[v], v), default=None)
            if weakest is not None:
                del self.support[weakest]

    def leave(self, value: str) -> None:
        """Forget a vote that is now older than the window; its support remains."""
        self.recent[value] -= 1
        if not self.recent[value]:
            del self.recent[value]

    def decide(self, min_votes: int) -> None:
        """Confirm or replace the winner if the votes in the window say so."""
        if not self.recent:
            return
        leader = max(self.recent, key=self.recent.__getitem__)
        votes = self.recent[leader]
        clear = votes * MAJORITY[1] >= MAJORITY[0] * sum(self.recent.values())
        if leader == self.winner or votes < min_votes or not clear:
            return
        if self.winner is None or self.support[leader][0] > self.support[self.winner][0]:
            self.winner = leader


class Belief:
    """What is believed of one slot after all votes up to some time, which must be told in order of time.

    Brand, type and model are voted for apart, so that a mark refines the bag that the detector saw and never
    adds a second one. Bounded: votes of one window (at most MAX_WINDOW), MAX_VALUES values.
    """

    __slots__ = ("brand", "model", "type", "window")

    def __init__(self) -> None:
        self.window: deque[Vote] = deque()
        self.brand = Poll()
        self.type = Poll()
        self.model: Poll | None = None

    def copy(self) -> Belief:
        """Return a belief of its own in the same state."""
        twin = Belief()
        twin.window, twin.brand, twin.type = self.window.copy(), self.brand.copy(), self.type.copy()
        twin.model = self.model.copy() if self.model else None
        return twin

    def hear(self, vote: Vote, rule: Rule) -> None:
        """Take the next vote in order of time."""
        window = self.window
        while window and (window[0].at < vote.at - rule.window_ns or len(window) >= MAX_WINDOW):
            old = window.popleft()
            for poll, value in self._ballots(old):
                if value is not None:
                    poll.leave(value)
        window.append(vote)
        if vote.model is not None and self.model is None:
            self.model = Poll()
        for poll, value in self._ballots(vote):
            if value is not None:
                poll.enter(value, vote.confidence)
            poll.decide(rule.min_votes)

    def _ballots(self, vote: Vote) -> tuple[tuple[Poll, str | None], ...]:
        both = ((self.brand, vote.brand), (self.type, vote.type))
        return both if self.model is None else (*both, (self.model, vote.model))
