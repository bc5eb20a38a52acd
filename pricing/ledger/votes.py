"""Votes of looks on one slot of one person, and which value they confirm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pricing.ledger.evidence import FULL, look_weights, together, weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAJORITY = (3, 5)
MAX_VALUES = 32
MAX_WINDOW_NS = 30_000_000_000
"""The longest window by rare looks; a longer one that the store asks for stays."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The result of one recognition route for one slot in one look: a type, a brand, or both.

    id: the same id never counts twice; two different votes have different ids. at: UTC ns of the frame.
    confidence: from 0 to 1. model: what narrows the price down: a model's name, or features as words.
    route: words, symbol, emblem, pattern, or "" for one without a name. look: name of the look; votes that
    share it count as one look; "" for a look of its own. size: of the mark, the root of its area in px, where
    known. stretch: by how much longer than usual the times between looks at this person are, 1 or more.

    Raises ValueError where neither type nor brand is given, or the confidence or stretch is out of range.
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
    size: float | None = None
    colour: str | None = None
    stretch: float = 1.0

    def __post_init__(self) -> None:
        if self.type is None and self.brand is None:
            raise ValueError("a vote names a type, a brand, or both")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"a confidence is from 0 to 1, not {self.confidence}")
        if not self.stretch >= 1.0:
            raise ValueError(f"a stretch is 1 or more, not {self.stretch}")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Cancels the votes for a brand in a slot up to UTC ns `at`: the mark was on the wall behind, say.

    brand None: those without a brand: what was taken for a bag is none.
    """

    slot: str
    brand: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ConfirmRule:
    """When a value is confirmed.

    At least `min_votes` looks name it within `window_ns`, with the weight of as many plain votes and three
    fifths of the weight of all votes in the window; weights: see pricing.ledger.evidence. Where an overloaded
    machine looks more rarely, looks count for longer by as much: in a window are as many as ever, no more.
    """

    min_votes: int
    window_ns: int

    def __post_init__(self) -> None:
        if self.min_votes < 1 or self.window_ns < 1:
            raise ValueError("min_votes and window must be positive")

    def looks_ns(self, stretch: float) -> int:
        """Return how long a look's vote counts."""
        return max(self.window_ns, round(min(self.window_ns * stretch, MAX_WINDOW_NS)))


class Support(NamedTuple):
    """How much speaks for a value. confidence: the sum over the looks; routes: number of looks by route."""

    looks: int = 0
    confidence: float = 0.0
    weight: int = 0
    routes: tuple[tuple[str, int], ...] = ()


NOTHING = Support()


class Tally:
    """Counts votes for the values (brands, or types) of one slot.

    recent: (looks, weight) within the window by value. support: the same without the window. winner: the
    confirmed value; it stays until another has a clear majority in the window and more support.
    """

    __slots__ = ("recent", "support", "winner")

    def __init__(self) -> None:
        self.winner: str | None = None
        self.recent: dict[str, tuple[int, int]] = {}
        self.support: dict[str, Support] = {}

    def copy(self) -> Tally:
        """Return a tally of its own in the same state."""
        twin = Tally()
        twin.winner, twin.recent, twin.support = self.winner, dict(self.recent), dict(self.support)
        return twin

    def change(self, old: Mapping[str, Support], new: Mapping[str, Support]) -> None:
        """Replace what a look said (`old`) by what it says now (`new`)."""
        for value in {**old, **new} if old else new:
            before, after = old.get(value, NOTHING), new.get(value, NOTHING)
            self.count(value, after.looks - before.looks, after.weight - before.weight)
            had = self.support.get(value, NOTHING)
            routes = _sum(had.routes, after.routes, 1)
            self.support[value] = Support(
                had.looks + after.looks - before.looks,
                had.confidence + after.confidence - before.confidence,
                had.weight + after.weight - before.weight,
                _sum(routes, before.routes, -1) if before.routes else routes,
            )
        self._bound()

    def _bound(self) -> None:
        """Forget values with the least support, if there are too many."""
        while len(self.support) > MAX_VALUES:
            spare = (v for v in self.support if v != self.winner and v not in self.recent)
            weakest = min(spare, key=lambda v: (self.support[v][:3], v), default=None)
            if weakest is None:
                return
            del self.support[weakest]

    def follow(self, later: Tally) -> None:
        """Add what was counted later; its winner replaces this one's where it has more support of both."""
        for value, more in later.support.items():
            had = self.support.get(value, NOTHING)
            self.support[value] = Support(
                had.looks + more.looks,
                had.confidence + more.confidence,
                had.weight + more.weight,
                _sum(had.routes, more.routes, 1),
            )
        for value, (looks, weighs) in later.recent.items():
            self.count(value, looks, weighs)
        own, new = self.winner, later.winner
        if new is not None and (own is None or self.support[new].weight > self.support[own].weight):
            self.winner = new
        self._bound()

    def expire(self, support: Mapping[str, Support]) -> None:
        """Take a look that left the window out of `recent`; its support remains."""
        for value, what in support.items():
            self.count(value, -what.looks, -what.weight)

    def drop(self, value: str) -> None:
        """Remove a value, as if there had never been a vote for it."""
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

    def count(self, value: str, looks: int, weighs: int) -> None:
        """Add looks and weight to a value in the window."""
        had, weighed = self.recent.get(value, (0, 0))
        if had + looks:
            self.recent[value] = had + looks, weighed + weighs
        else:
            self.recent.pop(value, None)


@dataclass(frozen=True, slots=True)
class LookVotes:
    """The votes of one look. Immutable, so copies of a belief share it."""

    at: int
    name: str
    votes: tuple[Vote, ...]

    @property
    def is_look(self) -> bool:
        """Whether it is a look, which are few, and not what every frame tells."""
        return bool(self.votes[0].look)

    def support(self, value: Callable[[Vote], str | None]) -> dict[str, Support]:
        """Return the support of each value by this look; of the votes of one route the surest counts."""
        if len(self.votes) == 1:
            (vote,) = self.votes
            only = value(vote)
            if only is None:
                return {}
            weighs = weight(vote.route, vote.confidence, vote.size)
            return {only: Support(1, vote.confidence, weighs, ((vote.route, 1),))}
        best: dict[str, dict[str, Vote]] = {}
        for vote in self.votes:
            said = value(vote)
            if said is not None:
                routes = best.setdefault(said, {})
                if vote.route not in routes or vote.confidence > routes[vote.route].confidence:
                    routes[vote.route] = vote
        weights = {
            said: {route: weight(route, v.confidence, v.size) for route, v in routes.items()}
            for said, routes in best.items()
        }
        return {
            said: Support(
                1,
                together(v.confidence for v in best[said].values()),
                weighs,
                tuple((route, 1) for route in sorted(best[said])),
            )
            for said, weighs in look_weights(weights).items()
        }


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
