"""Memoises price lookups during one frame update, so that a total never mixes two prices of one item."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricing.value import Price

    # Brand, type or None, slot, and the model where one is known.
    Question = tuple[str | None, ...]
    Lookup = Callable[..., Price | None]

MAX_REMEMBERED = 16_384


class LookupOnce:
    """Calls a price lookup at most once per question until `commit`.

    >>> prices = iter(["price of 10:00", "price of 10:01"])
    >>> lookup = LookupOnce(lambda *question: next(prices))
    >>> lookup("nike", None, "shoes"), lookup("nike", None, "shoes")
    ('price of 10:00', 'price of 10:00')
    >>> lookup.commit()
    [(('nike', None, 'shoes'), 'price of 10:00')]
    >>> lookup("nike", None, "shoes")
    'price of 10:01'
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._answers: dict[Question, Price | None] = {}
        self._committed: dict[Question, Price | None] = {}

    def __call__(self, *question: str | None) -> Price | None:
        """Return the price of a thing, as the ledger asks for it."""
        if question not in self._answers:
            self._answers[question] = self._lookup(*question)
        return self._answers[question]

    def commit(self) -> list[tuple[Question, Price | None]]:
        """Return the answers that differ from those of earlier commits (None at first), and start anew."""
        changed = [(q, price) for q, price in self._answers.items() if self._committed.get(q) != price]
        if len(self._committed) > MAX_REMEMBERED:
            self._committed.clear()
            changed = list(self._answers.items())
        self._committed.update(changed)
        self._answers = {}
        return changed
