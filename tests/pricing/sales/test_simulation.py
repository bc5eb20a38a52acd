from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from pricing.errors import BadInput
from pricing.sales.simulation import (
    BY_OFFER,
    DayResult,
    Shift,
    ShopModel,
    Way,
    bound,
    draw_day,
    mean,
    play,
    simulate,
)

QUIET = replace(ShopModel(), arrivals=(0.5,) * 10, patience_mean_s=1e6)


def test_a_seed_plays_the_same_days_in_whatever_parts() -> None:
    whole = simulate(ShopModel(), range(4), 7)
    parts = simulate(ShopModel(), range(2), 7), simulate(ShopModel(), range(2, 4), 7)
    assert whole.bounds == parts[0].bounds + parts[1].bounds
    for way in Way:
        assert whole.days[way] == parts[0].days[way] + parts[1].days[way]


@pytest.mark.parametrize("seed", range(6))
def test_what_comes_is_attended_or_lost_and_nothing_beats_the_bound(seed: int) -> None:
    visitors = draw_day(ShopModel(), Random(seed))
    best = bound(ShopModel(), visitors)
    best_seen = bound(ShopModel(), visitors, lambda v: v.seen, ShopModel().accept_s)
    assert 0 < best_seen < best
    for way in Way:
        day = play(ShopModel(), visitors, way, Random(seed))
        assert day.attended + day.lost == pytest.approx(day.came)
        assert day.came == pytest.approx(sum(v.value for v in visitors))
        assert 0 <= day.soon <= min(day.attended, best) + 1e-6
        assert 0 <= day.idle_share <= 1
        if way in BY_OFFER:
            assert 0 <= day.soon_seen <= min(day.soon, best_seen) + 1e-6


def test_in_a_quiet_shop_everybody_is_attended_in_every_way() -> None:
    found = simulate(QUIET, range(5), 1)
    for way in (Way.VALUE, Way.TURN, Way.FIRST_COME, Way.RANDOM):
        assert all(day.served == day.visitors for day in found.days[way])
    assert sum(found.bounds) == pytest.approx(sum(day.came for day in found.days[Way.VALUE]))


def test_value_first_attends_more_value_where_many_wait() -> None:
    found = simulate(
        ShopModel(), range(60), 3, ways=(Way.VALUE, Way.RESERVE, Way.FIRST_COME), with_bound=False
    )

    def soon(day: DayResult) -> float:
        return day.soon

    first = mean(found.days[Way.FIRST_COME], soon)
    assert mean(found.days[Way.VALUE], soon) > first
    assert mean(found.days[Way.RESERVE], soon) > 1.2 * first


def test_one_more_salesperson_attends_more() -> None:
    more = replace(ShopModel(), shifts=(*ShopModel().shifts, Shift(16, 19)))
    days = [
        simulate(model, range(20), 2, ways=(Way.VALUE,), with_bound=False) for model in (ShopModel(), more)
    ]
    few, many = (mean(found.days[Way.VALUE], lambda day: day.soon) for found in days)
    assert many > few


@pytest.mark.parametrize("shift", [Shift(19, 16), Shift(10, 25), Shift(-1, 5)])
def test_shifts_that_cannot_be_are_refused(shift: Shift) -> None:
    with pytest.raises(BadInput, match="a shift begins before it ends"):
        ShopModel(shifts=(shift,))
