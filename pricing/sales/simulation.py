"""Does an assignment help? A shop's day, played event by event with the product's own `assign`. Seeded, pure.

All policies play the same days: the same customers come, want and wait the same. Money is in whole units.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TYPE_CHECKING

from pricing.errors import BadInput
from pricing.sales.assignment import AssignmentRules, Policy, Seller, WaitingCustomer, assign
from pricing.sales.shop_load import ShopLoad

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

HOUR_S = 3600.0
SECOND = 1_000_000_000
RESERVE_FROM = 1.0
"""Who is kept free is kept for customers who wear so much of the median value."""
SOON_S = 120.0
"""A customer counts as attended soon when somebody comes within this."""


class Way(str, Enum):
    """A way to decide who serves whom."""

    VALUE = "value"
    AUTO = "value, one kept free by load"
    RESERVE = "value, some kept free"
    TURN = "turn"
    FIRST_COME = "first come first served"
    RANDOM = "random"


@dataclass(frozen=True, slots=True)
class Shift:
    """A salesperson's day, in hours."""

    from_h: float
    until_h: float
    rank: int = 3


@dataclass(frozen=True, slots=True)
class ShopModel:
    """What a shop's day is like; the defaults are a small shop that sells with advice, 130 customers a day.

    arrivals: customers who want advice in each hour from open_h. The value worn is lognormal; a share of them
    wears nothing that is priced. Recognition knows a value `seen_after_s` after the arrival, and only for
    the share `recognised`. Patience is exponential, service lognormal. accept_s: what an offer costs that
    nobody needs who simply walks up. keep_free, keep_from: see `Way.RESERVE`; None: of the median value.
    """

    open_h: float = 10.0
    arrivals: tuple[float, ...] = (7, 9, 12, 14, 13, 13, 15, 18, 17, 12)
    priced: float = 0.6
    value_median: float = 300.0
    value_sigma: float = 1.3
    recognised: float = 0.8
    seen_after_s: float = 10.0
    patience_mean_s: float = 480.0
    service_mean_s: float = 900.0
    service_sigma: float = 0.6
    accept_s: float = 8.0
    keep_free: int = 1
    keep_from: float | None = None
    shifts: tuple[Shift, ...] = (Shift(10, 20, 5), Shift(10, 20, 3), Shift(10, 20, 2))

    def __post_init__(self) -> None:
        if not self.shifts or not self.arrivals:
            raise BadInput("a simulation needs at least one salesperson and one hour")
        if any(not 0 <= s.from_h < s.until_h <= 24 for s in self.shifts):
            raise BadInput("a shift begins before it ends, within 0 to 24 hours")


@dataclass(slots=True)
class _Visitor:
    number: int
    at: float
    value: float
    seen: float
    patience: float
    service: float


@dataclass(slots=True)
class DayResult:
    """One day: value attended at all, attended soon, lost; waits of who was attended; idle seconds.

    soon_seen: what of `soon` was recognised.
    """

    came: float = 0.0
    attended: float = 0.0
    soon: float = 0.0
    soon_seen: float = 0.0
    lost: float = 0.0
    wait_s: float = 0.0
    served: int = 0
    visitors: int = 0
    idle_share: float = 0.0


def draw_day(model: ShopModel, random: Random) -> list[_Visitor]:
    """Return the customers of a day by arrival: a Poisson process with a rate for each hour."""
    found: list[_Visitor] = []
    mu = math.log(model.service_mean_s) - model.service_sigma**2 / 2
    for hour, rate in enumerate(model.arrivals):
        at = (model.open_h + hour) * HOUR_S
        end = at + HOUR_S
        while rate > 0 and (at := at + random.expovariate(rate / HOUR_S)) < end:
            priced = random.random() < model.priced
            value = model.value_median * math.exp(random.gauss(0, model.value_sigma)) if priced else 0.0
            seen = value if random.random() < model.recognised else 0.0
            patience = random.expovariate(1 / model.patience_mean_s)
            service = random.lognormvariate(mu, model.service_sigma)
            found.append(_Visitor(len(found), at, value, seen, patience, service))
    return found


