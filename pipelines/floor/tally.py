"""How many customers a camera has seen, with how many items, of what worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricing.value import PersonValue


@dataclass(slots=True)
class CameraTally:
    """What one camera has seen since the start: customers who were there last, their items, their totals.

    items: those with a brand or a price; everybody wears trousers.
    """

    persons: int = 0
    items: int = 0
    total_minor: int = 0

    def add(self, value: PersonValue) -> None:
        """Count one more customer."""
        self.persons += 1
        self.items += sum(1 for item in value.items if item.brand or item.price)
        self.total_minor += value.total.amount_minor
