"""What the ledger believes of one person: items, their prices, their total. Money is integer minor units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True)
class Price:
    """A price in minor units of `currency` (ISO 4217), with its range and where it came from.

    type: the one type of thing that the source prices so; None where it prices several. estimate: it is what
    such a thing costs here, whoever made it.

    >>> Price(129000, 110000, 148000, "EUR", "catalogue").amount_minor
    129000
    """

    amount_minor: int
    min_minor: int
    max_minor: int
    currency: str
    source: str
    as_of: date | None = None
    stale: bool = False
    type: str | None = None
    estimate: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One confirmed thing a person wears or carries; `price` is None where none is known (yet).

    colour: in a word, None where it was not told.
    """

    slot: str
    type: str
    brand: str | None
    confidence: float
    votes: int
    price: Price | None = None
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """The sum of the priced items' lines, in minor units. estimated_minor: how much of it is estimates."""

    amount_minor: int
    min_minor: int
    max_minor: int
    currency: str
    items_priced: int
    items_unpriced: int
    estimated_minor: int = 0


@dataclass(frozen=True, slots=True)
class PersonValue:
    """The confirmed items of one person, ordered by slot, and their total."""

    items: tuple[Item, ...]
    total: Total
