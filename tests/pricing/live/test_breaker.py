from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.live.breaker import LONGEST_PAUSE_S, Breaker, BreakerState, Budget, pause_s

NOW = 1_795_000_000.0


def breaker() -> Breaker:
    return Breaker(lambda: 0.5, failures=3, first_s=10, max_s=60)


def test_it_opens_tries_once_and_closes() -> None:
    one = breaker()
    for _ in range(3):
        assert one.admits(0)
        one.fail(0)
    assert not one.admits(9.9)
    assert one.admits(10)
    assert not one.admits(10)
    one.succeed()
    assert one.state is BreakerState.CLOSED
    assert one.admits(10)


def test_each_failed_try_doubles_the_wait_up_to_the_most() -> None:
    one, now, waits = breaker(), 0.0, []
    for _ in range(3):
        one.fail(now)
    for _ in range(5):
        waits.append(one.ready_at - now)
        now = one.ready_at
        assert one.admits(now)
        one.fail(now)
    assert waits == [10, 20, 40, 60, 60]


def test_what_no_try_mends_opens_at_once_for_long() -> None:
    one = breaker()
    one.fail(0, for_good=True)
    assert one.ready_at == 60


def test_successes_between_failures_keep_it_closed() -> None:
    one = breaker()
    for _ in range(10):
        one.fail(0)
        one.fail(0)
        one.succeed()
    assert one.admits(0)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=60))
def test_it_always_admits_again_in_time(steps: list[tuple[bool, float]]) -> None:
    one, now = breaker(), 0.0
    for works, later in steps:
        now += later
        if one.admits(now):
            one.succeed() if works else one.fail(now)
    assert one.admits(now + 60)


def test_a_budget_begins_anew_each_day() -> None:
    budget = Budget(2, lambda day: int(day == date(2026, 11, 22)))
    budget.spend(date(2026, 11, 22))
    assert budget.left(date(2026, 11, 22)) == 0
    assert budget.left(date(2026, 11, 23)) == 2
    budget.spend(date(2026, 11, 23))
    assert budget.left(date(2026, 11, 23)) == 1


def test_a_day_that_comes_again_has_no_new_budget() -> None:
    budget = Budget(2, lambda _: 0)
    today = date(2026, 11, 22)
    budget.spend(today)
    budget.spend(today)
    for wrong in (date(2099, 1, 1), date(1970, 1, 1), date(2026, 11, 23)):
        budget.spend(wrong)
        assert budget.left(today) == 0


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {}, 0),
        (200, {"x-ratelimit-requests-remaining": "5", "x-ratelimit-requests-reset": "99"}, 0),
        (200, {"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": "99"}, 99),
        (429, {"retry-after": "7"}, 7),
        (429, {}, 60),
        (429, {"retry-after": "soon"}, 60),
        (503, {"retry-after": "7"}, 7),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 30)}, 30),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) * 1000 + 30_000)}, 30),
        (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) - 30)}, 0),
        (200, {"ratelimit-remaining": "0", "ratelimit-reset": "2163603"}, LONGEST_PAUSE_S),
        (429, {"retry-after": "-5"}, 60),
        (429, {"retry-after": "9" * 40}, 60),
    ],
)
def test_pauses_that_headers_ask_for(status: int, headers: dict[str, str], seconds: float) -> None:
    assert pause_s(status, headers, NOW) == seconds
