from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.ledger.ranking import Standing, Weights, rank, score

MINUTE = 60_000


PLAIN = Weights()


def order(*people: Standing, weights: Weights = PLAIN) -> list[int]:
    return [person.number for person, _ in rank(people, weights)]


@pytest.mark.parametrize(
    ("first", "second", "weights"),
    [
        (Standing(1, 900, 5), Standing(2, 800, 1), Weights()),
        (Standing(1, 100, 5, rules=1), Standing(2, 800, 1), Weights()),
        (Standing(1, 800, 1), Standing(2, 800, 5), Weights()),
        (Standing(1, 800, 5), Standing(2, 800, 5), Weights()),
        (Standing(1, 800, 5), Standing(2, 900, 5, certainty=0.5), Weights()),
        (Standing(1, 800, 5, dwell_ms=3 * MINUTE), Standing(2, 900, 5), Weights(dwell=50)),
        (Standing(1, 800, 5, waiting_ms=3 * MINUTE), Standing(2, 900, 5), Weights(waiting=50)),
    ],
)
def test_who_comes_first(first: Standing, second: Standing, weights: Weights) -> None:
    assert order(second, first, weights=weights) == [1, 2]


def test_a_clock_set_back_takes_nothing_away() -> None:
    assert score(Standing(1, 500, 0, dwell_ms=-9 * MINUTE, waiting_ms=-1), Weights(100, 100)) == 500


PEOPLE = st.lists(
    st.builds(
        Standing,
        st.integers(1, 10**6),
        st.integers(0, 10**6),
        st.integers(0, 100),
        st.floats(0.1, 1),
        st.integers(0, 10**7),
        st.integers(0, 10**7),
        st.integers(0, 2),
    ),
    unique_by=lambda p: p.number,
)


@given(PEOPLE, st.data())
def test_the_order_does_not_depend_on_who_was_asked_first(
    people: list[Standing], data: st.DataObject
) -> None:
    weights = Weights(500, 2000)
    assert order(*data.draw(st.permutations(people)), weights=weights) == order(*people, weights=weights)
