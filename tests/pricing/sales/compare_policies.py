"""How much of the clairvoyant bound could any policy reach that does not know the future?

python -m tests.pricing.sales.compare_policies --days 1000

Bounds take knowledge away from the clairvoyant, one kind after the other; each holds for every policy that
has no more. Thresholds know the shop's rates, values and services exactly, which no shop does, and no future.
"""

from __future__ import annotations

import argparse
import math
from bisect import bisect_left
from dataclasses import dataclass
from random import Random
from statistics import NormalDist, mean, stdev
from typing import TYPE_CHECKING

from pricing.sales.simulation import HOUR_S, SOON_S, DayResult, ShopModel, Way, _Day, bound, draw_day, play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricing.sales.simulation import _Visitor

STEP_S = 30.0
PRICE = 0.15
"""Of a salesperson's second, in money: any price gives a bound, this one about the lowest."""


def mean_unseen(model: ShopModel) -> float:
    """Return what a customer is worth on average on whom nothing was recognised."""
    missed = model.priced * (1 - model.recognised)
    value = model.value_median * math.exp(model.value_sigma**2 / 2)
    return missed * value / (1 - model.priced * model.recognised)


def bounds(model: ShopModel, visitors: Sequence[_Visitor]) -> dict[str, float]:
    """Return a day's bounds.

    Values that are not recognised do not hang on anything that a policy sees, so it gets their mean. Who goes
    does not know how long it will take: the mean of what is paid for a long service and taken for a short
    one is nought for such a policy, and makes the choice of short ones worthless to who knows them.
    """
    unseen = mean_unseen(model)

    def hidden(v: _Visitor) -> float:
        return v.seen or unseen

    def blind(v: _Visitor) -> float:
        return hidden(v) - PRICE * (model.service_mean_s - v.service)

    return {
        "who knows all": bound(model, visitors),
        "... and comes no sooner than an offer takes": bound(model, visitors, delay_s=model.accept_s),
        "... and knows no value that is not recognised": bound(model, visitors, hidden, model.accept_s),
        "... nor how long a service will take": bound(model, visitors, blind, model.accept_s),
    }


class Thresholds:
    """What a customer must be worth at least, by time and by how many are free.

    The best that there is where nobody waits: services have no memory, who finds nobody free is lost.
    Computed back from the evening, step by step: what one more free salesperson is worth then.
    """

    def __init__(self, model: ShopModel) -> None:
        self._open_s, staff = model.open_h * HOUR_S, len(model.shifts)
        cuts = (k + 0.5 for k in range(400))
        worths = [
            model.value_median * math.exp(model.value_sigma * NormalDist().inv_cdf(c / 400)) for c in cuts
        ]
        share, unseen = model.priced * model.recognised, mean_unseen(model)

        def gain(least: float) -> float:
            over = worths[bisect_left(worths, least) :]
            seen = (sum(over) - least * len(over)) / len(worths)
            return share * seen + (1 - share) * max(0.0, unseen - least)

        values = [0.0] * (staff + 1)  # by how many are free
        steps: list[list[float]] = []
        for step in reversed(range(int(len(model.arrivals) * HOUR_S / STEP_S))):
            least = [0.0, *(values[free] - values[free - 1] for free in range(1, staff + 1))]
            steps.append(least)
            rate = model.arrivals[int(step * STEP_S / HOUR_S)] / HOUR_S
            values = [
                values[free]
                + STEP_S
                * (
                    (rate * gain(least[free]) if free else 0.0)
                    + (
                        (staff - free) * (values[free + 1] - values[free]) / model.service_mean_s
                        if free < staff
                        else 0.0
                    )
                )
                for free in range(staff + 1)
            ]
        self._steps = steps[::-1]

    def least(self, now: float, free: int) -> float:
        """Return the threshold."""
        step = int((now - self._open_s) / STEP_S)
        return self._steps[min(max(step, 0), len(self._steps) - 1)][free]


@dataclass(slots=True)
class ThresholdDay(_Day):
    """A day by thresholds. late_too: who has waited for longer than counts is gone to as well."""

    thresholds: Thresholds | None = None
    late_too: bool = False

    def _decide(self, now: float) -> list[tuple[int, int]]:
        assert self.thresholds is not None
        unseen = mean_unseen(self.model)
        ranked = []
        for v in self.waiting.values():
            late = now - v.at > SOON_S - self.model.accept_s
            known = now >= v.at + self.model.seen_after_s
            if known and (self.late_too or not late):
                ranked.append((not late, v.seen or unseen, v.number))
        staff, found = sorted(self.free, key=lambda n: self.free[n]), []
        for _, worth, number in sorted(ranked, reverse=True):
            if not staff or worth < self.thresholds.least(now, len(staff)):
                break
            found.append((number, staff.pop(0)))
        return found


def policies(
    model: ShopModel, visitors: Sequence[_Visitor], thresholds: Thresholds, seed: str
) -> dict[str, DayResult]:
    """Return a day by each policy."""

    def by_thresholds(*, late_too: bool) -> DayResult:
        day = ThresholdDay(
            model, visitors, Way.RESERVE, Random(seed), thresholds=thresholds, late_too=late_too
        )
        return day.play()

    return {
        "thresholds of who knows the shop, nobody goes late": by_thresholds(late_too=False),
        "thresholds of who knows the shop": by_thresholds(late_too=True),
        "the product, one kept free": play(model, visitors, Way.RESERVE, Random(seed)),
        "the product, one kept free by load": play(model, visitors, Way.AUTO, Random(seed)),
        "the product, nobody kept free": play(model, visitors, Way.VALUE, Random(seed)),
        "first come first served": play(model, visitors, Way.FIRST_COME, Random(seed)),
    }


def compare(model: ShopModel, days: int, seed: int) -> list[str]:
    """Return a Markdown table."""
    thresholds = Thresholds(model)
    drawn = [draw_day(model, Random(f"{seed} {day}")) for day in range(days)]
    limits = [bounds(model, day) for day in drawn]
    played = [policies(model, day, thresholds, f"{seed} {n}") for n, day in enumerate(drawn)]
    whole = [one["who knows all"] for one in limits]

    def share(values: list[float]) -> str:
        part = mean(values) / mean(whole)
        rest = [value - part * all_ for value, all_ in zip(values, whole, strict=True)]
        error = stdev(rest) / math.sqrt(days) / mean(whole) if days > 1 else 0.0
        return f"{mean(values):,.0f} | {100 * part:.1f} % ± {196 * error:.1f}"

    rows = ["| | value within 2 min | of the bound | value lost | idle |", "| --- | --- | --- | --- | --- |"]
    rows += [f"| bound: {name} | {share([one[name] for one in limits])} | | |" for name in limits[0]]
    for name in played[0]:
        results = [one[name] for one in played]
        lost, idle = mean(r.lost for r in results), mean(r.idle_share for r in results)
        rows.append(f"| {name} | {share([r.soon for r in results])} | {lost:,.0f} | {100 * idle:.0f} % |")
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("\n".join(compare(ShopModel(), given.days, given.seed)))
