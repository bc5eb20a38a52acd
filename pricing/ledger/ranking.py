"""The order in which the people in the shop should be served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Weights:
    """What a minute is worth, in minor units: `dwell` in the shop, `waiting` since a rule first held."""

    dwell: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ranking knows of one person.

    total_minor: value of the items; certainty: from 0 to 1, that the items are this person's.
    rules: how many rules of the shop hold now. arrived_at: UTC ns, then `number`: what settles ties.
    """

    number: int
    total_minor: int
    arrived_at: int
    certainty: float = 1.0
    dwell_ms: int = 0
    waiting_ms: int = 0
    rules: int = 0


def score(person: Standing, weights: Weights) -> int:
    """Return the worth of serving a person now, in minor units: items, as sure as they are, and time."""
    time = weights.dwell * max(0, person.dwell_ms) + weights.waiting * max(0, person.waiting_ms)
    return round(person.total_minor * person.certainty) + time // MS_PER_MINUTE


def rank(people: Iterable[Standing], weights: Weights) -> list[tuple[Standing, int]]:
    """Return the people with their scores, the next to serve first.

    First those for whom a rule of the shop holds; then by score, then by arrival.

    >>> people = [Standing(1, 9900, 0), Standing(2, 129000, 5), Standing(3, 0, 9, rules=1)]
    >>> [(person.number, score) for person, score in rank(people, Weights())]
    [(3, 0), (2, 129000), (1, 9900)]
    """
    scored = [(person, score(person, weights)) for person in people]
    return sorted(scored, key=lambda p: (not p[0].rules, -p[1], p[0].arrived_at, p[0].number))
