"""One answer per question and moment: prices may arrive at any time, a sum must not see two of one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricing.value import Price

    # Brand, type or None, slot, and the model where one is known.
    Question = tuple[str | None, ...]
    Lookup = Callable[..., Price | None]

MOST = 16_384


class Asked:
    """A lookup in front of another. Within one moment, that is until `next`, it asks for each thing once.

    The other lookup may change its mind from one moment to the next; `next` tells what was changed.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._now: dict[Question, Price | None] = {}
        self._known: dict[Question, Price | None] = {}

    def __call__(self, *question: str | None) -> Price | None:
        """Return the price of a thing, as the ledger asks for it."""
        if question not in self._now:
            self._now[question] = self._lookup(*question)
        return self._now[question]

    def next(self) -> list[tuple[Question, Price | None]]:
        """End the moment; return the answers that differ from those last returned (None at first)."""
        changed = [(q, price) for q, price in self._now.items() if self._known.get(q) != price]
        if len(self._known) > MOST:
            self._known.clear()
            changed = list(self._now.items())
        self._known.update(changed)
        self._now = {}
        return changed
