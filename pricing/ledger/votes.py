"""Looks vote: what the votes on one slot of one person add up to, told in the order of their time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pricing.ledger.evidence import FULL, look_weights, together, weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAJORITY = (3, 5)
MAX_VALUES = 32
MAX_WINDOW = 512


@dataclass(frozen=True, slots=True)
class Vote:
    """One route's word on one slot: a type, a brand, or both. `id` names it: the same id never counts twice.

    at: UTC nanoseconds of the frame that was looked at. confidence: from 0 to 1. model: what narrows the
    brand's price down: a model's name, or features as words. route: how it was told; words, symbol, emblem or
    none that has a name. look: names the look; votes of one are one look's, however many routes say the same.
    Empty for a look of its own. height: of the mark, px, where known.
    """

    id: str
    slot: str
    type: str | None
    brand: str | None
    confidence: float
    at: int
    model: str | None = None
    route: str = ""
    look: str = ""
    height: float | None = None

    def __post_init__(self) -> None:
        if self.type is None and self.brand is None:
            raise ValueError("a vote names a type, a brand, or both")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"a confidence is from 0 to 1, not {self.confidence}")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """The word that a brand in a slot was not the person's, up to UTC ns `at`: on the wall behind, say."""

    slot: str
    brand: str
    at: int


@dataclass(frozen=True, slots=True)
class Rule:
    """When votes confirm: `min_votes` looks for one value within `window_ns`, as heavy as plain ones.

    And three fifths of all that was said there; see pricing.ledger.evidence.
    """

    min_votes: int
    window_ns: int

    def __post_init__(self) -> None:
        if self.min_votes < 1 or self.window_ns < 1:
            raise ValueError("min_votes and window must be positive")


class Told(NamedTuple):
    """What one look, or many, say for a value. confidence: the sum over the looks; routes: looks by route."""

    looks: int = 0
    confidence: float = 0.0
    weight: int = 0
    routes: tuple[tuple[str, int], ...] = ()


NOTHING = Told()


class Poll:
    """The contest between the values (brands, or types) of one slot.

    `recent` is (looks, weight) in the window, `support` all that was ever told. `winner` is the confirmed
    value: it stays until another has a clear majority in the window and more support.
    """

    __slots__ = ("recent", "support", "winner")

    def __init__(self) -> None:
        self.winner: str | None = None
        self.recent: dict[str, tuple[int, int]] = {}
        self.support: dict[str, Told] = {}

    def copy(self) -> Poll:
        """Return a poll of its own in the same state."""
        twin = Poll()
        twin.winner, twin.recent, twin.support = self.winner, dict(self.recent), dict(self.support)
        return twin

    def change(self, old: Mapping[str, Told], new: Mapping[str, Told]) -> None:
        """Count what a look says now, in place of what it said before."""
        for value in {**old, **new} if old else new:
            before, after = old.get(value, NOTHING), new.get(value, NOTHING)
            self.tally(value, after.looks - before.looks, after.weight - before.weight)
            told = self.support.get(value, NOTHING)
            routes = _sum(told.routes, after.routes, 1)
            self.support[value] = Told(
                told.looks + after.looks - before.looks,
                told.confidence + after.confidence - before.confidence,
                told.weight + after.weight - before.weight,
                _sum(routes, before.routes, -1) if before.routes else routes,
            )
        if len(self.support) > MAX_VALUES:
            spare = (v for v in self.support if v != self.winner and v not in self.recent)
            weakest = min(spare, key=lambda v: (self.support[v][:3], v), default=None)
            if weakest is not None:
                del self.support[weakest]

    def leave(self, told: Mapping[str, Told]) -> None:
        """Forget a look that is now older than the window; its support remains."""
        for value, what in told.items():
            self.tally(value, -what.looks, -what.weight)

    def drop(self, value: str) -> None:
        """Forget a value, as if nobody had ever told it."""
        self.recent.pop(value, None)
        self.support.pop(value, None)
        if self.winner == value:
            self.winner = None

    def decide(self, min_votes: int) -> None:
        """Confirm or replace the winner if the looks in the window say so."""
        if not self.recent:
            return
        leader = max(self.recent, key=lambda value: self.recent[value][1])
        looks, weighs = self.recent[leader]
        if leader == self.winner or looks < min_votes or weighs < min_votes * FULL:
            return
        clear = weighs * MAJORITY[1] >= MAJORITY[0] * sum(w for _, w in self.recent.values())
        if clear and (self.winner is None or self.support[leader].weight > self.support[self.winner].weight):
            self.winner = leader

    def tally(self, value: str, looks: int, weighs: int) -> None:
        """Add to what is said for a value in the window."""
        had, weighed = self.recent.get(value, (0, 0))
        if had + looks:
            self.recent[value] = had + looks, weighed + weighs
        else:
            self.recent.pop(value, None)


