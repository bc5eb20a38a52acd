"""Shoppers and what they wear, as the page is told of them."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def utc(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def money(minor: int, low: int | None = None, high: int | None = None) -> dict:
    low, high = low or minor, high or minor
    span = None if low == high else f"€{low / 100:,.2f} – €{high / 100:,.2f}"
    return {
        "amount_minor": minor,
        "min_minor": low,
        "max_minor": high,
        "text": f"€{minor / 100:,.2f}",
        "range_text": span,
    }


def item(
    slot: str, kind: str, brand: str | None, minor: int | None, *,
    sure=0.93, votes=9, stale=False, colour: str | None = None,
) -> dict:  # fmt: skip
    price = None
    if minor is not None:
        price = money(minor, minor * 85 // 100, minor * 115 // 100)
        price |= {"source": "catalogue", "as_of": "2026-11-01", "stale": stale}
    return {
        "slot": slot,
        "type": kind,
        "brand": brand and brand.lower(),
        "brand_text": brand,
        "colour": colour,
        "confidence": sure,
        "votes": votes,
        "price": price,
    }


def total(items: list[dict]) -> dict:
    prices = [i["price"] for i in items if i["price"]]
    summed = money(*(sum(p[key] for p in prices) for key in ("amount_minor", "min_minor", "max_minor")))
    return summed | {
        "currency": "EUR",
        "items_priced": len(prices),
        "items_unpriced": len(items) - len(prices),
    }


def person(
    number: int, camera: str, box: tuple, items: list[dict], *, zone=None, here_s=90, rules=(), sure=0.86
):
    now = time.time()
    stay = {"id": zone, "camera": camera, "entered_at": utc(now - here_s / 2), "dwell_ms": here_s * 500}
    lines = [f"{worn['slot']}: {worn['type']}, {worn['votes']} votes" for worn in items]
    return {
        "id": f"k7f3-{number:04d}",
        "camera": camera,
        "rank": 0,
        "visible": True,
        "arrived_at": utc(now - here_s),
        "seen_at": utc(now),
        "dwell_ms": here_s * 1000,
        "waiting_ms": here_s * 400 if rules else 0,
        "zones": [stay | {"now": True}] if zone else [],
        "box": dict(zip("xywh", box, strict=True)),
        "items": items,
        "total": total(items),
        "certainty": sure,
        "rules": list(rules),
        "served_at": None,
        "customer": True,
        "explain": lines,
    }


def shoppers() -> list[dict]:
    jacket = item("top", "jacket", "Burberry", 129000)
    coat = item("top", "coat", "Prada", 245000, stale=True, sure=0.62)
    worn = [
        jacket,
        item("bag", "handbag", "Gucci", 197500, sure=0.71),
        item("shoes", "sneakers", "Nike", 12999),
    ]
    return [
        person(192, "counter", (0.42, 0.2, 0.16, 0.75), worn, zone="till", here_s=254, rules=["vip"]),
        person(201, "entrance", (0.12, 0.3, 0.12, 0.6), [coat], zone="doorway", here_s=41, sure=0.58),
        person(188, "counter", (0.7, 0.25, 0.14, 0.7), [item("trousers", "jeans", "Levi's", 10995),
               item("bag", "suitcase", None, None, sure=0.55, votes=4, colour="grey")], here_s=733),
        person(203, "entrance", (0.55, 0.35, 0.1, 0.5), [], zone="doorway", here_s=12),
        person(204, "entrance", (0.75, 0.4, 0.1, 0.5), [], here_s=3),
    ]  # fmt: skip
