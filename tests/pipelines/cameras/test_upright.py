"""A camera that hangs turned is noticed, once, until people walk upright in it; an upright one is not."""

from __future__ import annotations

from itertools import product
from math import cos, radians, sin

import pytest

from pipelines.cameras.upright import (
    AGAIN,
    ENOUGH,
    LOST_NS,
    ON_SIDE,
    PEOPLE,
    UPRIGHT_AGAIN,
    UPSIDE_DOWN,
    Finding,
    UprightWatch,
)
from probes.frame import Box, Detection, Frame, Kind, TrackId

STANDING, LYING = Box(100, 100, 60, 200), Box(100, 100, 200, 60)


def frame(person: Box, face: Box | None = None, camera: str = "door", sure: float = 0.9) -> Frame:
    found = [Detection(Kind.PERSON, "person", 0.9, person)]
    if face is not None:
        found.append(Detection(Kind.FACE, "face", sure, face))
    return Frame(camera, 0, (640, 480), tuple(found))


@pytest.mark.parametrize(
    ("seen", "advice"),
    [
        (frame(STANDING, Box(115, 105, 30, 30)), None),
        (frame(STANDING, Box(115, 265, 30, 30)), UPSIDE_DOWN),
        (frame(STANDING, Box(115, 265, 30, 30), sure=0.3), None),
        (frame(STANDING, Box(400, 265, 30, 30)), None),
        (frame(LYING), ON_SIDE),
        (frame(LYING, Box(105, 115, 30, 30)), ON_SIDE),
        (frame(LYING, Box(185, 105, 30, 30)), None),  # behind a counter
        (frame(Box(100, 418, 200, 60)), None),  # cut off by the lower edge
        (frame(STANDING), None),
    ],
)
def test_what_is_told_of_a_camera(seen: Frame, advice: str | None) -> None:
    watch = UprightWatch()
    told = [watch.add(seen) for _ in range(20 * ENOUGH)]
    assert told[: ENOUGH - 1] == [None] * (ENOUGH - 1)
    assert [line for line in told if line] == ([Finding(advice)] if advice else [])


def test_each_camera_is_judged_alone_and_a_few_who_lie_are_not_the_camera() -> None:
    watch = UprightWatch()
    for number in range(4 * ENOUGH):
        assert watch.add(frame(LYING if number % 2 else STANDING)) is None
        told = watch.add(frame(LYING, camera="till"))
        assert (told == Finding(ON_SIDE)) is (number == ENOUGH - 1)


STEPS = 60
"""Frames of one person who walks through the picture, and then is gone."""