def play(model: ShopModel, visitors: Sequence[_Visitor], way: Way, random: Random) -> DayResult:
    """Return how a day goes when staff is assigned in a way."""
    return _Day(model, visitors, way, random).play()


@dataclass(slots=True)
class _Day:
    model: ShopModel
    visitors: Sequence[_Visitor]
    way: Way
    random: Random
    waiting: dict[int, _Visitor] = field(default_factory=dict)
    free: dict[int, float] = field(default_factory=dict)
    """Salesperson -> idle since."""
    load: ShopLoad = field(default_factory=ShopLoad)

    def play(self) -> DayResult:
        result = DayResult(sum(v.value for v in self.visitors), visitors=len(self.visitors))
        moments: list[tuple[float, int, int]] = []  # at, what (0 came, 1 seen, 2 free, 3 gone), who
        for v in self.visitors:
            moments += [
                (v.at, 0, v.number),
                (v.at + self.model.seen_after_s, 1, v.number),
                (v.at + v.patience, 3, v.number),
            ]
        moments += [(shift.from_h * HOUR_S, 2, n) for n, shift in enumerate(self.model.shifts)]
        heapq.heapify(moments)
        served: dict[int, float] = {}
        delay = self.model.accept_s if self.way in BY_OFFER else 0.0
        while moments:
            now, what, who = heapq.heappop(moments)
            if what == 0:
                self.waiting[who] = self.visitors[who]
                self.load.see(str(who), 0, round(now * SECOND))
            elif what == 2:
                if who in served:
                    self.load.serve(served.pop(who))
                if now < self.model.shifts[who].until_h * HOUR_S:
                    self.free[who] = now
            elif what == 3:
                if who in self.waiting:
                    result.lost += self.waiting.pop(who).value
                continue
            else:
                self.load.see(
                    str(who), round(100 * self.visitors[who].seen), round(self.visitors[who].at * SECOND)
                )
                if who not in self.waiting:
                    continue
            for number in [n for n in self.free if now >= self.model.shifts[n].until_h * HOUR_S]:
                del self.free[number]
            for number, seller in self._decide(now) if self.waiting and self.free else ():
                visitor, start = self.waiting.pop(number), now + delay
                self._attend(visitor, start, result)
                busy_until = start + visitor.service if start <= visitor.at + visitor.patience else start
                result.idle_share += now - self.free.pop(seller)
                served[seller] = busy_until - start
                heapq.heappush(moments, (busy_until, 2, seller))
        on_duty = sum(shift.until_h - shift.from_h for shift in self.model.shifts) * HOUR_S
        left = sum(self.model.shifts[n].until_h * HOUR_S - since for n, since in self.free.items())
        result.idle_share = (result.idle_share + max(left, 0.0)) / on_duty
        return result

    def _attend(self, visitor: _Visitor, start: float, result: DayResult) -> None:
        wait = start - visitor.at
        if wait > visitor.patience:  # gone while the offer was being accepted
            result.lost += visitor.value
            return
        result.attended += visitor.value
        if wait <= SOON_S:
            result.soon += visitor.value
            result.soon_seen += visitor.seen
        result.wait_s += wait
        result.served += 1

    def _decide(self, now: float) -> Iterable[tuple[int, int]]:
        if self.way is Way.FIRST_COME:
            return list(zip(self.waiting, sorted(self.free), strict=False))
        if self.way is Way.RANDOM:
            people, staff = list(self.waiting), list(self.free)
            self.random.shuffle(people)
            self.random.shuffle(staff)
            return list(zip(people, staff, strict=False))
        after = self.model.seen_after_s
        customers = [
            WaitingCustomer(
                str(v.number), round(100 * v.seen) if now >= v.at + after else 0, round(1000 * (now - v.at))
            )
            for v in self.waiting.values()
        ]
        sellers = [
            Seller(str(n), self.model.shifts[n].rank, round(1000 * (now - since)))
            for n, since in self.free.items()
        ]
        found = assign(customers, sellers, self._rules(now))
        return [(int(pairing.customer), int(pairing.seller)) for pairing in found.pairings]

    def _rules(self, now: float) -> AssignmentRules:
        model = self.model
        if self.way is Way.AUTO:
            on_duty = sum(shift.from_h * HOUR_S <= now < shift.until_h * HOUR_S for shift in model.shifts)
            worth = self.load.reserved_from(round(now * SECOND), on_duty)
            least = worth or 0 if model.keep_from is None else round(100 * model.keep_from)
            return AssignmentRules(reserve=int(worth is not None), reserve_minor=least)
        if self.way is not Way.RESERVE:
            return AssignmentRules(Policy.TURN if self.way is Way.TURN else Policy.VALUE)
        worth_from = model.value_median * RESERVE_FROM if model.keep_from is None else model.keep_from
        return AssignmentRules(reserve=model.keep_free, reserve_minor=round(100 * worth_from))


