from __future__ import annotations

from pricing.ledger.lookup_once import LookupOnce
from pricing.value import Price

OLD, NEW = (Price(minor, minor, minor, "EUR", "test") for minor in (100, 200))
QUESTION = ("nike", None, "top")


def test_a_price_that_arrives_in_the_middle_counts_from_the_next_moment() -> None:
    answers = iter([None, OLD, OLD, NEW])
    asked = LookupOnce(lambda *_: next(answers))
    assert [asked(*QUESTION), asked(*QUESTION)] == [None, None]
    assert asked.commit() == []
    assert asked(*QUESTION) is OLD
    assert asked.commit() == [(QUESTION, OLD)]
    assert asked(*QUESTION) is OLD
    assert asked.commit() == []
    assert asked(*QUESTION) is NEW
    assert asked.commit() == [(QUESTION, NEW)]