def walks(number: int, size: tuple[int, int], top: int = 100, face_at: float | None = None) -> Frame:
    """The n-th frame of people of this size, who walk one after the other: to the right, or down."""
    who, step = divmod(number, STEPS)
    w, h = size
    box = Box(230 + 2 * step, top, w, h) if w < h else Box(320 - w / 2, top - 80 + 2 * step, w, h)
    found = [Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", who))]
    if face_at is not None:
        place = Box(box.x + 10, box.y + face_at * box.h - 5, 10, 10)
        found.append(Detection(Kind.FACE, "face", 0.9, place))
    return Frame("door", number * 40_000_000, (640, 480), tuple(found))


ON_SIDE_WALKS = {"size": (120, 40), "top": 90}
ON_HEAD_WALKS = {"size": (60, 120), "face_at": 0.9}
STANDS = Detection(Kind.PERSON, "person", 0.9, STANDING, TrackId("door", "k7f3", 900))
MANNEQUIN = Detection(Kind.PERSON, "person", 0.9, LYING, TrackId("door", "k7f3", 901))


@pytest.mark.parametrize(("seen", "advice"), [(ON_SIDE_WALKS, ON_SIDE), (ON_HEAD_WALKS, UPSIDE_DOWN)])
@pytest.mark.parametrize("people", [PEOPLE - 1, PEOPLE + 1])
def test_it_is_sure_by_several_people_who_walk(seen, advice: str, people: int) -> None:
    watch = UprightWatch()
    told = [watch.add(walks(number, **seen)) for number in range(people * STEPS)]
    expected = [Finding(advice), Finding(advice, is_sure=True)]
    assert [found for found in told if found] == expected[: 1 + (people >= PEOPLE)]


@pytest.mark.parametrize(
    "seen",
    [
        lambda number: frame(LYING),  # no track
        lambda number: Frame("door", 0, (640, 480), (MANNEQUIN,)),  # or who lies on a sofa, kneels, bends
        lambda number: walks(number, (70, 45), top=90),  # head and chest over a counter
        lambda number: walks(number, (120, 40), top=320),  # beside or below of where the camera hangs
        lambda number: walks(number, (60, 120), top=300, face_at=0.9),
        lambda number: walks(number, (60, 80), face_at=0.7),  # almost below a camera at the ceiling
        lambda number: walks(number, (60, 120), face_at=0.9 if number // STEPS % 2 else 0.1),
    ],
)
def test_what_is_not_sure(seen) -> None:
    watch = UprightWatch()
    found = [watch.add(seen(number)) for number in range(20 * STEPS)]
    assert not any(one.is_sure for one in found if one)


def from_ceiling(
    at: tuple[float, float], heading: float, tilt: float, high: float = 2.8, focal: float = 320
) -> Box:
    """The box in 640 x 480 of a grown person, who stands in metres from below a camera, metres high."""
    c, s, points = cos(radians(tilt)), sin(radians(tilt)), []
    for side, deep, (z, share) in product((-0.25, 0.25), (-0.15, 0.15), ((0, 0.8), (1.4, 1), (1.75, 0.4))):
        x = at[0] + share * (side * cos(heading) - deep * sin(heading))
        y = at[1] + share * (side * sin(heading) + deep * cos(heading))
        far = max(0.2, y * c - (z - high) * s)
        points.append((320 + focal * x / far, 240 - focal * (y * s + (z - high) * c) / far))
    left, right = (min(640.0, max(0.0, end(x for x, _ in points))) for end in (min, max))
    top, bottom = (min(480.0, max(0.0, end(y for _, y in points))) for end in (min, max))
    return Box(left, top, right - left, bottom - top)


@pytest.mark.parametrize("tilt", [30, 50, 70, 80, 90])
@pytest.mark.parametrize("way", [0, 45, 90, 135])
def test_a_good_camera_at_the_ceiling_is_never_sure_to_be_turned(tilt: float, way: float) -> None:
    """From straight above people are wider than high; whichever way they walk."""
    watch, found, angle = UprightWatch(), [], radians(way)
    for who, step in product(range(12), range(60)):
        off, along = (who % 5 - 2) / 2, (step - 30) / 12
        middle = 2.8 * cos(radians(tilt)) / sin(radians(tilt))
        at = along * cos(angle) - off * sin(angle), middle + along * sin(angle) + off * cos(angle)
        box = from_ceiling(at, angle - radians(90), tilt)
        if min(box.w, box.h) < 10:
            continue
        seen = Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", who))
        found.append(watch.add(Frame("door", (60 * who + step) * 80_000_000, (640, 480), (seen,))))
    assert len(found) > 10 * ENOUGH
    assert not any(one.is_sure for one in found if one)
    if (tilt, way) == (90, 90):
        assert Finding(ON_SIDE) in found, "as an advice alone it would have been wrong"


def on_the_way(number: int, long: float, grows: float, down: float, face_at: float = 0.9) -> Frame:
    """The n-th frame of people below the middle, `long` times as high as wide, who go across and down."""
    who, step = divmod(number, STEPS)
    height = 100 + grows * step
    box = Box(100 + 4 * step, 300 + down * step - height / 2, height / long, height)
    face = Box(box.x + 10, box.y + face_at * height - 5, 10, 10)
    seen = Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", who))
    return Frame("door", number * 40_000_000, (640, 480), (seen, Detection(Kind.FACE, "face", 0.9, face)))


@pytest.mark.parametrize(
    ("seen", "is_sure"),
    [
        ({"long": 2.5, "grows": -0.5, "down": 1}, True),  # away from a camera upside down
        ({"long": 2.5, "grows": 0.5, "down": -1}, True),  # or towards it
        ({"long": 2.1, "grows": -0.5, "down": 1}, False),
        ({"long": 2.5, "grows": 0.5, "down": 1}, False),  # below a camera that looks straight down
        ({"long": 2.5, "grows": -0.5, "down": -1}, False),
        ({"long": 2.5, "grows": 0.5, "down": 0}, False),  # it is not known where far is
        ({"long": 2.5, "grows": -0.5, "down": 1, "face_at": 0.1}, False),
    ],
)
def test_people_on_their_heads_count_below_the_middle_where_far_is_below(seen, is_sure: bool) -> None:
    watch = UprightWatch()
    found = [watch.add(on_the_way(number, **seen)) for number in range(2 * PEOPLE * STEPS)]
    assert any(one.is_sure for one in found if one) == is_sure


def test_one_down_there_who_is_cut_off_by_an_edge_tells_nothing() -> None:
    watch, found = UprightWatch(), []
    for who, step in product(range(2 * PEOPLE), range(STEPS)):
        box = Box(100 + 4 * step, 380 - step, 30, 100 + step)
        face = Box(box.x + 10, box.bottom - 10, 8, 8)
        seen = Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", who))
        both = seen, Detection(Kind.FACE, "face", 0.9, face)
        found.append(watch.add(Frame("door", (who * STEPS + step) * 40_000_000, (640, 480), both)))
    assert not any(one.is_sure for one in found if one)


def through(high: float, tilt: float, focal: float, nearest: float, *, is_turned: bool) -> list[Finding]:
    """What is surely found of people with faces, who walk any way. nearest: metres from below the camera."""
    watch, found = UprightWatch(), []
    for who, step in product(range(40), range(60)):
        angle, off = radians(22.5 * who), (who % 5 - 2) * 0.6
        along = (step - 30) / 12
        at = (
            along * cos(angle) - off * sin(angle),
            nearest + 2.5 + along * sin(angle) + off * cos(angle),
        )
        box = from_ceiling(at, angle - radians(90), tilt, high, focal)
        if min(box.w, box.h) < 10:
            continue
        if is_turned:
            box = Box(640 - box.right, 480 - box.bottom, box.w, box.h)
        is_low = is_turned != (at[1] < 0)
        face = Box(box.centre[0] - 4, box.y + (0.9 if is_low else 0.1) * box.h - 4, 8, 8)
        seen = Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", who))
        both = seen, Detection(Kind.FACE, "face", 0.9, face)
        found.append(watch.add(Frame("door", (60 * who + step) * 80_000_000, (640, 480), both)))
    assert len(found) > 10 * ENOUGH
    return [one for one in found if one and one.is_sure]


@pytest.mark.parametrize("tilt", [15, 25, 35, 50])
def test_a_camera_that_hangs_upside_down_is_sure(tilt: float) -> None:
    assert through(2.8, tilt, 320, 2.5, is_turned=True) == [Finding(UPSIDE_DOWN, is_sure=True)]
    assert not through(2.8, tilt, 320, 2.5, is_turned=False)


@pytest.mark.parametrize(("high", "focal"), [(2.8, 320), (4, 320), (6, 320), (2.8, 185), (4, 185), (6, 185)])
def test_a_camera_that_looks_straight_down_on_people_in_the_lower_part_is_not_sure(
    high: float, focal: float
) -> None:
    """They have their heads below; through a wide lens, or from high up, they look as long as slim people."""
    assert not through(high, 90, focal, -4.5, is_turned=False)


@pytest.mark.parametrize(("beside", "is_sure"), [(0.0, True), (1.4, True), (1.6, False)])
def test_who_lies_counts_above_the_middle_and_not_far_beside_it(beside: float, is_sure: bool) -> None:
    watch, found = UprightWatch(), []
    for who, step in product(range(2 * PEOPLE), range(STEPS)):
        above = 60 + 2 * step
        box = Box(320 + beside * above - 60, 240 - above - 20, 120, 40)
        seen = Detection(Kind.PERSON, "person", 0.9, box, TrackId("door", "k7f3", who))
        at = (who * STEPS + step) * 40_000_000
        found.append(watch.add(Frame("door", at, (640, 480), (seen,))))
    assert any(one.is_sure for one in found if one) == is_sure


def sure(seen) -> tuple[UprightWatch, int]:
    """Return a watch that is sure, and the number of the next frame."""
    watch = UprightWatch()
    for number in range(10 * STEPS):
        if (found := watch.add(walks(number, **seen))) and found.is_sure:
            return watch, (number // STEPS + 1) * STEPS
    raise AssertionError("never sure")


@pytest.mark.parametrize(
    ("turned", "upright"),
    [(ON_SIDE_WALKS, {"size": (60, 200)}), (ON_HEAD_WALKS, {"size": (60, 200), "face_at": 0.1})],
)
def test_it_is_taken_back_once_people_walk_upright(turned, upright) -> None:
    watch, first = sure(turned)
    told = []
    for number in range(first, first + 20 * STEPS):
        seen = walks(number, **upright)
        told.append(watch.add(Frame("door", seen.captured_at, seen.size, (MANNEQUIN, *seen.detections))))
    assert told[: AGAIN - 1] == [None] * (AGAIN - 1)
    assert [found for found in told if found] == [Finding(UPRIGHT_AGAIN)]
    again = [watch.add(walks(number, **turned)) for number in range(number + STEPS, number + 40 * STEPS)]
    assert any(found and found.is_sure for found in again), "it may hang turned later"


@pytest.mark.parametrize(
    "seen",
    [
        lambda number: Frame("door", number * LOST_NS, (640, 480), (STANDS,)),
        lambda number: walks(number % STEPS, (60, 200)),  # one alone
        lambda number: walks(number, **ON_SIDE_WALKS),
        lambda number: walks(number, (60, 50)),
        lambda number: walks(number, (60, 200) if number // STEPS % 2 else (200, 60)),
        lambda number: frame(STANDING),
    ],
)
def test_it_is_not_taken_back_for_who_does_not_walk_upright(seen) -> None:
    watch, first = sure(ON_SIDE_WALKS)
    assert {watch.add(seen(number)) for number in range(first, first + 20 * STEPS)} == {None}
