from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.answers import Mark
from probes.frame import Box, TrackId
from probes.people.background_marks import MAX_PLACES, MAX_TRACKS, BackgroundFilter, MarkVerdict

MS = 1_000_000
WORN, SHOP = MarkVerdict.WORN, MarkVerdict.SCENERY


def ann(number: int = 1) -> TrackId:
    return TrackId("c", "s", number)


def body(x: float, y: float = 100) -> Box:
    return Box(x, y, 100, 300)


def mark(x: float, y: float = 200, size: float = 20, brand: str = "nike") -> Mark:
    return Mark(brand, 0.9, Box(x - size / 2, y - size / 2, size, size))


class Told:
    """A camera's scenery, and what it says of one look after the other."""

    def __init__(self) -> None:
        self.scenery, self.at = BackgroundFilter(), 0
        self.withdrawn: list[str] = []

    def see(
        self, bodies: list[Box], marks: list[Mark], track: TrackId | None = None, slot: str | None = "top"
    ) -> list[MarkVerdict]:
        found = []
        for box, seen in zip(bodies, marks, strict=True):
            self.at += 400 * MS
            verdict, slots = self.scenery.see(track or ann(), seen, box, self.at, slot)
            self.withdrawn += slots
            found.append(verdict)
        return found


STEPS = [0, 40, 80, 120, 160]
WAYS = [
    ("worn, walking", [body(x) for x in STEPS], [mark(x + 50) for x in STEPS], [WORN] * 5),
    ("worn, standing", [body(0)] * 5, [mark(50)] * 5, [WORN] * 5),
    (
        "worn, turning as they walk",
        [body(x) for x in STEPS],
        [mark(x + 70 - 8 * n) for n, x in enumerate(STEPS)],
        [WORN] * 5,
    ),
    ("on the wall behind", [body(x) for x in STEPS], [mark(170)] * 5, [WORN] + [SHOP] * 4),
    ("a slow walk past the wall", [body(x) for x in (0, 12, 24, 36, 48)], [mark(90)] * 5, None),
    ("an arm stretched out", [body(0), *[Box(0, 100, 160, 300)] * 4], [mark(50)] * 5, [WORN] * 5),
    ("knees bent", [body(0), *[Box(0, 180, 100, 220)] * 4], [mark(50, 250)] * 5, [WORN] * 5),
]


@pytest.mark.parametrize(("bodies", "marks", "expected"), [w[1:] for w in WAYS], ids=[w[0] for w in WAYS])
def test_one_person_and_one_mark(
    bodies: list[Box], marks: list[Mark], expected: list[MarkVerdict] | None
) -> None:
    verdicts = Told().see(bodies, marks)
    if expected is None:
        assert verdicts[-1] is SHOP
        assert verdicts.count(WORN) < 4
    else:
        assert verdicts == expected


def test_a_mark_that_turns_out_to_be_scenery_is_withdrawn_from_whom_it_counted_for() -> None:
    """Two tracks were exchanged between the look that counted and the proof."""
    told = Told()
    told.see([body(0)], [mark(170)])
    told.scenery.exchange(ann(1), ann(2))
    told.see([body(x) for x in STEPS[1:]], [mark(170)] * 4, track=ann(2))
    assert told.withdrawn == ["top"]


def test_what_counted_while_the_person_stood_is_withdrawn_when_it_stays_behind() -> None:
    told = Told()
    assert told.see([body(100)] * 6, [mark(170)] * 6) == [WORN] * 6
    assert told.see([body(50)], [mark(170)]) == [SHOP]
    assert told.withdrawn == ["top"]
    told.see([body(20)], [mark(170)])
    assert told.withdrawn == ["top"]


def test_a_sign_is_not_counted_for_those_who_come_later() -> None:
    told = Told()
    told.see([body(x) for x in STEPS], [mark(170)] * 5)
    assert told.see([body(120)] * 5, [mark(171)] * 5, ann(2)) == [SHOP] * 5
    assert told.see([body(x) for x in STEPS], [mark(x + 50) for x in STEPS], ann(3)) == [WORN] * 5
    assert told.see([body(120)] * 2, [mark(171, brand="puma")] * 2, ann(4)) == [WORN] * 2


def test_a_sign_seen_beside_bodies_is_known_before_anybody_stands_there() -> None:
    told = Told()
    told.see([body(200)] * 2, [mark(205, 110)] * 2, slot=None)
    assert told.see([body(150)] * 5, [mark(205, 110)] * 5, ann(2)) == [SHOP] * 5


def test_a_sign_in_front_of_which_several_stand_still_is_the_shop_s_from_the_third_on() -> None:
    told = Told()
    for number, x in enumerate((100, 130, 75)):
        verdicts = told.see([body(x)] * 5, [mark(150)] * 5, ann(number))
    assert verdicts[-1] is SHOP
    assert told.withdrawn == ["top"]
    assert told.see([body(90)] * 3, [mark(150)] * 3, ann(9)) == [SHOP] * 3


def test_people_at_one_spot_who_wear_one_brand_are_not_a_sign() -> None:
    told = Told()
    for number in range(8):
        assert told.see([body(100)] * 5, [mark(150)] * 5, ann(number)) == [WORN] * 5


def test_a_person_keeps_the_brand_that_is_on_the_wall_too() -> None:
    told = Told()
    for x in STEPS:
        told.see([body(x)] * 2, [mark(x + 50), mark(180, 260)])
    assert told.withdrawn == []
    assert told.see([body(200)], [mark(250)]) == [WORN]


def test_memory_is_bounded_and_tracks_are_forgotten() -> None:
    told = Told()
    for number in range(2 * MAX_TRACKS):
        told.see([body(0)] * 4, [mark(50, 10 * number, brand=f"b{number}")] * 4, ann(number))
    assert len(told.scenery) <= MAX_PLACES
    assert len(told.scenery._chains) <= MAX_TRACKS
    told.scenery.forget(ann(number))
    assert ann(number) not in told.scenery._chains


@settings(max_examples=60, deadline=None)
@example(195, 54.0, 25.0, True)
@given(st.integers(0, 10**6), st.floats(12, 60), st.floats(25, 120), st.booleans())
def test_who_walks_keeps_what_is_worn_and_gets_nothing_from_the_wall(
    seed: int, size: float, stride: float, back: bool
) -> None:
    random, told = Random(seed), Told()
    place, wall = random.uniform(20, 80), random.uniform(100, 500)
    xs = [n * stride for n in range(8)]
    worn, shop = [], []
    for x in reversed(xs) if back else xs:
        box = Box(x + random.uniform(-2, 2), 100, 100 + random.uniform(-3, 3), 300)

        def off() -> float:
            return random.uniform(-0.06, 0.06) * size

        worn += told.see([box], [mark(x + place + off(), 200 + off(), size)])
        if box.contains(wall, 250):
            shop += told.see([box], [mark(wall + off(), 250 + off(), size, "puma")])
    assert worn == [WORN] * 8
    assert shop.count(WORN) < 4
