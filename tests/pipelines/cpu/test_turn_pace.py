"""Looks at turned pictures take a share of the time, and each camera's come in their turn."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cpu.camera_turn import EVERY_NS, UNSURE_NS
from pipelines.cpu.turn_pace import HANDED_ON_S, MAX_PAUSE_S, SHARE, TurnPace
from tests.pipelines.cpu.test_camera_turn import NOBODY, Shop, picture


class Loop:
    """The thread that looks at frames, camera after camera; its clock moves by what things take."""

    def __init__(self) -> None:
        self.now, self.looks, self.looked_s = 0.0, Counter[str](), 0.0
        self.pace = TurnPace(lambda: self.now)

    def frame(self, camera: str, look_s: float, frame_s: float = 0.1) -> None:
        """One frame of a camera whose look is due."""
        self.now += frame_s
        if self.pace.may_look(camera):
            with self.pace.look(camera):
                self.now += look_s
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
        with loop.pace.look(str(number)):
            loop.now += 2.0
    loop.now += MAX_PAUSE_S
    assert loop.pace.may_look("0")


def test_a_camera_that_is_gone_holds_nobody_up_twice() -> None:
    loop = Loop()
    with loop.pace.look("door"):
        loop.now += 1
    for camera in ("gone", "door", "till"):
        assert not loop.pace.may_look(camera)
        loop.now += 0.1
    loop.now += 1 / SHARE - 1
    assert not loop.pace.may_look("door"), "the one that waits longest is next"
    loop.now += HANDED_ON_S
    assert loop.pace.may_look("door")
    with loop.pace.look("door"):
        loop.now += 1
    loop.now += 1 / SHARE - 1
    assert loop.pace.may_look("till")


@pytest.mark.parametrize(("cameras", "looks"), [(1, 4), (16, 4)])
def test_cameras_share_the_looks_that_are_due(cameras: int, looks: int) -> None:
    """A first look waits for none; a later one does, however many cameras are due."""
    now = 0.0

    class Slow(Shop):
        def detect(self, *args: object) -> object:  # type: ignore[override]
            nonlocal now
            now += 0.25
            return super().detect(*args)  # type: ignore[arg-type]

    shop, pace = Slow(height=1), TurnPace(lambda: now)
    turns = [shop.turn(pace=pace) for _ in range(cameras)]
    for turn in turns:
        turn.masks(picture(), 0, NOBODY)
    first = shop.looks
    assert first == 3 * cameras
    begun, at = now, 0
    while now - begun < looks * 0.75 / SHARE:
        at += UNSURE_NS
        now += 0.1 * cameras
        for number, turn in enumerate(turns):
            turn.masks(picture(40 + 9 * (at // UNSURE_NS % 2)), at + number, NOBODY)
    assert at < EVERY_NS
    assert shop.looks - first <= 3 * (looks + 1)
