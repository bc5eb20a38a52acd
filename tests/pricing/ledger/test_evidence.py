from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.ledger.evidence import FULL, LOOK_CAP, ROUTE_CAP, look_weights, together, weight

CONFIDENCES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("route", "confidence", "height", "expected"),
    [
        ("words", 0.3, 6, FULL),
        ("", 0.9, None, FULL),
        ("symbol", 0.8, 32, FULL),
        ("symbol", 0.8, None, FULL),
        ("symbol", 0.8, 24, 75),
        ("symbol", 0.8, 16, 50),
        ("symbol", 0.93, 16, 93),
        ("symbol", 0.999, 23.9, FULL),
        ("symbol", 0.999, 24, ROUTE_CAP),
        ("emblem", 1.0, 15.9, 0),
        ("symbol", 0.5, 64, 0),
        ("symbol", 1.0, 64, ROUTE_CAP),
    ],
)
def test_what_one_word_is_worth(route: str, confidence: float, height: float | None, expected: int) -> None:
    assert weight(route, confidence, height) == expected


@given(CONFIDENCES, CONFIDENCES, st.floats(1, 100), st.floats(1, 100))
def test_surer_and_larger_are_never_worth_less(a: float, b: float, small: float, large: float) -> None:
    (a, b), (small, large) = sorted((a, b)), sorted((small, large))
    assert 0 <= weight("symbol", a, small) <= weight("symbol", b, large) <= ROUTE_CAP


@given(st.lists(CONFIDENCES, min_size=1, max_size=3))
def test_routes_that_agree_are_surer_than_any_of_them(confidences: list[float]) -> None:
    assert max(confidences) <= together(confidences) + 1e-12 <= 1 + 1e-9


def test_agreement_adds_up_to_a_cap_and_another_route_s_contradiction_weakens() -> None:
    assert look_weights({"nike": {"words": 100, "symbol": 150}}) == {"nike": LOOK_CAP}
    assert look_weights({"nike": {"words": 100}, "puma": {"symbol": 60}}) == {"nike": 70, "puma": 10}
    assert look_weights({"nike": {"words": 100}, "puma": {"words": 100}}) == {"nike": 100, "puma": 100}
