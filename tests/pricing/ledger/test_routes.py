"""Votes of several routes: what joins, and what is too small or too unsure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pricing.ledger.votes import (
    brands,
    by_routes,
    ledger,
    told,
)

if TYPE_CHECKING:
    from pricing.ledger.votes import Vote

    pass
AGREEING = [
    ("words as ever, however small", by_routes("words", 4, size=7), True),
    ("and however unsure", by_routes("words", 4, confidence=0.4), True),
    ("three words are too few", by_routes("words", 3), False),
    ("a sure symbol, large", by_routes("symbol", 4, confidence=0.8), True),
    ("a symbol in doubt, however often", by_routes("symbol", 10, confidence=0.6), False),
    ("a small symbol takes twice the looks", by_routes("symbol", 7, size=20), False),
    ("and has them", by_routes("symbol", 8, size=20), True),
    ("a surer small one takes fewer", by_routes("symbol", 4, size=20, confidence=0.95), True),
    ("but never fewer than a plain vote", by_routes("symbol", 3, size=20, confidence=0.999), False),
    ("too small is nothing", by_routes("symbol", 11, size=15, confidence=0.99), False),
    ("a second route never makes four looks of three", by_routes("symbol words", 3), False),
    ("a symbol in doubt with words", by_routes("symbol words", 4, confidence=0.6), True),
    ("two weak routes that agree", by_routes("symbol emblem", 4, confidence=0.68), True),
    ("neither of them alone", by_routes("symbol", 4, confidence=0.68), False),
    ("contradicted", by_routes("symbol", 4) + by_routes("words", 4, "gucci"), False),
    ("hardly contradicted", by_routes("words", 8) + by_routes("symbol", 8, "gucci", size=20), True),
    (
        "small and contradicted",
        by_routes("symbol", 9, size=20) + by_routes("words", 3, "gucci", start=400),
        False,
    ),
]


@pytest.mark.parametrize(("votes", "expected"), [c[1:] for c in AGREEING], ids=[c[0] for c in AGREEING])
def test_routes_join(votes: list[Vote], expected: bool) -> None:
    assert (("top", "nike") in brands(told(votes))) == expected


@pytest.mark.parametrize(
    ("size", "sure", "expected"), [(15, 0.999, 0), (20, 0.9, 0), (20, 0.95, 1), (31, 0.9, 1), (40, 0.8, 1)]
)
@pytest.mark.parametrize("route", ["symbol", "emblem"])
def test_one_look_is_enough_at_a_small_mark_only_if_it_is_very_sure(
    route: str, size: float, sure: float, expected: int
) -> None:
    one = by_routes(route, 1, size=size, confidence=sure)
    assert len(told(one, min_votes=1).items) == expected


def test_routes_of_one_look_are_one_vote_and_surer() -> None:
    book = ledger()
    book.observe("p", by_routes("symbol words", 4))
    (item,) = book.value("p").items
    assert (item.votes, round(item.confidence, 6)) == (4, 0.96)
    assert book.explain("p")[0].startswith("top: nike, 4 votes (symbol 4, words 4), confidence 0.96,")
    book.observe("q", by_routes("symbol", 3, size=20))
    assert book.explain("q")[0] == (
        "top: not confirmed (nike 3 worth 1.5 (symbol 3); needs 4 agreeing in 4000 ms)"
    )
