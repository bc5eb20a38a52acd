from __future__ import annotations

import pytest

from pricing.live.remembered import Answer, Freshness, PriceBelief, Result, Thing, updated

HOUR = 3_600_000_000_000
START = 1_795_000_000_000_000_000
RULE = Freshness(fresh=24 * HOUR, stale=240 * HOUR, nothing=2 * HOUR)
NIKE = Thing("nike", "sneakers")


def answer(amount: int | None, hour: float = 0) -> Answer:
    result = Result.NOTHING if amount is None else Result.PRICED
    return Answer(NIKE, START + int(hour * HOUR), result, *[amount or 0] * 3, "EUR", "live")


def told(*answers: Answer) -> PriceBelief:
    known = None
    for one in answers:
        known = updated(known, one)
    assert known
    return known


@pytest.mark.parametrize(
    ("answers", "hour", "expected"),
    [
        ([answer(100)], 0, (100, False, False)),
        ([answer(100)], 23.9, (100, False, False)),
        ([answer(100)], 24, (100, True, True)),
        ([answer(100)], 240, (None, None, True)),
        ([answer(None)], 1, (None, None, False)),
        ([answer(None)], 2, (None, None, True)),
        ([answer(100), answer(None, 1)], 2, (100, True, False)),
        ([answer(100), answer(None, 1)], 3, (100, True, True)),
        ([answer(100), answer(150, 1)], 2, (150, False, False)),
        ([answer(100), answer(5000, 1)], 2, (100, True, True)),
        ([answer(100), answer(5000, 1), answer(4000, 2)], 2, (4000, False, False)),
        ([answer(100), answer(5000, 1), answer(110, 2)], 2, (110, False, False)),
        ([answer(100), answer(1, 1)], 2, (100, True, True)),
        ([answer(100)], -5, (100, False, True)),
    ],
)
def test_belief(answers: list[Answer], hour: float, expected: tuple[object, ...]) -> None:
    known, now = told(*answers), START + int(hour * HOUR)
    price = known.price_at(now, RULE)
    assert (price and price.amount_minor, price and price.stale, known.needs_lookup(now, RULE)) == expected


def test_a_price_has_its_day_and_source() -> None:
    price = told(answer(100)).price
    assert price
    assert (str(price.as_of), price.source) == ("2026-11-18", "live")
