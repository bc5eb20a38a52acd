from __future__ import annotations

from datetime import datetime

import pytest

from pricing.errors import BadInput
from pricing.hours import open_now, parse_hours

# 2026-11-23 is a Monday.


@pytest.mark.parametrize(
    ("text", "when", "holds"),
    [
        ("mon-sat 10:00-20:00", "2026-11-23T10:00", True),
        ("mon-sat 10:00-20:00", "2026-11-23T20:00", False),
        ("Mon-Sat 10:00-20:00", "2026-11-22T12:00", False),
        ("sun 13:00-18:00", "2026-11-22T13:00", True),
        ("10:00-20:00", "2026-11-22T12:00", True),
        ("fri-mon 10:00-20:00", "2026-11-22T12:00", True),
        ("fri-mon 10:00-20:00", "2026-11-24T12:00", False),
        ("fri 22:00-02:00", "2026-11-28T01:59", True),
        ("fri 22:00-02:00", "2026-11-27T01:59", False),
        ("00:00-24:00", "2026-11-27T23:59", True),
    ],
)
def test_hours(text: str, when: str, holds: bool) -> None:
    assert parse_hours(text).hold(datetime.fromisoformat(when)) == holds


@pytest.mark.parametrize(
    "text", ["", "mon", "10-20", "25:00-26:00", "10:61-11:00", "son 10:00-11:00", "24:00-01:00"]
)
def test_what_is_no_span_of_hours_is_told_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="mon-sat 10:00-20:00"):
        parse_hours(text)


def test_without_hours_it_is_always_open() -> None:
    assert open_now((), datetime(2026, 11, 22, 3))  # noqa: DTZ001 local time of the store
    assert not open_now([parse_hours("10:00-11:00")], datetime(2026, 11, 22, 3))  # noqa: DTZ001
