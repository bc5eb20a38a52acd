"""The price that follows from past answers of a price service: fresh, stale, or none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING

from pricing.value import Price

if TYPE_CHECKING:
    from datetime import date

NS_PER_HOUR = 3_600_000_000_000
JUMP = 4
"""A price that is so many times the last one, or its part, is believed only when it comes a second time."""


class Result(str, Enum):
    """The kind of an answer."""

    PRICED = "priced"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Thing:
    """The key of a price: a brand in normal form, a type or slot, a model (empty: any)."""

    brand: str
    type: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a service, as it is kept for audit. at: UTC ns. Amounts in minor units; 0 for NOTHING."""

    thing: Thing
    at: int
    result: Result
    amount_minor: int
    min_minor: int
    max_minor: int
    currency: str
    source: str
    detail: str = ""

    @property
    def day(self) -> date:
        """The day of the answer, in UTC."""
        return datetime.fromtimestamp(self.at / 1e9, timezone.utc).date()


@dataclass(frozen=True, slots=True)
class Freshness:
    """Up to which age, in ns, an answer is good: `fresh`; then `stale` while a new one is looked up.

    nothing: how long an answer that says NOTHING is good.
    """

    fresh: int
    stale: int
    nothing: int


@dataclass(frozen=True, slots=True)
class PriceBelief:
    """The belief about one thing. A NOTHING after a price leaves the price, stale.

    doubted: a price too far from the last one; not believed until the next answer agrees with it.
    """

    price: Price | None
    priced_at: int
    old: Price | None
    answered_at: int
    last: Result
    doubted: Answer | None = None

    def price_at(self, now: int, freshness: Freshness) -> Price | None:
        """Return the price to use, marked stale where it is; None where none is known (any more)."""
        age = now - self.priced_at
        if self.price is None or age >= freshness.stale:
            return None
        certain = self.last is Result.PRICED and self.doubted is None and age < freshness.fresh
        return self.price if certain else self.old

    def needs_lookup(self, now: int, freshness: Freshness) -> bool:
        """Return whether a new request is due."""
        if self.doubted is not None:
            return True
        good_for = freshness.nothing if self.last is Result.NOTHING else freshness.fresh
        # From the future: the clock was set back. It is looked up again, not trusted for years.
        return not 0 <= now - self.answered_at < good_for


def updated(belief: PriceBelief | None, answer: Answer) -> PriceBelief:
    """Return the belief after one more answer; answers come in order of time."""
    if answer.result is Result.NOTHING:
        if belief is None:
            return PriceBelief(None, 0, None, answer.at, Result.NOTHING)
        return replace(belief, answered_at=answer.at, last=Result.NOTHING, doubted=None)
    before = belief.price if belief else None
    if belief is not None and before is not None and _jumps(before.amount_minor, answer.amount_minor):
        again = belief.doubted
        if again is None or _jumps(again.amount_minor, answer.amount_minor):
            return replace(belief, answered_at=answer.at, last=Result.PRICED, doubted=answer)
    price = Price(
        answer.amount_minor,
        answer.min_minor,
        answer.max_minor,
        answer.currency,
        answer.source,
        answer.day,
    )
    return PriceBelief(price, answer.at, replace(price, stale=True), answer.at, Result.PRICED)


def _jumps(before: int, after: int) -> bool:
    return not before <= after * JUMP <= before * JUMP * JUMP
