from __future__ import annotations

import pytest

from pricing.ledger.ledger import total_of
from pricing.value import Item, Price
from probes.overlay.text import Tone, texts

SEEN = (
    Item("bag", "bag", None, 0.6, 4, None, "grey"),
    Item("shoes", "shoes", None, 0.6, 4),
    Item("top", "coat", None, 0.6, 4, None, "beige"),
)
UNPRICED = Item("trousers", "jeans", "levi's", 0.9, 4)
PRICED = Item("hat", "cap", "nike", 0.9, 4, Price(2500, 2500, 2500, "EUR", "catalogue"))


@pytest.mark.parametrize(
    ("items", "names", "short"),
    [
        (SEEN, ["beige coat", "grey bag", "shoes"], "beige coat +2"),
        (SEEN[:1], ["grey bag"], "grey bag"),
        ((*SEEN, UNPRICED), ["jeans (levi's)", "beige coat", "grey bag", "shoes"], "jeans (levi's) +3"),
        ((*SEEN[:2], UNPRICED, PRICED), ["cap (nike)", "jeans (levi's)", "grey bag", "shoes"], "€25"),
    ],
)
def test_the_dearest_comes_first_then_brands_then_from_head_to_foot(items, names, short) -> None:
    full, brief = texts(total_of(items, "EUR"), Tone.PLAIN, lambda money: f"€{money.amount_minor // 100}")
    assert [row.name for row in full.rows] == names
    assert (brief.head, brief.rows) == (short, ())
