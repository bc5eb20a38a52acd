"""Parses answers of OpenWeb Ninja's Real-Time Product Search, validating every field.

Shape, after the service's documentation and public callers of it: {"status": "OK", "data": {"products":
[...]}} from /search-v2, "data" itself the list from /search. A product has product_title,
typical_price_range (two texts with currency signs, a text, or null), and offer: {price, product_condition}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.catalogue.amounts import read_span
from pricing.live.offers import MAX_OFFERS, BadAnswer, Offer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pricing.catalogue.amounts import Span

SOURCE = "openwebninja"
_USED = ("USED", "REFURBISHED", "PRE-OWNED")
_LONGEST_TITLE = 400


def read_offers(answer: object, currency: str) -> list[Offer]:
    """Return the new things offered in a parsed answer, one a product; raises BadAnswer.

    currency: that of the country asked for, where a price does not say.
    """
    if not isinstance(answer, dict) or str(answer.get("status", "OK")).upper() != "OK":
        raise BadAnswer("the answer is no success")
    data = answer.get("data")
    products = data.get("products") if isinstance(data, dict) else data
    if not isinstance(products, list):
        raise BadAnswer("the answer has no list of products")
    if products and not any(isinstance(product, dict) for product in products):
        raise BadAnswer("the products are no objects")
    return list(_offers(products[:MAX_OFFERS], currency))


def _offers(products: list[object], currency: str) -> Iterator[Offer]:
    for product in products:
        if not isinstance(product, dict):
            continue
        title = product.get("product_title")
        span = _price(product, currency)
        if isinstance(title, str) and span is not None:
            yield Offer(span, title[:_LONGEST_TITLE])


def _price(product: dict[str, object], currency: str) -> Span | None:
    """Return the usual price range, else the middle offer of a new one: the original app's order."""
    span = read_span(product.get("typical_price_range"), currency)
    if span is not None:
        return span
    offers = product.get("offers")
    given = [product.get("offer"), *(offers[:20] if isinstance(offers, list) else ())]
    spans = []
    for offer in given:
        if isinstance(offer, dict) and str(offer.get("product_condition", "")).upper() not in _USED:
            span = read_span(offer.get("price"), currency)
            if span is not None:
                spans.append(span)
    if not spans:
        return read_span(product.get("price"), currency)
    return sorted(spans, key=lambda span: span.middle)[(len(spans) - 1) // 2]
