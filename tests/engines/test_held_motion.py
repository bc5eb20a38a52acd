"""Heads that start, stop and turn just while no detector sees them are covered where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from engines.held_motion import HeldMotion
from engines.image import I420
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.redaction.redact import RedactedFrame, RedactionFailed, Redactor

if TYPE_CHECKING:
    from engines.image import Plane

SIZE = (640, 360)
ANALYSED = frozenset({Kind.PERSON, Kind.FACE})
STEP_NS = 100_000_000


def room(seed: int) -> Plane:
    """Return the luma of a room: areas of one grey each, and noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 190, (6, 9), np.uint8)
    wall = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST)
    return np.clip(wall + rng.normal(0, 2, wall.shape), 20, 230).astype(np.uint8)


def picture(wall: Plane, person: Box, look: Plane, rng: np.random.Generator) -> I420:
    """Return the room with a person: a head with a look of its own on a dark body."""
    luma = np.clip(wall + rng.normal(0, 2, wall.shape), 20, 230).astype(np.uint8)
    x, y, side = int(person.x), int(person.y), int(person.w)
    luma[y + side // 2 : y + 4 * side, max(0, x - side // 3) : x + side + side // 3] = 40
    luma[y : y + side, x : x + side] = cv2.resize(look, (side, side))[:, : luma.shape[1] - x]
    grey = np.full((SIZE[1] // 2, SIZE[0] // 2), 128, np.uint8)
    return I420(luma, grey, grey.copy())


def open_share(done: RedactedFrame, head: Box) -> float:
    covered = np.zeros(SIZE[::-1], np.bool_)
    for box in (part for mask in done.masks for part in mask.parts()):
        covered[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
    return 1 - float(covered[int(head.y) : int(head.bottom), int(head.x) : int(head.right)].mean())


def worst_opening(seed: int, silent: int, motion: HeldMotion | None) -> float:
    """Return the largest open share of the head of somebody who stands, then runs while nobody looks."""
    rng = np.random.default_rng(seed)
    wall, look = room(seed), rng.integers(30, 220, (5, 5), np.uint8)
    side, way = int(rng.integers(16, 40)), rng.uniform(0.5, 1.0) * rng.choice([-1, 1])
    redactor = Redactor(method="solid", margin=0.25, hold_ms=800, motion=motion)
    x, worst = 300.0, 0.0
    for number in range(4 + silent):
        x += way * side if number >= 4 else 0
        head = Box(x, 80, side, side)
        seen = (
            Detection(Kind.PERSON, "person", 0.8, Box(x - side, 76, 3 * side, 220), TrackId("c", "s", 1)),
            Detection(Kind.FACE, "face", 0.8, head),
        )
        frame = Frame("c", number * STEP_NS, SIZE, seen if number < 4 else (), ANALYSED)
        done = redactor.redact(frame, picture(wall, head, look, rng))
        worst = max(worst, open_share(done, head))
    return worst


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_who_starts_to_run_while_no_detector_answers_stays_covered(silent: int) -> None:
    for seed in range(12):
        assert worst_opening(seed, silent, HeldMotion()) <= 0.05, seed
    if silent > 1:
        assert max(worst_opening(seed, silent, None) for seed in range(12)) > 0.5


def test_nothing_is_added_where_nothing_changed() -> None:
    motion, wall = HeldMotion(), np.full((360, 640), 90, np.uint8)
    for number in range(3):
        motion.add(wall + number, number * STEP_NS)  # the light goes up
    assert len(motion.places([((100.0, 100.0, 130.0, 130.0), STEP_NS)])) == 0


@pytest.mark.parametrize(
    ("known", "covered"),
    [((), True), (((100.0, 90.0, 200.0, 200.0),), False)],
    ids=["nobody", "a person who was found"],
)
def test_motion_counts_where_nobody_accounts_for_it(
    known: tuple[tuple[float, float, float, float], ...], covered: bool
) -> None:
    """A plain head is not looked for by its looks: what changed in one piece with its place is covered."""
    motion, wall = HeldMotion(), np.full((360, 640), 90, np.uint8)
    motion.add(wall, 0)
    moved = wall.copy()
    moved[100:130, 110:160] = 200
    motion.add(moved, STEP_NS)
    places = motion.places([((100.0, 100.0, 130.0, 130.0), 0)], known)
    assert len(places) == covered
    assert not covered or (places[0, 0] <= 110 and places[0, 2] >= 160)


def test_pictures_of_another_size_or_time_are_not_compared() -> None:
    motion = HeldMotion()
    motion.add(np.full((360, 640), 90, np.uint8), 10)
    motion.add(np.full((180, 320), 200, np.uint8), 20)
    assert len(motion.places([((100.0, 100.0, 130.0, 130.0), 10)])) == 0
    motion.add(np.full((180, 320), 90, np.uint8), 5)
    assert len(motion.places([((100.0, 100.0, 130.0, 130.0), 20)])) == 0


def test_a_head_beyond_the_border_costs_no_picture() -> None:
    redactor = Redactor(method="solid", margin=0.25, hold_ms=800, motion=HeldMotion())
    beyond = (Detection(Kind.FACE, "face", 0.9, Box(-60, 50, 20, 20)),)
    for number, seen in enumerate((beyond, (), ())):
        frame = Frame("c", number * STEP_NS // 10, SIZE, seen, ANALYSED)
        assert redactor.redact(frame, I420.black(*SIZE)).frame is frame


def test_after_a_picture_that_was_withheld_a_head_is_not_looked_for_by_what_is_behind_it() -> None:
    """The head went on in a picture for which nobody asked: at its old place there is only the wall."""
    rng = np.random.default_rng(3)
    wall, look = room(3), rng.integers(30, 220, (20, 20), np.uint8)
    motion, head = HeldMotion(), (200.0, 100.0, 220.0, 120.0)
    for number, x in enumerate((200, 215, 230)):
        shown = wall.copy()
        shown[100:120, x : x + 20] = look
        motion.add(shown, number * STEP_NS)
    ((left, _, right, _),) = motion.places([(head, 0)]).tolist()
    assert left <= 230
    assert right >= 250


HEAD = (100.0, 100.0, 130.0, 140.0)


def moved(value: int, left: int, top: int = 100) -> Plane:
    shown = np.full((360, 640), 90, np.uint8)
    shown[top : top + 20, left : left + 20] = value
    return shown


@pytest.mark.parametrize(
    ("shown", "is_still"),
    [
        (moved(90, 0), True),
        (moved(90, 0) + np.uint8(30), True),  # the light goes up
        (moved(110, 110), False),
        (moved(110, 150), False),  # as far as a head gets
        (moved(110, 400), True),
    ],
)
def test_a_place_is_still_where_nothing_changed_as_far_as_a_head_gets(shown: Plane, is_still: bool) -> None:
    motion = HeldMotion()
    motion.add(moved(90, 0), 0)
    motion.add(shown, STEP_NS)
    assert motion.is_still(HEAD, 0) is is_still


def test_a_place_is_not_still_since_a_picture_that_is_not_known() -> None:
    motion = HeldMotion()
    for number in range(2):
        motion.add(moved(90, 0), number * STEP_NS)
    assert motion.is_still(HEAD, 0)
    assert not motion.is_still(HEAD, STEP_NS // 2)
    assert not motion.is_still(HEAD, -STEP_NS)
    assert motion.is_still((-90.0, -90.0, -50.0, -50.0), 0), "beyond the border nothing is seen"


def test_a_small_head_is_never_still() -> None:
    """One of 8 px that moves half its width changes less than noise does."""
    motion = HeldMotion()
    for number in range(2):
        motion.add(moved(90, 0), number * STEP_NS)
    left, top, _, _ = HEAD
    assert not motion.is_still((left, top, left + 11, top + 11), 0)


def test_a_still_head_is_followed_once_it_moves() -> None:
    rng = np.random.default_rng(3)
    wall, look = room(3), rng.integers(30, 220, (30, 30), np.uint8)
    motion = HeldMotion()

    def shown(left: int) -> Plane:
        luma = wall.copy()
        luma[100:130, left : left + 30] = look
        return luma

    for number, left in enumerate((200, 200, 200, 214)):
        motion.add(shown(left), number * STEP_NS)
        places = motion.places([((200, 100, 230, 130), 0)] if number else [])
        if number in (1, 2):
            assert not len(places), "it is held where it was"
    assert places.tolist() == [[206.5, 92.5, 251.5, 137.5]]


def test_a_lost_face_is_covered_no_wider_while_the_picture_stands_still() -> None:
    redactor = Redactor(method="solid", margin=0.25, hold_ms=800, motion=HeldMotion())
    wall, grey = room(5), np.full((180, 320), 128, np.uint8)
    areas = []
    for number in range(6):
        luma = wall.copy()
        if number == 5:
            luma[100:140, 150:170] = 255  # somebody comes near
        seen = (Detection(Kind.FACE, "face", 0.8, Box(100, 100, 30, 40)),) if not number else ()
        frame = Frame("c", number * STEP_NS, SIZE, seen, ANALYSED)
        done = redactor.redact(frame, I420(luma, grey.copy(), grey.copy()))
        areas.append(sum(mask.box.area for mask in done.masks))
    assert areas[:5] == [areas[0]] * 5
    assert areas[5] > areas[4]


REGION = (40.0, 60.0, 240.0, 180.0)


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        (moved(90, 0), None),
        (moved(90, 0) + np.uint8(30), None),  # the light goes up
        (moved(110, 400), None),  # beyond the region
        (moved(110, 220), (176.0, 60.0, 240.0, 164.0)),
    ],
)
def test_a_lost_head_went_only_where_pixels_changed(shown: Plane, left: tuple[float, ...] | None) -> None:
    """It is anywhere no further from them than it is long."""
    motion, dark = HeldMotion(), np.zeros((360, 640), np.uint8)
    dark[105:135, 105:125] = 60
    motion.add(moved(90, 0) - dark, 0)
    motion.add(shown - dark, STEP_NS)
    assert motion.gone_to(REGION, HEAD, 0) == left
    assert motion.gone_to(REGION, (150.0, 100.0, 180.0, 140.0), 0) == REGION, "a plain one, as in the dark"
    assert motion.gone_to(REGION, HEAD, 5) == REGION, "of a picture that is not known nothing is left out"
    assert motion.gone_to(REGION, (100.0, 100.0, 110.0, 110.0), 0) == REGION, "a small head changes little"
    assert motion.gone_to((-90.0, -90.0, -50.0, -50.0), HEAD, 0) is None, "there nothing is seen"


def test_only_what_changed_is_covered_beside_the_place_of_a_lost_head() -> None:
    """Somebody walks by at one side: on the other the head cannot be."""
    redactor = Redactor(method="solid", margin=0.25, hold_ms=800, motion=HeldMotion())
    face = (Detection(Kind.FACE, "face", 0.9, Box(300, 100, 40, 40)),)
    covers = []
    for number, seen in enumerate((face, ())):
        pixels = I420.black(*SIZE)
        pixels.y[90:150, 350 : 352 + 40 * number] = 200
        pixels.y[110:130, 310:330] = 90
        frame = Frame("c", number * STEP_NS, SIZE, seen, ANALYSED)
        covers.append(redactor.redact(frame, pixels).masks)
    held = covers[1]
    assert min(mask.box.x for mask in held) >= 288, "still to the left"
    assert max(mask.box.right for mask in held) > 355, "where somebody moved it may be"
    assert any(mask.box.x <= 290 and mask.box.right >= 350 and mask.box.y <= 90 for mask in held)


def test_after_a_clock_that_went_back_no_head_is_sought_from_the_picture_that_was_withheld() -> None:
    """Its time is what the memories are moved to: a head that had left by then was held to be there still."""
    redactor = Redactor(method="solid", margin=0.25, hold_ms=800, motion=HeldMotion())
    face = (Detection(Kind.FACE, "face", 0.9, Box(100, 100, 40, 40)),)
    redactor.redact(Frame("c", 9 * STEP_NS, SIZE, face, ANALYSED), I420.black(*SIZE))
    gone = I420.black(*SIZE)
    gone.y[100:140, 135:175] = 200
    with pytest.raises(RedactionFailed):
        redactor.redact(Frame("c", 0, SIZE, (), ANALYSED), I420(gone.y.copy(), gone.u.copy(), gone.v.copy()))
    done = redactor.redact(Frame("c", STEP_NS, SIZE, (), ANALYSED), gone)
    without = Redactor(method="solid", margin=0.25, hold_ms=800)
    without.redact(Frame("c", 0, SIZE, face, ANALYSED), I420.black(*SIZE))
    wide = without.redact(Frame("c", STEP_NS, SIZE, (), ANALYSED), I420.black(*SIZE))
    assert max(mask.box.right for mask in done.masks) >= max(mask.box.right for mask in wide.masks)


def test_a_small_head_is_covered_as_wide_as_if_nothing_were_known_of_the_picture() -> None:
    """It changes less than noise where it goes. With its margin it counted as one of 12 px."""
    widths = []
    for motion in (HeldMotion(), None):
        redactor = Redactor(method="solid", margin=0.25, hold_ms=800, motion=motion)
        for number in range(2):
            pixels = I420.black(*SIZE)
            pixels.y[90:130, 200 : 204 + 40 * number] = 200
            seen = () if number else (Detection(Kind.FACE, "face", 0.9, Box(270, 100, 10, 10)),)
            done = redactor.redact(Frame("c", number * STEP_NS, SIZE, seen, ANALYSED), pixels)
        widths.append(max(mask.box.right for mask in done.masks) - min(mask.box.x for mask in done.masks))
    assert widths[0] >= widths[1]


def test_a_face_that_is_lost_while_its_person_is_in_view_is_covered_where_it_leans_to() -> None:
    """Nothing changes for two pictures; then the head leans in its person, whose box stays."""
    rng, wall, grey = np.random.default_rng(7), room(7), np.full((180, 320), 128, np.uint8)
    look = rng.integers(20, 230, (40, 30), np.uint8)
    redactor, areas = Redactor(method="solid", margin=0.25, hold_ms=800, motion=HeldMotion()), []
    body = Detection(Kind.PERSON, "person", 0.8, Box(80, 95, 90, 220))
    for number, left in enumerate((110, 110, 110, 118, 124)):
        luma = wall.copy()
        luma[100:140, left : left + 30] = look
        seen = (body, Detection(Kind.FACE, "face", 0.8, Box(left, 100, 30, 40))) if not number else (body,)
        frame = Frame("c", number * STEP_NS, SIZE, seen, ANALYSED)
        done = redactor.redact(frame, I420(luma, grey.copy(), grey.copy()))
        covered = np.zeros(luma.shape, bool)
        for box in (mask.box for mask in done.masks):
            covered[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
        areas.append(int(covered.sum()))
        assert covered[100:140, left : left + 30].all(), number
    assert areas[0] == areas[1] == areas[2] < areas[3]
