"""From the offers of a search to one price: only the brand's, plausible, without outliers, the median."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from pricing.brands.names import normal_brand
from pricing.live.rates import ExchangeRates, to_minor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from pricing.catalogue.amounts import Span

MAX_OFFERS = 200
# Prices spread by factors: one further off than its fellows usually are, but at least half as dear again,
# or four times the median in any case, is of another thing (a keyring, a lot of ten).
_ALWAYS_NEAR = math.log(1.5)
_NEVER_NEAR = math.log(4)
_SIGMA_PER_MAD = 1.4826
_SIGMAS = 3.0


class BadAnswer(ValueError):
    """What a price service sent is not what it promised; the text names no value of it."""


class Doubtful(BadAnswer):
    """All prices in an answer may be thousands or decimals: three digits after a point."""


class NoRate(ValueError):
    """There are offers of the brand, but all in currencies without an exchange rate."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One price found. title: what is offered, as the seller words it; None where the service tells none."""

    span: Span
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """The price that the offers amount to, in minor units; `detail` says how it came about, for an audit."""

    amount_minor: int
    min_minor: int
    max_minor: int
    detail: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns offers into a quote in the store's `currency`.

    min_amount, max_amount: plausible prices of one thing in units of `currency`. A table without rates
    converts nothing.
    """

    currency: str
    min_amount: Decimal
    max_amount: Decimal
    rates: ExchangeRates | None = None

    def quote(self, brand: str, offers: Iterable[Offer]) -> Quote | None:
        """Return the price, None where there is no offer of the brand.

        Raises NoRate where there are some, but none can be converted, BadAnswer where none is plausible.
        """
        named = [offer for offer in offers if names(brand, offer.title)][:MAX_OFFERS]
        converted = [(offer, self._converted(offer.span)) for offer in named]
        spans = [(offer.span, ends) for offer, ends in converted if ends is not None]
        if not named:
            return None
        if not spans:
            raise NoRate("no price in the answer can be converted")
        good = [
            (span, ends) for span, ends in spans if self.min_amount <= ends[0] and ends[1] <= self.max_amount
        ]
        if not good:
            raise BadAnswer("no price in the answer is plausible")
        middles = [(low + high) / 2 for _, (low, high) in good]
        agreeing = [good[i] for i in near(middles)]
        amount = median((low + high) / 2 for _, (low, high) in agreeing)
        detail = f"median of {len(agreeing)} offers"
        if len(agreeing) < len(named):
            detail += f", {len(named) - len(agreeing)} dropped"
        foreign = sorted({span.currency for span, _ in agreeing} - {self.currency})
        detail += "".join(f"; {self._conversion(code)}" for code in foreign)
        return Quote(
            to_minor(amount, self.currency),
            to_minor(min(low for _, (low, _) in agreeing), self.currency),
            to_minor(max(high for _, (_, high) in agreeing), self.currency),
            detail,
        )

    def _converted(self, span: Span) -> tuple[Decimal, Decimal] | None:
        if span.currency == self.currency:
            return span.low, span.high
        rate = self.rates.rate(span.currency, self.currency) if self.rates else None
        return (span.low * rate, span.high * rate) if rate else None

    def _conversion(self, code: str) -> str:
        if self.rates is None:
            return code
        rate = self.rates.rate(code, self.currency)
        return f"{code} at {rate:.6g} ({self.rates.source} {self.rates.day})"


def names(brand: str, title: str | None) -> bool:
    """Return whether a title holds the brand as whole words; without a title it is taken for granted."""
    return title is None or f" {normal_brand(brand)} " in f" {normal_brand(title)} "


def near(prices: Sequence[Decimal]) -> list[int]:
    """Return the places of the prices that are no outliers; of less than three, all."""
    if len(prices) < 3:
        return list(range(len(prices)))
    logs = [math.log(price) for price in prices]
    middle = median(logs)
    spread = _SIGMAS * _SIGMA_PER_MAD * median(abs(value - middle) for value in logs)
    limit = min(max(spread, _ALWAYS_NEAR), _NEVER_NEAR)
    return [i for i, value in enumerate(logs) if abs(value - middle) <= limit]
