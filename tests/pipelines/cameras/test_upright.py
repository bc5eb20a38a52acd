"""A camera that hangs turned is noticed, once; an upright one is not."""

from __future__ import annotations

import pytest

from pipelines.cameras.upright import ENOUGH, ON_SIDE, UPSIDE_DOWN, UprightWatch
from probes.frame import Box, Detection, Frame, Kind

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
        (frame(STANDING), None),
    ],
)
def test_what_is_told_of_a_camera(seen: Frame, advice: str | None) -> None:
    watch = UprightWatch()
    told = [watch.add(seen) for _ in range(20 * ENOUGH)]
    assert told[: ENOUGH - 1] == [None] * (ENOUGH - 1)
    assert [line for line in told if line] == ([advice] if advice else [])


def test_each_camera_is_judged_alone_and_a_few_who_lie_are_not_the_camera() -> None:
    watch = UprightWatch()
    for number in range(4 * ENOUGH):
        assert watch.add(frame(LYING if number % 2 else STANDING)) is None
        told = watch.add(frame(LYING, camera="till"))
        assert (told == ON_SIDE) is (number == ENOUGH - 1)
