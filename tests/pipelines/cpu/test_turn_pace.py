"""Looks at turned pictures take a share of the time, and each camera's come in their turn."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.errors import InferenceFailed
from pipelines.cpu.camera_turn import CameraTurn
from pipelines.cpu.turn_pace import HANDED_ON_S, MAX_PAUSE_S, SHARE, TurnPace
from pipelines.cpu.turned import FINE_NS
from pipelines.settings.privacy import FacesConfig
from probes.redaction.redact import RedactionFailed
from tests.pipelines.cpu.test_camera_turn import NOBODY, Shop, picture


class Loop:
    """The thread that looks at frames, camera after camera; its clock moves by what things take."""

    def __init__(self) -> None:
        self.now, self.looks, self.looked_s = 0.0, Counter[str](), 0.0
        self.pace = TurnPace(lambda: self.now)

    def look(self, camera: str, look_s: float) -> None:
        began = self.now
        self.now += look_s
        self.pace.end(camera, began)

    def frame(self, camera: str, look_s: float, frame_s: float = 0.1) -> None:
        """One frame of a camera whose look is due."""
        self.now += frame_s
        if self.pace.may_look(camera):
            self.look(camera, look_s)
            self.looks[camera] += 1
            self.looked_s += look_s


@given(cameras=st.integers(1, 40), look_s=st.floats(0.02, 2), frame_s=st.floats(0.02, 0.5))
def test_looks_take_their_share_and_every_camera_has_as_many(
    cameras: int, look_s: float, frame_s: float
) -> None:
    loop = Loop()
    rounds = 60
    for number in range(rounds * cameras):
        loop.frame(str(number % cameras), look_s, frame_s)
    assert loop.looked_s <= SHARE * loop.now + look_s
    looks = [loop.looks[str(one)] for one in range(cameras)]
    if cameras * frame_s < HANDED_ON_S:  # each is asked before its turn is handed on
        assert max(looks) - min(looks) <= 1


def test_first_looks_at_many_cameras_are_not_paid_for_for_minutes() -> None:
    loop = Loop()
    for number in range(16):
        loop.look(str(number), 2.0)
    loop.now += MAX_PAUSE_S
    assert loop.pace.may_look("0")


def test_a_camera_that_is_gone_holds_nobody_up_twice() -> None:
    loop = Loop()
    loop.look("door", 1)
    for camera in ("gone", "door", "till"):
        assert not loop.pace.may_look(camera)
        loop.now += 0.1
    loop.now += 1 / SHARE - 1
    assert not loop.pace.may_look("door"), "the one that waits longest is next"
    loop.now += HANDED_ON_S
    assert loop.pace.may_look("door")
    loop.look("door", 1)
    loop.now += 1 / SHARE - 1
    assert loop.pace.may_look("till")


class Clock:
    """Stands but for searches, each of which takes `look_s`."""

    def __init__(self, look_s: float) -> None:
        self.now, self.look_s = 0.0, look_s

    def __call__(self) -> float:
        return self.now


class Slow(Shop):
    """Takes its time."""

    def __init__(self, clock: Clock, **more: float) -> None:
        super().__init__(**more)  # type: ignore[arg-type]
        self.clock = clock

    def detect(self, *args: object) -> object:  # type: ignore[override]
        self.clock.now += self.clock.look_s
        return super().detect(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("cameras", [1, 16])
def test_cameras_share_the_time_for_looks_at_small_people(cameras: int) -> None:
    """A first look waits for none, and those for large people do not; by its clock each frame is due."""
    clock = Clock(look_s=0.25)
    shop, pace = Slow(clock, height=1), TurnPace(clock)
    turns, rounds = [shop.turn(pace=pace) for _ in range(cameras)], 10
    for turn in turns:
        turn.masks(picture(), 0, NOBODY)
    assert shop.fine == shop.looks == 3 * cameras
    begun = clock.now
    for number in range(1, rounds + 1):
        clock.now += 0.1
        for turn in turns:
            turn.masks(picture(40 + 9 * (number % 2)), number * FINE_NS, NOBODY)
    assert shop.looks == 3 * cameras * (rounds + 1)
    look_s = 6 * 0.25
    assert 0 < (shop.fine / 3 - cameras) * look_s <= SHARE * (clock.now - begun) + look_s


def test_a_look_that_fails_takes_its_time_and_gives_its_turn_away() -> None:
    clock = Clock(look_s=1.0)
    shop, pace = Slow(clock), TurnPace(clock)
    shop.error = InferenceFailed("the device is gone")
    with pytest.raises(RedactionFailed):
        shop.turn(pace=pace).masks(picture(), 0, NOBODY)
    assert not pace.may_look("till")
    clock.now += MAX_PAUSE_S
    assert pace.may_look("till"), "the one that failed is not waited for"


def test_a_camera_keeps_its_turn_through_looks_for_large_people() -> None:
    clock = Clock(look_s=0.05)
    pace = TurnPace(clock)
    shops = [Slow(clock, height=1) for _ in range(4)]
    turns = [
        CameraTurn(str(n), shop, FacesConfig(), min_person_px=80, pace=pace) for n, shop in enumerate(shops)
    ]
    for number in range(11):
        for turn in turns:
            clock.now += 0.05
            turn.masks(picture(40 + 9 * (number % 2)), number * FINE_NS, NOBODY)
    fine = [shop.fine // 3 for shop in shops]
    assert max(fine) - min(fine) <= 1
    assert max(fine) > 1