@dataclass(frozen=True, slots=True)
class Look:
    """The votes of one look. Immutable: beliefs share it."""

    at: int
    name: str
    votes: tuple[Vote, ...]

    def told(self, value: Callable[[Vote], str | None]) -> dict[str, Told]:
        """Return what the look says for each value; of one route's votes the surest counts."""
        if len(self.votes) == 1:
            (vote,) = self.votes
            only = value(vote)
            if only is None:
                return {}
            weighs = weight(vote.route, vote.confidence, vote.height)
            return {only: Told(1, vote.confidence, weighs, ((vote.route, 1),))}
        best: dict[str, dict[str, Vote]] = {}
        for vote in self.votes:
            said = value(vote)
            if said is not None:
                routes = best.setdefault(said, {})
                if vote.route not in routes or vote.confidence > routes[vote.route].confidence:
                    routes[vote.route] = vote
        weights = {
            said: {route: weight(route, v.confidence, v.height) for route, v in routes.items()}
            for said, routes in best.items()
        }
        return {
            said: Told(
                1,
                together(v.confidence for v in best[said].values()),
                weighs,
                tuple((route, 1) for route in sorted(best[said])),
            )
            for said, weighs in look_weights(weights).items()
        }


class Belief:
    """What is believed of one slot after all votes up to some time, which must be told in order of time.

    Brand, type and model are voted for apart, so that a mark refines the bag that the detector saw and never
    adds a second one. Bounded: looks of one window (at most MAX_WINDOW), MAX_VALUES values.
    """

    __slots__ = ("brand", "model", "type", "window")

    def __init__(self) -> None:
        self.window: deque[Look] = deque()
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
            for poll, value in self._polls():
                poll.leave(old.told(value))
        if vote.model is not None and self.model is None:
            self.model = Poll()
        name = vote.look or vote.id
        place = _of(window, vote.at, name)
        before = None if place is None else window[place]
        after = Look(vote.at, name, (*before.votes, vote) if before else (vote,))
        if place is None:
            window.append(after)
        else:
            window[place] = after
        for poll, value in self._polls():
            poll.change(before.told(value) if before else {}, after.told(value))
            poll.decide(rule.min_votes)

    def withdraw(self, brand: str, rule: Rule) -> None:
        """Forget a brand and all that was told for it."""
        kept = (
            Look(look.at, look.name, tuple(vote for vote in look.votes if vote.brand != brand))
            for look in self.window
        )
        self.window = deque(look for look in kept if look.votes)
        self.brand.drop(brand)
        for poll, value in self._polls():
            poll.recent.clear()
            for look in self.window:
                for said, told in look.told(value).items():
                    poll.tally(said, told.looks, told.weight)
            poll.decide(rule.min_votes)

    def _polls(self) -> tuple[tuple[Poll, Callable[[Vote], str | None]], ...]:
        both = ((self.brand, _brand), (self.type, _type))
        return both if self.model is None else (*both, (self.model, _model))


def _brand(vote: Vote) -> str | None:
    return vote.brand


def _type(vote: Vote) -> str | None:
    return vote.type


def _model(vote: Vote) -> str | None:
    return vote.model


def _of(window: deque[Look], at: int, name: str) -> int | None:
    """Return where in the window the look of that time and name is; it can only be at the end."""
    for place in range(len(window) - 1, -1, -1):
        if window[place].at != at:
            return None
        if window[place].name == name:
            return place
    return None


def _sum(
    first: tuple[tuple[str, int], ...], second: tuple[tuple[str, int], ...], sign: int
) -> tuple[tuple[str, int], ...]:
    """Return looks by route, with others added or taken away."""
    if len(first) == len(second) == 1 and first[0][0] == second[0][0] and sign > 0:
        return ((first[0][0], first[0][1] + second[0][1]),)
    counts = dict(first)
    for route, looks in second:
        counts[route] = counts.get(route, 0) + sign * looks
    return tuple(sorted((route, looks) for route, looks in counts.items() if looks))
