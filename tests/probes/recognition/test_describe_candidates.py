from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from probes.frame import Box, Detection, Frame, Kind
from probes.recognition.describe_candidates import AskLimits, DescribeCandidates
from tests.fakes.people import frame, person, track, value

if TYPE_CHECKING:
    from pricing.value import PersonValue

LIMITS = AskLimits(per_person=2, after_ms=3000, apart_ms=1500)
NOTHING = value()
ME = person(1)


def asked(candidates: DescribeCandidates, seen: Frame, worth: PersonValue = NOTHING) -> list[int]:
    """Show a frame, ask about everyone found, and return their numbers."""
    values = {p.track: worth for p in seen.of(Kind.PERSON) if p.track}
    found = [track_ for track_, _ in candidates.select(seen, values)]
    for one in found:
        candidates.record(one, seen.captured_at)
    return [one.number for one in found]


def test_a_person_is_asked_about_after_a_while_apart_and_a_few_times() -> None:
    candidates = DescribeCandidates(LIMITS)
    times = [at / 10 for at in range(100) if asked(candidates, frame(at / 10, ME))]
    assert times == [3.0, 4.5]


@pytest.mark.parametrize(
    ("worth", "wanted"),
    [
        (NOTHING, True),
        (value(100), False),
        (value(100, None, brand=""), False),
        (value(None, brand="x"), False),
    ],
)
def test_only_who_shows_no_brand_is_asked_about(worth: PersonValue, wanted: bool) -> None:
    candidates = DescribeCandidates(LIMITS)
    asked(candidates, frame(0, ME))
    assert bool(asked(candidates, frame(4, ME), worth)) is wanted


def test_one_item_without_a_brand_is_reason_enough() -> None:
    worth = value(100, None)
    items = (worth.items[0], replace(worth.items[1], brand=None))
    candidates = DescribeCandidates(LIMITS)
    asked(candidates, frame(0, ME))
    assert asked(candidates, frame(4, ME), replace(worth, items=items)) == [1]


@pytest.mark.parametrize(
    "people",
    [
        [person(None)],
        [ME._replace(box=Box(100, 50, 40, 119))],
        [ME, person(None, x=140)],
        [ME, person(2, x=120)],
    ],
    ids=["unconfirmed", "far", "half hidden by a passer-by", "in a crowd"],
)
def test_who_is_not_seen_well_is_not_asked_about(people: list[Detection]) -> None:
    candidates = DescribeCandidates(LIMITS)
    asked(candidates, frame(0, *people))
    assert asked(candidates, frame(4, *people)) == []


def test_staff_is_not_asked_about() -> None:
    candidates = DescribeCandidates(LIMITS)
    for at in (0, 4):
        assert candidates.select(frame(at, ME), {}) == []


def test_the_fewest_times_asked_come_first() -> None:
    candidates = DescribeCandidates(LIMITS)
    other = person(2, x=400)
    asked(candidates, frame(0, ME, other))
    candidates.record(track(1), frame(1).captured_at)
    assert asked(candidates, frame(4, ME, other)) == [2, 1]


def test_people_long_gone_are_forgotten() -> None:
    candidates = DescribeCandidates(LIMITS)
    asked(candidates, frame(0, ME))
    asked(candidates, frame(200, person(2)))
    assert len(candidates) == 1
