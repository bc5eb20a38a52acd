"""A price list, and votes for its brands, by looks and by routes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pricing.ledger.ledger import Ledger
from pricing.ledger.votes import Vote
from pricing.value import PersonValue, Price

if TYPE_CHECKING:
    from collections.abc import Callable
MS = 1_000_000
PRICES = {"gucci": 129000, "nike": 4990, "levis": 9900}


def price(minor: int, currency: str = "EUR") -> Price:
    return Price(minor, minor - minor // 10, minor + minor // 10, currency, "test", date(2026, 11, 1))


def lookup(brand: str, type_: str | None, slot: str, model: str = "") -> Price | None:
    return price(PRICES[brand] + len(model)) if brand in PRICES else None


def ledger(*, lookup: Callable[..., Price | None] = lookup, **changes: Any) -> Ledger:
    return Ledger("EUR", lookup, **changes)


def look(at_ms: int, brand: str | None, slot: str = "top", type_: str | None = None, tag: str = "") -> Vote:
    return Vote(f"{tag}{at_ms} {slot} {brand} {type_}", slot, type_, brand, 0.8, at_ms * MS)


def looks(brand: str | None, count: int, start: int = 0, step: int = 400, **more: str) -> list[Vote]:
    return [look(start + i * step, brand, **more) for i in range(count)]


def told(votes: list[Vote], **changes: Any) -> PersonValue:
    book = ledger(**changes)
    book.observe("p", votes)
    return book.value("p")


def brands(value: PersonValue) -> list[tuple[str, str | None]]:
    return [(item.slot, item.brand) for item in value.items]


def told_by(route: str, at_ms: int, brand: str | None, **more: Any) -> Vote:
    """Return a route's vote in the look of that time."""
    known: dict[str, Any] = {"slot": "top", "type_": None, "size": 40.0, "confidence": 0.8} | more
    slot, type_ = known["slot"], known["type_"]
    name = f"{route} {at_ms} {slot} {brand} {type_}"
    return Vote(
        name,
        slot,
        type_,
        brand,
        known["confidence"],
        at_ms * MS,
        route=route,
        look=f"{at_ms}",
        size=known["size"],
        stretch=known.get("stretch", 1.0),
    )


def by_routes(routes: str, count: int, brand: str = "nike", start: int = 0, **more: Any) -> list[Vote]:
    return [told_by(r, start + i * 400, brand, **more) for i in range(count) for r in routes.split()]
