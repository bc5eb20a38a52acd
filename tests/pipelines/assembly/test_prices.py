from __future__ import annotations

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from pipelines.assembly.prices import budget_day
from pipelines.clock import SECOND, StoreClock

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600 * SECOND


def _ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=timezone.utc).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("began", "to", "day_at_once", "day_later"),
    [
        ((2026, 11, 27, 12), (2099, 1, 1, 12), date(2026, 11, 27), date(2099, 1, 1)),
        ((2026, 11, 27, 12), (2026, 11, 28, 12), date(2026, 11, 27), date(2026, 11, 28)),
        ((2026, 11, 27, 12), (2026, 11, 26, 12), date(2026, 11, 26), date(2026, 11, 26)),
        ((1970, 1, 1, 0), (2026, 11, 27, 12), date(2026, 11, 27), date(2026, 11, 27)),
        ((2026, 11, 27, 23), (2026, 11, 27, 23), date(2026, 11, 28), date(2026, 11, 28)),
    ],
    ids=["a wrong year", "a day ahead", "back", "no battery", "midnight of the store"],
)
def test_a_wrong_day_has_no_budget_of_its_own_at_once(began, to, day_at_once, day_later):
    wall, steady = _ns(*began), 0
    clock = StoreClock(lambda: wall, lambda: steady)
    wall = _ns(*to)
    clock.check()
    assert budget_day(clock.utc_now(), clock.counted_now(), BERLIN) == day_at_once
    steady, wall = steady + HOUR, wall + HOUR
    assert budget_day(clock.utc_now(), clock.counted_now(), BERLIN) == day_later


@pytest.mark.parametrize("away_days", [1, 3])
def test_a_box_that_was_off_begins_the_new_day_at_once(away_days: int) -> None:
    seen = _ns(2026, 11, 27, 20)
    wall = seen + (24 * away_days - 10) * HOUR
    clock = StoreClock(lambda: wall, lambda: 0)
    clock.go_on(seen, [])
    assert clock.expiry_now() == seen
    assert budget_day(clock.utc_now(), clock.counted_now(), BERLIN) == date(2026, 11, 27 + away_days)
