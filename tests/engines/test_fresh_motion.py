"""Somebody who comes in is told from what moves all day."""

from __future__ import annotations

import numpy as np

from engines.fresh_motion import QUIET_NS, SPAN_NS, FreshMotion

STILL = np.full((360, 640), 90, np.uint8)
STEPS = 3 * QUIET_NS // SPAN_NS


def with_block(left: int, top: int, wide: int, high: int, value: int = 200) -> np.ndarray:
    shown = STILL.copy()
    shown[top : top + high, left : left + wide] = value
    return shown


def after_quiet() -> tuple[FreshMotion, int]:
    motion = FreshMotion()
    for step in range(STEPS):
        assert not motion.begins(STILL, step * SPAN_NS, 80)
    return motion, STEPS * SPAN_NS


def test_a_person_who_comes_in_begins_once_and_again_where_nobody_was() -> None:
    motion, at = after_quiet()
    assert motion.begins(with_block(0, 100, 30, 80), at, 80)
    assert not motion.begins(STILL, at + SPAN_NS, 80), "the same place"
    assert motion.begins(with_block(400, 100, 30, 80), at + 2 * SPAN_NS, 80)


def test_who_lies_is_as_large_as_who_stands() -> None:
    motion, at = after_quiet()
    assert motion.begins(with_block(100, 100, 80, 30), at, 80)


def test_small_things_and_the_light_do_not_begin() -> None:
    motion, at = after_quiet()
    assert not motion.begins(with_block(96, 96, 20, 20), at, 80)
    assert not motion.begins(STILL + np.uint8(40), at + SPAN_NS, 80)


def test_what_moves_all_day_does_not_hide_who_comes_elsewhere() -> None:
    motion, shown = FreshMotion(), (STILL, with_block(0, 0, 200, 200))
    at = 0
    for step in range(STEPS):
        at = step * SPAN_NS
        assert not motion.begins(shown[step % 2], at, 80)
    screen = shown[STEPS % 2].copy()
    screen[200:300, 500:540] = 10
    assert motion.begins(screen, at + SPAN_NS, 80)


def test_another_size_of_picture_or_a_clock_set_back_begins_anew() -> None:
    motion, at = after_quiet()
    assert not motion.begins(with_block(0, 100, 30, 80)[:300], at, 80)
    assert not motion.begins(STILL[:300], at - QUIET_NS, 80)