BY_OFFER = (Way.VALUE, Way.AUTO, Way.RESERVE, Way.TURN)
"""Ways that the product decides."""


def _value(visitor: _Visitor) -> float:
    return visitor.value


def _seen(visitor: _Visitor) -> float:
    return visitor.seen


def bound(
    model: ShopModel,
    visitors: Sequence[_Visitor],
    worth: Callable[[_Visitor], float] = _value,
    delay_s: float = 0.0,
) -> float:
    """Return a value that nobody can attend soon more than, even who knows the future.

    worth: what a customer counts; nobody is attended who counts nothing. delay_s: nobody comes sooner.

    Who is attended soon is with a salesperson at least from the last moment that is soon until the service
    would end had it begun at once. Of such spans no more can overlap than there are salespeople; the best
    choice is a linear programme whose matrix is one of intervals, so its solution is whole.
    """
    from scipy.optimize import linprog  # noqa: PLC0415 as in assignment
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    spans = []
    total = 0.0
    for v in visitors:
        last, value = v.at + min(SOON_S, v.patience), worth(v)
        if value <= 0 or last < v.at + delay_s:
            continue
        if last >= v.at + delay_s + v.service:
            total += value  # takes nobody any time that is sure
        else:
            spans.append((last, v.at + delay_s + v.service, value))
    if not spans:
        return total
    longest = max(v.service for v in visitors)
    rows, columns, capacities = [], [], []
    for row, (begin, _, _) in enumerate(spans):
        for column, (first, end, _) in enumerate(spans):
            if first <= begin < end:
                rows.append(row)
                columns.append(column)
        shifts = model.shifts
        capacities.append(sum(s.from_h * HOUR_S <= begin < s.until_h * HOUR_S + longest for s in shifts))
    matrix = csr_matrix(([1.0] * len(rows), (rows, columns)), shape=(len(spans), len(spans)))
    found = linprog(
        [-value for _, _, value in spans], A_ub=matrix, b_ub=capacities, bounds=(0, 1), method="highs-ds"
    )
    return total - float(found.fun)


@dataclass(slots=True)
class Comparison:
    """The days of each way, and the bounds of each day: of all value, and of what is recognised."""

    days: dict[Way, list[DayResult]]
    bounds: list[float]
    seen_bounds: list[float] = field(default_factory=list)


def simulate(
    model: ShopModel,
    days: Iterable[int],
    seed: int,
    *,
    ways: Sequence[Way] = tuple(Way),
    with_bound: bool = True,
) -> Comparison:
    """Return how some days go in each way. days: their numbers; the same number is the same day.

    >>> found = simulate(ShopModel(), range(3), seed=1, ways=[Way.VALUE], with_bound=False)
    >>> [day.visitors > 50 for day in found.days[Way.VALUE]]
    [True, True, True]
    """
    found = Comparison({way: [] for way in ways}, [])
    for day in days:
        visitors = draw_day(model, Random(f"{seed} {day}"))
        for way in ways:
            found.days[way].append(play(model, visitors, way, Random(f"{seed} {day} {way.value}")))
        if with_bound:
            found.bounds.append(bound(model, visitors))
            found.seen_bounds.append(bound(model, visitors, _seen, model.accept_s))
    return found


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean, the 5th and the 95th percentile."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return sum(ordered) / len(ordered), ordered[round(0.05 * last)], ordered[round(0.95 * last)]


def mean(days: Sequence[DayResult], of: Callable[[DayResult], float]) -> float:
    """Return the mean over days."""
    return sum(map(of, days)) / len(days)
