"""What moves in at the border is covered before anybody knows what it is; nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from engines.border_motion import HOLD_NS, PAUSE_NS, BorderMotion

WIDTH, HEIGHT = 640, 360
STEP_NS = 100_000_000
NOBODY = np.zeros((0, 4), np.float32)
Box = tuple[int, int, int, int]


def picture(*things: Box) -> np.ndarray:
    """Grey with noise, and a bright rectangle for each thing: x1 y1 x2 y2."""
    luma = np.random.default_rng(3).normal(90, 3, (HEIGHT, WIDTH))
    for left, top, right, bottom in things:
        luma[top:bottom, left:right] = 200
    return np.clip(luma, 0, 255).astype(np.uint8)


def covered(strips: np.ndarray, box: Box) -> bool:
    left, top, right, bottom = box
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for x1, y1, x2, y2 in strips.astype(int).tolist():
        mask[y1:y2, x1:x2] = True
    return bool(mask[top:bottom, left:right].all())


@pytest.mark.parametrize(
    ("thing", "head"),
    [
        ((0, 100, 30, 300), (0, 100, 30, 130)),
        ((WIDTH - 40, 60, WIDTH, 300), (WIDTH - 40, 60, WIDTH, 100)),
        ((300, 0, 360, 60), (300, 0, 360, 36)),
        ((0, 0, 50, HEIGHT), (0, 0, 50, 60)),
    ],
)
def test_the_head_of_what_enters_is_covered_for_a_moment(thing: Box, head: Box) -> None:
    motion = BorderMotion()
    assert not len(motion.strips(picture(), 0, NOBODY, 80))
    assert covered(motion.strips(picture(thing), STEP_NS, NOBODY, 80), head)
    assert covered(motion.strips(picture(thing), 2 * STEP_NS, NOBODY, 80), head)  # it stands: held
    assert not len(motion.strips(picture(thing), 2 * STEP_NS + HOLD_NS, NOBODY, 80))


@pytest.mark.parametrize(
    ("thing", "persons"),
    [
        ((200, 100, 240, 300), NOBODY),  # within the picture
        ((0, 100, 30, 120), NOBODY),  # no person is so small
        ((0, 100, 30, 300), np.array([[0, 80, 90, 350]], np.float32)),  # found already
        ((200, HEIGHT - 60, 240, HEIGHT), NOBODY),  # at the lower border: feet
        ((0, 0, WIDTH, HEIGHT), NOBODY),  # the light
    ],
)
def test_nothing_else_is_covered(thing: Box, persons: np.ndarray) -> None:
    motion = BorderMotion()
    motion.strips(picture(), 0, persons, 80)
    assert not len(motion.strips(picture(thing), STEP_NS, persons, 80))


@pytest.mark.parametrize("elapsed", [0, -STEP_NS, PAUSE_NS + 1])
def test_pictures_that_do_not_follow_each_other_tell_nothing(elapsed: int) -> None:
    motion = BorderMotion()
    motion.strips(picture(), STEP_NS, NOBODY, 80)
    assert not len(motion.strips(picture((0, 100, 30, 300)), STEP_NS + elapsed, NOBODY, 80))


def test_another_size_begins_anew_and_tiny_pictures_are_no_trouble() -> None:
    motion = BorderMotion()
    for number, luma in enumerate(
        (picture(), picture()[:2, :2], picture()[:100], picture((0, 100, 30, 300)))
    ):
        assert not len(motion.strips(luma, number * STEP_NS, NOBODY, 80))
