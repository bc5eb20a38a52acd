"""What the demo's cameras show, so that tests can ask for exactly that."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.paths import CONFIGS
from pricing.slots import slot_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PRICES = CONFIGS / "demo-prices.csv"


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in pixels of the camera's picture."""

    x: float
    y: float
    w: float
    h: float

    def moved(self, x: float, y: float, scale: float = 1.0) -> Rect:
        """Return it scaled about the origin, then shifted."""
        return Rect(self.x * scale + x, self.y * scale + y, self.w * scale, self.h * scale)

    def inside(self, size: tuple[int, int]) -> bool:
        """Return whether it lies wholly in a picture of that (width, height)."""
        return self.x >= 0 and self.y >= 0 and self.x + self.w <= size[0] and self.y + self.h <= size[1]


@dataclass(frozen=True, slots=True)
class Visit:
    """One marked person, from the first to the last frame in view, and the brands worn, by slot."""

    first: int
    last: int
    wears: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """One loop of one camera.

    faces: frame -> the eyes-to-chin part of each face wholly in view: the part that a mask must hide.
    prints: frame -> wordmarks fully visible there, with their place.
    """

    frames: int
    fps: int
    size: tuple[int, int]
    visits: tuple[Visit, ...]
    faces: Mapping[int, Rect]
    prints: Mapping[int, tuple[str, Rect]]


def prices(catalogue: Path = PRICES) -> dict[tuple[str, str], int]:
    """Return (slot, brand) -> cents by the demo's price list, read without the product's own reader."""
    with catalogue.open(newline="", encoding="utf-8") as handle:
        rows = csv.DictReader(line for line in handle if not line.startswith("#"))
        middle = {}
        for row in rows:
            low, high = _cents(row["price_min"]), _cents(row["price_max"])
            middle[slot_of(row["type"]), row["brand"].casefold()] = (low + high) // 2
        return middle


def total(visit: Visit, price: Mapping[tuple[str, str], int]) -> int:
    """Return what the visitor wears, in cents."""
    return sum(price[item] for item in visit.wears)


def _cents(amount: str) -> int:
    whole, _, part = amount.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0"))
