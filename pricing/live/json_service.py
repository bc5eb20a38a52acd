"""A price service described in the store file: where the price stands in its JSON answer."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import quote

from pricing.catalogue.amounts import (
    Meaning,
    Span,
    ThreeDigits,
    is_doubtful,
    read_currency,
    read_span,
    shows_decimals,
)
from pricing.errors import BadInput
from pricing.live.offers import MAX_OFFERS, BadAnswer, Doubtful, Offer
from pricing.money import EXPONENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonpath import CompoundJSONPath, JSONPath, JSONPathEnvironment

    from pricing.live.remembered import Thing

PLACEHOLDERS = ("brand", "type", "model", "country", "language", "currency")


@dataclass(frozen=True, slots=True)
class JsonPaths:
    """JSONPath (RFC 9535) to each value. items: the offers; the other paths begin at an item.

    in_minor: amounts are whole numbers of minor units (cents). three_digits: what they are after a point, as
    in 1.290. Without a currency path or value in the answer a price is in that given to `read_offers`.
    """

    items: str = "$"
    price: str = "$.price"
    price_max: str | None = None
    currency: str | None = None
    title: str | None = None
    in_minor: bool = False
    three_digits: Meaning | None = None


class JsonService:
    """Reads the answers; raises BadInput at once for a path that is none."""

    def __init__(self, paths: JsonPaths) -> None:
        self._in_minor, self._three_digits = paths.in_minor, paths.three_digits
        self._items, self._price = compiled(paths.items), compiled(paths.price)
        self._price_max, self._currency, self._title = (
            compiled(path) if path else None for path in (paths.price_max, paths.currency, paths.title)
        )

    def read_offers(self, answer: object, currency: str) -> list[Offer]:
        """Return the offers in a parsed answer; raises BadAnswer where it has no such values at all.

        A number such as 1.290 is read where another of the answer shows what its points are. Raises Doubtful
        where all prices are of that form.
        """
        if not isinstance(answer, (dict, list)):
            raise BadAnswer("the answer is no JSON object or list")
        items = _found(self._items, answer)
        three_digits = ThreeDigits(self._three_digits or self._shown(items), self._three_digits)
        prices = [price for item in items for price in self._prices(item, currency)]
        offers = [offer for price in prices for offer in self._offers(*price, three_digits)]
        if items and not offers:
            if not prices:
                raise BadAnswer("no item of the answer has a price")
            if any(code and is_doubtful(value, code) for value, code, _ in prices):
                raise Doubtful("each price may be thousands or decimals")
        return offers

    def _shown(self, items: list[object]) -> Meaning | None:
        """Return what points are before in the numbers of an answer: no program writes one in two ways."""
        paths = [path for path in (self._price, self._price_max) if path is not None]
        numbers = (value for item in items for path in paths for value in _found(path, item))
        return "decimals" if any(map(shows_decimals, numbers)) else None

    def _prices(self, item: object, expected: str) -> Iterator[tuple[object, str | None, object]]:
        """Yield each price of an item, with its upper end if it has one; its currency if known; its title."""
        said = _first(self._currency, item)
        currency = read_currency(said, expected) if isinstance(said, str) else expected
        title, upper = _first(self._title, item), _first(self._price_max, item)
        for value in _found(self._price, item):
            yield value if _is_nothing(upper) else [value, upper], currency, title

    def _offers(
        self, value: object, currency: str | None, title: object, three_digits: ThreeDigits
    ) -> Iterator[Offer]:
        span = None if currency is None else read_span(value, currency, three_digits)
        if span is not None:
            span = _in_units(span) if self._in_minor else span
            yield Offer(span, title[:400] if isinstance(title, str) else None)


@cache
def _environment() -> JSONPathEnvironment:
    from jsonpath import JSONPathEnvironment  # noqa: PLC0415 a store without price services starts sooner

    return JSONPathEnvironment(strict=True)


def compiled(path: str) -> JSONPath | CompoundJSONPath:
    """Return a JSONPath ready for use; raises BadInput."""
    from jsonpath.exceptions import JSONPathError  # noqa: PLC0415 the same

    try:
        return _environment().compile(path)
    except (JSONPathError, ValueError, RecursionError):
        raise BadInput(f'"{path}" is not a JSONPath; write one such as $.offers[*].price') from None


def fill(template: str, thing: Thing, values: dict[str, str]) -> str:
    """Return a URL template with its {placeholders} filled in, percent-encoded."""
    for name, value in {**values, "type": thing.type, "model": thing.model}.items():
        template = template.replace(f"{{{name}}}", quote(value, safe=""))
    return template


def _found(path: JSONPath | CompoundJSONPath, value: object) -> list[object]:
    from jsonpath.exceptions import JSONPathError  # noqa: PLC0415 the same

    # The library would parse a bare text as JSON, and refuses a bare number.
    if not isinstance(value, (dict, list)):
        return [value] if str(path) == "$" else []
    try:
        return [match.obj for match in islice(path.finditer(value), MAX_OFFERS)]
    except (JSONPathError, RecursionError):
        return []


def _first(path: JSONPath | CompoundJSONPath | None, value: object) -> object:
    return next(iter(_found(path, value)), None) if path is not None else None


def _is_nothing(upper: object) -> bool:
    """Return whether an upper end is none: services that may leave no field out write 0 or an empty text."""
    return not upper.strip(" 0.,") if isinstance(upper, str) else upper is None or upper == 0


def _in_units(span: Span) -> Span:
    scale = -EXPONENTS[span.currency]
    return Span(Decimal(span.low).scaleb(scale), Decimal(span.high).scaleb(scale), span.currency)
