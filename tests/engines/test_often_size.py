"""The size that most inputs have is noticed while many come."""

from __future__ import annotations

import pytest

from engines.often_size import OFTEN, SHARE, WITHIN_S, OftenSize

WIDE, TALL = (544, 320), (320, 544)


@pytest.mark.parametrize(
    ("every_s", "others", "is_often"),
    [(0.05, 0, True), (0.05, 2, True), (0.05, 3, False), (0.1, 0, False), (1.0, 0, False)],
)
def test_a_size_is_often_by_how_fast_it_comes_and_by_its_share(
    every_s: float, others: int, is_often: bool
) -> None:
    """Twenty a second are two cameras; ten, one. others: inputs of another size with each."""
    now = 0.0
    often, noted = OftenSize(lambda: now), []
    for _ in range(4 * OFTEN):
        now += every_s
        for _ in range(others):
            often.note(TALL)
        noted.append(often.note(WIDE))
    assert any(noted) == is_often
    assert OFTEN / WITHIN_S > 10
    assert 1 / 4 < SHARE < 1 / 3


def test_it_is_not_what_was_asked_for_long_ago() -> None:
    now = 0.0
    often = OftenSize(lambda: now)
    assert not any(often.note(WIDE) for _ in range(OFTEN - 1))
    now = WITHIN_S + 1
    assert not any(often.note(WIDE) for _ in range(OFTEN - 1))
    assert often.note(WIDE)
