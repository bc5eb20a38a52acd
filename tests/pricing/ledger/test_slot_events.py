from __future__ import annotations

from pricing.ledger.slot_events import MAX_PENDING
from tests.pricing.ledger.votes import ledger, look


def test_memory_of_a_person_is_bounded() -> None:
    book = ledger()
    for i in range(5000):
        book.observe("p", [look(i * 10, f"brand{i % 400}", tag=str(i))])
    slot = book._people["p"].slots["top"]
    assert len(slot.pending) <= MAX_PENDING
    assert len(book._people["p"].ids) == len(slot.pending)
    assert len(slot.settled.window) <= MAX_PENDING
    assert len(slot.settled.brand.support) <= MAX_PENDING
