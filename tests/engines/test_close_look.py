"""engines.close_look: small persons and heads, unexplained motion, stale tiles, and at times everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.close_look import (
    HOLD_NS,
    MAX_TILES,
    PAUSE_NS,
    STALE_NS,
    WHOLE_AT_MOST_NS,
    CloseLook,
    Scales,
)

if TYPE_CHECKING:
    from engines.patches import Patch

STEP = 100_000_000
SIZE = (720, 1280)
PERSON, FACE = Scales(0.425, 0.6, 48), Scales(0.5, 1.0, 12)
NOBODY = np.zeros((0, 4), np.float32)
WALKER = (300, 300, 340, 400)
"""A person too small for the whole view."""


def picture(x: int | None = None, level: int = 100) -> np.ndarray:
    """Return a grey picture with a brighter thing of 40 x 100 px at x."""
    luma = np.full(SIZE, level, np.uint8)
    if x is not None:
        luma[300:400, x : x + 40] = 180
    return luma


def shown(
    close: CloseLook, luma: np.ndarray, at: int, *persons: tuple[float, ...], score: float = 0.15
) -> tuple[list[Patch], list[Patch]]:
    """Show a picture in which the whole view sees persons; return what is looked at closely."""
    close.update(luma, at)
    boxes = np.array(persons, np.float32).reshape(-1, 4)
    scores = np.full(len(boxes), score, np.float32)
    return close.choose(boxes, scores, person=PERSON, face=FACE, smallest_px=80)


def holds(patches: list[Patch], x: int, y: int) -> bool:
    return any(left <= x < right and top <= y < bottom for (left, top, right, bottom), _ in patches)


def is_whole_in(patches: list[Patch], box: tuple[float, ...]) -> bool:
    return any(
        left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom
        for (left, top, right, bottom), _ in patches
    )


def begun(luma: np.ndarray | None = None) -> CloseLook:
    close = CloseLook()
    close.update(picture() if luma is None else luma, 0)
    return close


def test_at_the_start_and_after_a_pause_everything_is_looked_at() -> None:
    for second, at in ((picture(), PAUSE_NS + 1), (picture()[:, :1000], STEP), (picture(), -STEP)):
        close = begun()
        assert close.everything
        close.update(second, at)
        assert close.everything
    close = begun()
    close.update(picture(), STEP)
    assert not close.everything


def test_a_camera_that_is_moved_changes_everywhere_and_is_looked_at_whole_at_most_every_second() -> None:
    blocks = np.kron(np.random.default_rng(1).integers(40, 200, (15, 27)), np.ones((48, 48)))
    scene = blocks[: SIZE[0], : SIZE[1]].astype(np.uint8)
    close, whole = begun(scene), []
    for number in range(1, 25):
        close.update(np.roll(scene, 48 * number, axis=1), number * STEP)
        whole.append(close.everything)
    assert whole.index(True) == WHOLE_AT_MOST_NS // STEP - 1
    assert sum(whole) == 2


def test_a_faint_small_person_is_looked_at_whole_and_at_the_head() -> None:
    persons, faces = shown(begun(), picture(300), STEP, WALKER)
    assert holds(persons, 320, 310)
    assert holds(persons, 320, 399)
    assert holds(faces, 320, 305)
    ((region, size),) = faces
    assert size == (region[2] - region[0], region[3] - region[1])  # at full scale
    assert sum(w * h for _, (w, h) in [*persons, *faces]) < 40_000


def test_who_the_whole_view_shows_clearly_is_not_looked_at_again() -> None:
    assert shown(begun(), picture(), STEP, (300, 100, 500, 700), score=0.8) == ([], [])


@pytest.mark.parametrize(
    ("score", "moves", "first"), [(0.15, True, 2), (0.15, False, 4), (0.8, True, 2), (0.8, False, 2)]
)
def test_the_sure_are_looked_at_again_and_the_doubtful_when_they_move(
    score: float, moves: bool, first: int
) -> None:
    close = begun(picture(300))
    shown(close, picture(300), STEP, WALKER, score=score)
    for number in range(2, 12):
        persons, faces = shown(close, picture(300 + 4 * number * moves), number * STEP, WALKER, score=score)
        assert bool(faces) == (number >= first if moves or score > 0.5 else number % 3 == 1)
        assert bool(persons) == bool(faces) or (score > 0.4 and not (persons and not moves))


def test_motion_that_no_person_accounts_for_is_looked_at_in_bounds() -> None:
    close = begun()
    assert shown(close, picture(), STEP) == ([], [])
    persons, faces = shown(close, picture(900), 2 * STEP)
    assert holds(persons, 920, 350)
    assert all(holds(faces, x, y) for x in (900, 939) for y in (300, 399))
    assert shown(close, picture(900), 3 * STEP) == ([], [])  # it was seen
    many = picture()
    for x in range(0, 1280, 160):
        many[100:500, x : x + 40] = 200
    assert len(shown(close, many, 4 * STEP)[1]) == MAX_TILES


def test_late_in_time_all_that_changed_is_looked_at_and_nobody_is_forgotten() -> None:
    close, many = begun(), picture()
    close.add(NOBODY, np.array([[600, 20, 616, 40]], np.float32))
    for x in range(0, 1280, 160):
        many[300:400, x : x + 40] = 180
    _, faces = shown(close, many, PAUSE_NS)
    assert not close.everything
    assert all(holds(faces, x + 20, 350) for x in range(0, 1280, 160))
    assert holds(faces, 608, 30)
    assert sum((right - left) * (bottom - top) for (left, top, right, bottom), _ in faces) < many.size / 2
    later = shown(close, many, PAUSE_NS + STEP)[1]
    assert not any(holds(later, x + 20, 350) for x in range(0, 1280, 160)), "it was seen"


def test_who_is_not_found_in_four_late_pictures_is_forgotten_in_the_next() -> None:
    close = begun()
    close.add(NOBODY, np.array([[600, 20, 616, 40]], np.float32))
    kept = []
    for number in range(1, 7):
        shown(close, picture(), 2 * number * HOLD_NS)
        kept.append(len(close._faces))
    assert kept == [1, 1, 1, 1, 0, 0]


def test_motion_in_the_box_of_a_person_is_accounted_for() -> None:
    close = begun()
    luma = picture()
    luma[120:700, 320:480] = 180
    assert shown(close, luma, STEP, (300, 100, 500, 700), score=0.8) == ([], [])


def test_a_change_of_light_is_no_motion() -> None:
    close = begun(picture(300))
    assert shown(close, picture(300, level=104), STEP)[1] == []


def test_slow_change_adds_up_to_motion() -> None:
    close = begun()
    luma = picture().astype(np.float32)
    found = []
    for number in range(1, 12):
        luma[300:400, 300:340] += 0.8  # less than a level a frame
        found.append(bool(shown(close, luma.astype(np.uint8), number * STEP)[1]))
    assert any(found)


def test_every_tile_is_looked_at_in_time_though_nothing_happens() -> None:
    close, seen = begun(), np.zeros(SIZE, np.bool_)
    for number in range(1, STALE_NS // STEP + 60):
        for (left, top, right, bottom), _ in shown(close, picture(), number * STEP)[1]:
            seen[top:bottom, left:right] = True
    assert seen.all()


def test_a_face_found_on_nobody_is_looked_at_until_it_is_gone() -> None:
    close = begun()
    shown(close, picture(), STEP)
    close.add(NOBODY, np.array([[600, 200, 616, 220]], np.float32))
    assert holds(shown(close, picture(), 2 * STEP)[1], 608, 210)
    assert holds(shown(close, picture(), STEP + HOLD_NS)[1], 608, 210)
    assert not shown(close, picture(), 2 * STEP + HOLD_NS)[1]


def test_a_place_moves_with_what_is_found_there() -> None:
    close = begun()
    for number in range(1, 5):
        shown(close, picture(), number * STEP)
        close.add(NOBODY, np.array([[600 + 12 * number, 200, 616 + 12 * number, 220]], np.float32))
    assert len(shown(close, picture(), 5 * STEP)[1]) == 1


def test_a_crowd_is_looked_at_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.close_look.MAX_AREA", 200_000)
    close = begun()
    crowd = [(x, y, x + 60, y + 160) for x in range(0, 1200, 70) for y in range(0, 500, 170)]
    first = shown(close, picture(), STEP, *crowd, score=0.8)[1]
    assert all(holds(first, int(x) + 30, int(y) + 10) for x, y, _, _ in crowd)  # all are new
    shares, seen = [], set()
    for number in range(2, 14):
        faces = shown(close, picture(), number * STEP, *crowd, score=0.8)[1]
        shares.append(len(faces) / len(first))
        seen |= {box for box in crowd if holds(faces, int(box[0]) + 30, int(box[1]) + 10)}
    assert len(seen) == len(crowd)
    assert max(shares) < 1


@pytest.mark.parametrize("seed", range(20))
def test_heads_close_together_are_each_whole_in_one_patch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crowd = []
    for _ in range(30):
        x, y, high = rng.uniform(50, 600), rng.uniform(50, 400), rng.uniform(80, 115)
        crowd.append((x, y, x + high * rng.uniform(0.3, 0.7), y + high))
    faces = shown(begun(), picture(), STEP, *crowd, score=0.8)[1]
    for left, top, right, bottom in crowd:
        high = max(0.6 * (right - left), 0.15 * (bottom - top))
        assert is_whole_in(faces, (left, top, right, top + high)), (left, top, right, bottom)
    assert len(faces) < len(crowd)
