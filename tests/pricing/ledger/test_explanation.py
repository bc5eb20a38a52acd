from __future__ import annotations

from tests.pricing.ledger.votes import ledger, looks


def test_explain_names_votes_prices_and_doubts() -> None:
    book = ledger()
    book.observe("p", looks("gucci", 4, slot="bag", type_="handbag") + looks("nike", 2))
    assert book.explain("p") == [
        "bag: gucci handbag, 4 votes, confidence 0.80, €1,290 (€1,161 to €1,419) from test of 2026-11-01",
        "top: not confirmed (nike 2; needs 4 agreeing in 4000 ms)",
        "total: €1,290, 1 priced, 0 unpriced",
    ]
