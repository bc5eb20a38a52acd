"""Decides which free salesperson is offered which waiting customer. No clock, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MS_PER_MINUTE = 60_000
MAX_PEOPLE = 2048
KEPT_FREE = "who is still free is kept for a more valuable customer"
RANK_POINTS, SKILL_POINTS, ZONE_POINTS = 12, 30, 10
"""Of 100: 12 for each of the 5 ranks, 30 for a skill that the customer's items ask for, 10 for the zone."""


class Policy(str, Enum):
    """What comes first: the most valuable customer, or the one whose turn it is."""

    VALUE = "value"
    TURN = "turn"
    VALUE_THEN_TURN = "value_then_turn"


UNSEEN = "unseen"
"""The camera is suspended or lost: whether the customer is still there is not known."""
PERHAPS_ATTENDED = "perhaps_attended"
"""May be somebody whom a salesperson is with, or on the way to."""


@dataclass(frozen=True, slots=True)
class WaitingCustomer:
    """A customer whom nobody attends. worth_minor: see `pricing.ledger.ranking.score`.

    needs: slots, types and brands of the items, in normal form. zone: where the customer stands. not_now: why
    nobody is sent there for now, UNSEEN or PERHAPS_ATTENDED; empty where somebody may be. perhaps: ids of
    those who are not seen now and whom this may be; the desk need not know them all.
    """

    id: str
    worth_minor: int
    waiting_ms: int = 0
    needs: frozenset[str] = frozenset()
    zone: str | None = None
    not_now: str = ""
    perhaps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seller:
    """A salesperson who can take one more customer. rank: 1 to 5. zones: empty for all of the shop."""

    id: str
    rank: int = 3
    idle_ms: int = 0
    skills: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AssignmentRules:
    """How to decide. keep_percent: a new pairing must be so much better than the offer that stands.

    least_minor: who is worth less is not offered to anybody. reserve: so many free salespeople are kept for
    customers worth at least reserve_minor, under `value` the best who are left, though no offer that stands
    is taken back for it; not under `turn`. declined: (customer, seller) not offered again.
    """

    policy: Policy = Policy.VALUE
    keep_percent: int = 25
    least_minor: int = 0
    reserve: int = 0
    reserve_minor: int = 0
    declined: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Pairing:
    """One offer to make or to keep, and why, in one line."""

    customer: str
    seller: str
    reason: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """The offers, most valuable customer first, and why each other customer waits."""

    pairings: tuple[Pairing, ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()


def assign(
    customers: Iterable[WaitingCustomer],
    sellers: Iterable[Seller],
    rules: AssignmentRules,
    standing: Mapping[str, str] | None = None,
    money: Callable[[int], str] = str,
) -> Assignment:
    """Return who is offered to whom.

    First it is decided which customers are served: as many as can be, and of these the ones that the policy
    puts first. Then each gets a seller: under `value` the one who suits best, the most valuable customer
    first (the sum of place times `quality` is greatest), else by turn. Among equals the longest waiting
    customer and the longest idle seller come first.

    standing: customer -> seller of offers that are out. money: how a worth is written in a reason. The order
    of the arguments does not matter. At most MAX_PEOPLE of each are looked at.

    >>> anna, ben = Seller("anna", rank=5), Seller("ben", rank=2, idle_ms=60_000)
    >>> waiting = [WaitingCustomer("k1", 990), WaitingCustomer("k2", 129000)]
    >>> found = assign(waiting, [ben, anna], AssignmentRules())
    >>> [(pairing.customer, pairing.seller) for pairing in found.pairings]
    [('k2', 'anna'), ('k1', 'ben')]
    """
    everyone = sorted(customers, key=lambda c: (-c.worth_minor, -c.waiting_ms, c.id))
    people = [c for c in everyone if c.worth_minor >= rules.least_minor][:MAX_PEOPLE]
    staff = sorted(sellers, key=lambda s: (-s.idle_ms, s.id))[:MAX_PEOPLE]
    waiting = [(c.id, "worth too little for an offer") for c in everyone if c.worth_minor < rules.least_minor]
    if not staff:
        return Assignment((), (*((c.id, "no salesperson is free") for c in people), *waiting))
    case = _Case(people, staff, rules, standing or {}, money)
    served = case.serve()
    found = tuple(case.pair(served))
    left = [(c.id, case.why_not(p, served)) for p, c in enumerate(people) if p not in served]
    return Assignment(found, (*left, *waiting))


class _Case:
    """One decision: customers by worth, sellers by turn."""

    def __init__(
        self,
        people: Sequence[WaitingCustomer],
        staff: Sequence[Seller],
        rules: AssignmentRules,
        standing: Mapping[str, str],
        money: Callable[[int], str],
    ) -> None:
        self._people, self._staff, self._rules = people, staff, rules
        self._standing, self._money = standing, money
        self._passed_over = False
        self._may = [[(c.id, s.id) not in rules.declined for s in staff] for c in people]

    def serve(self) -> list[int]:
        """Return the places of the customers to serve.

        The weights belong to customers alone, so the best set is the one of a greedy choice (a transversal
        matroid): nobody is left out for somebody who comes later, unless no seller may take them. Only
        their order counts for that; the worths themselves are too large for floats in some currencies.
        """

        def importance(place: int) -> tuple[int, int, int]:
            by_turn = self._rules.policy is Policy.TURN
            return 0 if by_turn else self._worth(place), self._people[place].waiting_ms, -place

        weights = {place: 1 + n for n, place in enumerate(sorted(range(len(self._people)), key=importance))}
        found = _match([[weights[p] if ok else 0 for ok in may] for p, may in enumerate(self._may)])
        return self._unreserved(sorted(p for p, s in found.items() if self._may[p][s]), weights)

    def _unreserved(self, served: list[int], weights: Mapping[int, int]) -> list[int]:
        """Return who of these is served where some salespeople are kept for better customers.

        An offer that stands fills the room that is left for the others. Where there is not enough for those
        that stand, none of them is taken back, and nobody else gets its place.
        """
        if self._rules.policy is Policy.TURN or not self._rules.reserve:
            return served
        better = [p for p in served if self._is_better(p)]
        others = sorted((p for p in served if not self._is_better(p)), key=lambda p: -weights[p])
        standing = [p for p in others if self._people[p].id in self._standing]
        room = max(len(self._staff) - self._rules.reserve - len(better), 0)
        chosen = others[:room] if len(standing) <= room else standing
        self._passed_over = len(chosen) < len(others)
        return sorted([*better, *chosen])

    def _is_better(self, place: int) -> bool:
        return self._people[place].worth_minor >= self._rules.reserve_minor

    def _worth(self, place: int) -> int:
        customer = self._people[place]
        bonus = self._rules.keep_percent if customer.id in self._standing else 0
        return (max(customer.worth_minor, 0) + 1) * (100 + bonus) // 100

    def pair(self, served: Sequence[int]) -> Iterator[Pairing]:
        """Yield a seller for each customer to serve; before the others choose, the best one free is kept."""
        kept = 0
        if self._rules.policy is Policy.VALUE:
            kept = min(self._rules.reserve, len(self._staff) - len(served))
        first = sum(map(self._is_better, served)) if kept else 0
        rows: list[int | None] = [*served[:first], *[None] * kept, *served[first:]]
        found = _match([self._fits(place, len(rows) - n) for n, place in enumerate(rows)])
        for n, place in enumerate(rows):
            if place is not None:
                customer, seller = self._people[place], self._staff[found[n]]
                yield Pairing(customer.id, seller.id, self._reason(customer, seller))

    def _fits(self, place: int | None, importance: int) -> list[int]:
        """Return how well each seller suits a customer, 0 for not at all; the turn settles what is equal.

        None is the customer who may come, for whom somebody is kept who waits for no answer now.
        """
        if place is None:
            asked = set(self._standing.values())
            fits = [0 if s.id in asked else importance * quality(s, _MAY_COME) for s in self._staff]
            return [_ALLOWED + fit * MAX_PEOPLE + len(fits) - n for n, fit in enumerate(fits)]
        customer, found = self._people[place], []
        for n, seller in enumerate(self._staff):
            by_value = self._rules.policy is Policy.VALUE
            fit = importance * quality(seller, customer) if by_value else 0
            if self._standing.get(customer.id) == seller.id:
                fit += max(fit * self._rules.keep_percent // 100, 1)
            found.append(_ALLOWED + fit * MAX_PEOPLE + len(self._staff) - n if self._may[place][n] else 0)
        return found

    def _reason(self, customer: WaitingCustomer, seller: Seller) -> str:
        parts = [f"worth {self._money(customer.worth_minor)}", f"waits {customer.waiting_ms // 1000} s"]
        if self._standing.get(customer.id) == seller.id:
            parts.append("was offered already")
        if self._rules.policy is Policy.VALUE:
            parts.append(f"rank {seller.rank}")
            if common := sorted(seller.skills & customer.needs):
                parts.append(f"knows {', '.join(common)}")
            if seller.zones and customer.zone in seller.zones:
                parts.append(f"works in {customer.zone}")
        if seller is self._staff[0]:
            parts.append("longest idle")
        return f"{customer.id} to {seller.id}: {', '.join(parts)}"

    def why_not(self, place: int, served: Sequence[int]) -> str:
        """Return why a customer waits."""
        if not any(self._may[place]):
            return "everybody who is free has declined"
        if self._rules.policy is Policy.TURN:
            return "others wait longer"
        worth = self._people[place].worth_minor
        if self._passed_over and not self._is_better(place):
            return KEPT_FREE
        lower = [self._people[p].id for p in served if self._people[p].worth_minor < worth]
        offered = [customer for customer in lower if customer in self._standing]
        if offered:
            return f"{offered[0]} was offered already, and the gain is too small"
        return "no free salesperson may take this customer" if lower else "others are worth more"


_ALLOWED = 10**12
_MAY_COME = WaitingCustomer("", 0)


def quality(seller: Seller, customer: WaitingCustomer) -> int:
    """Return from 12 to 100 how well a seller suits a customer: rank, skills, zone."""
    points = RANK_POINTS * min(max(seller.rank, 1), 5)
    points += SKILL_POINTS if seller.skills & customer.needs else 0
    return points + (ZONE_POINTS if not seller.zones or customer.zone in seller.zones else 0)


def _match(weights: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return row -> column of the one-to-one matching with the greatest sum; no weight is below 0.

    Of equal sums the earlier row gets the earlier column.
    """
    if not weights or not weights[0]:
        return {}
    if len(weights) == 1:
        return {0: max(range(len(weights[0])), key=lambda column: weights[0][column])}
    if len(weights[0]) == 1:
        return {max(range(len(weights)), key=lambda row: weights[row][0]): 0}
    import lap  # noqa: PLC0415 loads numpy, which pricing does without elsewhere
    import numpy as np  # noqa: PLC0415

    worth = np.asarray(weights, np.float64)
    _, columns, _ = lap.lapjv(worth.max() - worth, extend_cost=True)
    found = {row: int(column) for row, column in enumerate(columns) if column >= 0}
    for one, other in combinations(sorted(found), 2):
        a, b = found[one], found[other]
        if b < a and weights[one][a] + weights[other][b] == weights[one][b] + weights[other][a]:
            found[one], found[other] = b, a
    return found
