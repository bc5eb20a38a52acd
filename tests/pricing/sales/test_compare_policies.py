"""The figures of docs/insights.md: what is left of the clairvoyant bound without its knowledge."""

from __future__ import annotations

from random import Random
from statistics import mean

import pytest

from pricing.sales.simulation import ShopModel, draw_day
from tests.pricing.sales.compare_policies import Thresholds, bounds, compare, mean_unseen, policies

MODEL = ShopModel()
DAYS = [draw_day(MODEL, Random(f"9 {day}")) for day in range(40)]


def test_each_kind_of_knowledge_is_worth_something_and_no_policy_beats_who_has_more():
    limits = [bounds(MODEL, day) for day in DAYS]
    means = [mean(day[name] for day in limits) for name in limits[0]]
    assert means == sorted(means, reverse=True)
    thresholds = Thresholds(MODEL)
    played = [policies(MODEL, day, thresholds, str(n)) for n, day in enumerate(DAYS)]
    assert all(mean(one[name].soon for one in played) < means[-1] for name in played[0])


def test_the_fewer_are_free_the_more_a_customer_must_be_worth_and_in_the_evening_nothing():
    thresholds = Thresholds(MODEL)
    noon = [thresholds.least(12 * 3600, free) for free in (3, 2, 1)]
    assert 0 < noon[0] < noon[1] < noon[2]
    assert thresholds.least(20 * 3600 - 1, 1) == 0


def test_the_mean_of_who_is_not_recognised_is_that_of_the_days_drawn():
    unseen = [v.value for seed in range(200) for v in draw_day(MODEL, Random(f"7 {seed}")) if not v.seen]
    assert mean(unseen) == pytest.approx(mean_unseen(MODEL), rel=0.05)


def test_the_table_has_a_row_for_each_bound_and_policy():
    assert [len(row.split("|")) for row in compare(MODEL, 2, 1)] == [7] * 12
