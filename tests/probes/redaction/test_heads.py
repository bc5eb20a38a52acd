from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.frame import Box, Detection, Kind, TrackId
from probes.redaction.heads import By, Heads, Mask, WayMask, head_of
from tests.fakes.scenes import face, frame, person

ANN, BOB = TrackId("entrance", "k7f3", 1), TrackId("entrance", "k7f3", 2)


def heads(hold_ms: int = 800) -> Heads:
    return Heads(margin=0.25, hold_ms=hold_ms)


def covered(masks: tuple[Mask, ...], box: Box) -> bool:
    return any(
        part.x <= box.x and part.y <= box.y and part.right >= box.right and part.bottom >= box.bottom
        for mask in masks
        for part in mask.parts()
    )


def by(masks: tuple[Mask, ...]) -> list[str]:
    return sorted(mask.by.value for mask in masks)


@pytest.mark.parametrize(
    ("detections", "expected"),
    [
        ((), []),
        ((face(10, 10, 30, 40),), ["detector"]),
        ((person(100, 100, 80, 200),), ["head_estimate"]),
        ((person(100, 100, 80, 200), face(125, 105, 30, 35)), ["detector"]),
        ((person(100, 100, 80, 200), face(125, 170, 30, 35)), ["detector", "head_estimate"]),
        ((person(100, 100, 80, 200), face(125, 105, 4, 5)), ["detector", "head_estimate"]),
        ((person(100, 100, 80, 200), face(80, 60, 120, 150)), ["detector", "head_estimate"]),
        (
            (person(100, 100, 80, 200), person(110, 100, 80, 200), face(125, 105, 30, 35)),
            ["detector", "head_estimate"],
        ),
        (
            (person(100, 100, 80, 200), face(118, 105, 30, 35), face(135, 105, 30, 35)),
            ["detector", "detector"],
        ),
        ((person(100, 100, 80, 0), face(20, 20, 0, 10)), []),
    ],
    ids=[
        "none",
        "face",
        "person",
        "both",
        "print on a shirt",
        "speck",
        "nearer face",
        "two persons",
        "two faces",
        "flat",
    ],
)
def test_every_head_has_a_reason(detections: tuple[Detection, ...], expected: list[str]) -> None:
    assert by(heads().locate(frame(*detections))) == expected


@pytest.mark.parametrize(
    ("box", "head"),
    [
        (Box(0, 0, 100, 250), Box(40, 5, 25, 33)),
        (Box(0, 0, 60, 240), Box(15, 3, 25, 32)),
        (Box(0, 0, 300, 330), Box(100, 20, 110, 150)),
        (Box(0, 0, 8, 20), Box(2, 0, 4, 3)),
    ],
    ids=["standing", "from the side", "bust", "far away"],
)
def test_the_estimate_holds_the_head(box: Box, head: Box) -> None:
    assert covered((Mask(head_of(box), By.HEAD_ESTIMATE),), head)


@given(
    vx=st.floats(-400, 400),
    vy=st.floats(-60, 60),
    interval=st.sampled_from([40, 100, 200]),
    tracked=st.booleans(),
    gap=st.integers(1, 800),
    lost=st.sampled_from(["face", "face and person", "person was never there"]),
)
def test_a_moving_face_stays_covered_over_a_gap(
    vx: float, vy: float, interval: int, tracked: bool, gap: int, lost: str
) -> None:
    memory = heads()

    def at(ms: int) -> tuple[Detection, Detection]:
        x, y = 1000 + vx * ms / 1000, 500 + vy * ms / 1000
        return person(x, y, 100, 250, ANN if tracked else None), face(x + 35, y + 4, 30, 34)

    seen = 0
    for seen in range(0, 1001, interval):
        body, head = at(seen)
        shown = (head,) if lost == "person was never there" else (body, head)
        memory.locate(frame(*shown, ms=seen, size=(4000, 2000)))
    for ms in range(seen + interval, seen + gap + 1, interval):
        body, head = at(ms)
        masks = memory.locate(frame(*((body,) if lost == "face" else ()), ms=ms, size=(4000, 2000)))
        assert covered(masks, head.box), ms - seen
        assert "hold" in by(masks)


@pytest.mark.parametrize(
    ("after_ms", "expected"), [(100, ["hold"]), (800, ["hold"]), (3000, ["hold"]), (3001, [])]
)
def test_a_lost_face_is_held_in_place_then_let_go(after_ms: int, expected: list[str]) -> None:
    memory = heads()
    memory.locate(frame(face(100, 100, 40, 40)))
    masks = memory.locate(frame(ms=after_ms))
    assert by(masks) == expected
    assert not masks or covered(tuple(Mask(mask.box, mask.by) for mask in masks), Box(90, 90, 60, 60))


@pytest.mark.parametrize(
    ("interval_ms", "held"), [(100, 8), (400, 2), (790, 2), (1000, 2), (1500, 2), (2000, 1), (3500, 0)]
)
def test_a_face_is_held_for_its_time_and_for_two_frames_where_they_are_rare(
    interval_ms: int, held: int
) -> None:
    memory = heads()
    memory.locate(frame(face(100, 100, 40, 40)))
    masked = [bool(memory.locate(frame(ms=interval_ms * number))) for number in range(1, 12)]
    assert masked == [True] * held + [False] * (11 - held)


def test_a_face_lost_for_long_leaves_the_estimate() -> None:
    memory = heads()
    memory.locate(frame(person(100, 100, 80, 200), face(125, 105, 30, 35)))
    assert [by(memory.locate(frame(person(100, 100, 80, 200), ms=ms))) for ms in (400, 800, 801, 2000)] == [
        ["hold"],
        ["hold"],
        ["head_estimate"],
        ["head_estimate"],
    ]


def test_a_person_without_face_is_held_when_lost() -> None:
    memory = heads()
    for ms in (0, 100, 200):
        memory.locate(frame(person(100 + ms / 2, 100, 80, 200), ms=ms))
    masks = memory.locate(frame(ms=600))
    assert by(masks) == ["hold"]
    assert covered(masks, head_of(Box(400, 100, 80, 200)))


@pytest.mark.parametrize("kind", [Kind.DOUBTFUL, Kind.PERSON])
def test_what_may_be_nobody_goes_no_faster_than_people_run_when_it_is_lost(kind: Kind) -> None:
    """Boxes of a coat stand jump from picture to picture."""
    memory = heads()
    for number, x in enumerate((100, 155, 210)):
        memory.locate(frame(person(x, 100, 80, 200)._replace(kind=kind), ms=100 * number))
    masks = memory.locate(frame(ms=700))
    assert by(masks) == ["hold"]
    assert covered(masks, head_of(Box(210, 100, 80, 200)))
    assert covered(masks, head_of(Box(480, 100, 80, 200))) == (kind is Kind.PERSON)


@pytest.mark.parametrize("metres_a_second", [1.0, 1.4, 2.0, 2.7])
@pytest.mark.parametrize("every_ms", [40, 100, 250])
def test_a_doubtful_person_who_walks_and_is_lost_is_covered_as_long_as_held(
    every_ms: int, metres_a_second: float
) -> None:
    """Somebody of 1.7 m whose face was never found: whom the detector loses may be in view still."""
    memory, px = heads(), metres_a_second * 200 / 1.7 / 1000
    for ms in range(0, 1001, every_ms):
        memory.locate(frame(person(20 + px * ms, 100, 80, 200)._replace(kind=Kind.DOUBTFUL), ms=ms))
    for ms in range(1000 + every_ms, 1801, every_ms):
        masks = memory.locate(frame(ms=ms))
        assert covered(masks, Box(20 + px * ms + 25, 100, 30, 30)), f"{ms - 1000} ms after"


def test_the_hold_goes_with_its_own_track() -> None:
    memory = heads()
    memory.locate(
        frame(person(100, 100, 80, 200, ANN), face(105, 105, 30, 35), person(300, 100, 80, 200, BOB))
    )
    masks = memory.locate(frame(person(290, 100, 80, 200, ANN), person(90, 100, 80, 200, BOB), ms=300))
    held = [mask for mask in masks if mask.by is By.HOLD]
    assert covered(tuple(held), Box(295, 105, 30, 35))
    assert len(held) == 1


def test_a_face_that_comes_back_ends_its_hold() -> None:
    memory = heads()
    memory.locate(frame(face(100, 100, 40, 40)))
    assert by(memory.locate(frame(ms=100))) == ["hold"]
    assert by(memory.locate(frame(face(110, 100, 40, 40), ms=200))) == ["detector"]


@pytest.mark.parametrize(
    "sign", [{"confidence": 0.3}, {"box": Box(130, 105, 12, 35)}], ids=["faint", "sliver"]
)
def test_a_doubtful_face_does_not_excuse_the_head(sign: dict[str, Any]) -> None:
    doubtful = face(125, 105, 30, 35)._replace(**sign)
    assert by(heads().locate(frame(person(100, 100, 80, 200), doubtful))) == ["detector", "head_estimate"]


@pytest.mark.parametrize("box", [(580, 100, 60, 200), (0, 100, 60, 200), (300, 0, 60, 200)])
def test_who_leaves_over_the_edge_is_held_and_estimated(box: tuple[float, float, float, float]) -> None:
    memory = heads()
    memory.locate(frame(person(*box), face(box[0] + 15, box[1] + 5, 30, 35)))
    assert by(memory.locate(frame(person(*box), ms=100))) == ["head_estimate", "hold"]


def test_a_passer_by_does_not_end_the_hold_of_another() -> None:
    memory = heads()
    memory.locate(frame(face(100, 100, 40, 40), face(160, 100, 40, 40)))
    masks = memory.locate(frame(face(105, 100, 40, 40), ms=100))
    assert by(masks) == ["detector", "hold"]
    assert covered(masks, Box(160, 100, 40, 40))


def test_the_held_growth_is_bounded_by_how_fast_people_run() -> None:
    memory = heads()
    memory.locate(frame(person(100, 100, 80, 200, ANN), face(125, 105, 30, 35)))
    memory.locate(frame(person(1700, 100, 80, 200, ANN), face(1725, 105, 30, 35), ms=1))
    for ms in range(201, 802, 200):
        (mask,) = memory.locate(frame(ms=ms))
    assert mask.box.w < 500


def test_more_heads_than_can_be_followed_is_an_error() -> None:
    memory = heads()
    for shift in range(10):
        memory.locate(frame(*(face(2000 * i, 2000 * shift, 10, 10) for i in range(100))))
    with pytest.raises(ValueError, match="more heads"):
        memory.locate(frame(face(0, 50_000, 10, 10)))


@pytest.mark.parametrize(("across", "down"), [(0.5, 0.5), (2.0, 2.0), (1.0, 0.75)])
@pytest.mark.parametrize("sees_person", [False, True])
def test_a_stream_that_changes_its_size_keeps_what_is_held(
    across: float, down: float, sees_person: bool
) -> None:
    def scaled(x: float, y: float, w: float, h: float) -> tuple[float, float, float, float]:
        return x * across, y * down, w * across, h * down

    watch, body, head = heads(), (400, 200, 80, 200), (425, 205, 30, 35)
    watch.locate(frame(person(*body, ANN), face(*head), size=(640, 480)))
    seen = [person(*scaled(*body), ANN)] if sees_person else []
    size = round(640 * across), round(480 * down)
    assert covered(watch.locate(frame(*seen, ms=100, size=size)), Box(*scaled(*head)))


FAR = st.floats(-400, 400)


@given(FAR, FAR, st.floats(4, 200), st.floats(4, 200), st.floats(0, 1))
def test_every_place_on_a_slanted_way_lies_in_one_of_its_parts(
    dx: float, dy: float, w: float, h: float, at: float
) -> None:
    here, there = Box(300, 300, w, h), Box(300 + dx, 300 + dy, w, h)
    box = Box(min(300, there.x), min(300, there.y), w + abs(dx), h + abs(dy))
    parts = WayMask(box, By.HOLD, (here, there)).parts()
    place = Box(300 + at * dx + 0.001, 300 + at * dy + 0.001, w - 0.002, h - 0.002)
    assert covered(tuple(Mask(part, By.HOLD) for part in parts), place)
    assert all(
        covered((Mask(box, By.HOLD),), Box(p.x + 0.001, p.y + 0.001, p.w - 0.002, p.h - 0.002)) for p in parts
    )


def test_a_held_head_leaves_the_corners_beside_a_slanted_way_open() -> None:
    one = heads()
    for ms in (0, 100, 200):
        one.locate(frame(face(100 + ms / 5, 100 + ms / 5, 30, 40), ms=ms))
    for ms in range(300, 701, 200):
        (mask,) = one.locate(frame(ms=ms))
    corner = Box(mask.box.right - 20, mask.box.y, 20, 20)
    parts = tuple(Mask(part, mask.by) for part in mask.parts())
    assert len(parts) > 1
    assert covered((Mask(mask.box, mask.by),), corner)
    assert not any(part.box.intersection(corner) for part in parts)
    assert covered(parts, Box(140, 140, 30, 40))
    assert covered(parts, Box(240, 240, 30, 40))


def test_a_box_that_grows_wide_at_once_tells_nothing_of_how_its_person_moved() -> None:
    """As when a detector takes a neighbour's arm to it: the head was swept over half the picture."""
    one = heads()
    one.locate(frame(person(300, 100, 60, 200), ms=0))
    one.locate(frame(person(200, 40, 160, 260), ms=100))
    for ms in (300, 500):
        (mask,) = one.locate(frame(ms=ms))
    head = head_of(Box(200, 40, 160, 260))
    assert mask.box.x >= head.x - 0.2 * head.w
    assert mask.box.y >= head.y - 0.2 * head.h


@pytest.mark.parametrize("still", [True, False])
def test_a_lost_head_is_covered_as_before_where_nothing_changed_since(still: bool) -> None:
    one, asked = heads(), list[tuple[Box, int]]()

    def is_still(place: Box, since: int) -> bool:
        asked.append((place, since))
        return still

    seen = frame(face(100, 100, 30, 40))
    (before,) = one.locate(seen)
    (after,) = one.locate(frame(ms=300), is_still)
    assert asked == [(Box(100, 100, 30, 40), seen.captured_at)]
    assert (after.box == before.box) is still
    assert after.box.area >= before.box.area


def test_a_lost_head_grows_where_its_box_was_carried_along_with_a_person() -> None:
    """What it did inside the person since the face was lost is not known, however still all is now."""
    one, seen = heads(), frame(person(100, 50, 80, 240), face(123, 60, 34, 40))
    one.locate(seen)
    for ms in (100, 500):
        one.locate(frame(person(100, 50, 80, 240), ms=ms))

    def is_still(_place: Box, since: int) -> bool:
        return since > seen.captured_at  # it moved between

    areas = [one.locate(frame(ms=ms), is_still)[0].box.area for ms in (510, 600, 700)]
    assert areas == sorted(set(areas))


@pytest.mark.parametrize("lost", ["face", "person too"])
@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("away", [0, 6, 20])
def test_a_held_face_is_covered_no_wider_where_nothing_changed_since_it_was_found(
    lost: str, still: bool, away: int
) -> None:
    """Its place is the one where it was found: a box that its person has carried away tells nothing."""
    one, asked = heads(), list[tuple[Box, int]]()

    def is_still(place: Box, since: int) -> bool:
        asked.append((place, since))
        return still

    seen = frame(person(100, 50, 80, 240), face(123, 60, 34, 40))
    one.locate(seen)
    bodies = (100, 300, 500) if lost == "face" else (100, 300)
    for ms in bodies:
        (mask,) = one.locate(frame(person(100 + away, 50, 80, 240), ms=ms), is_still)
    if lost != "face":
        (mask,) = one.locate(frame(ms=500), is_still)
    assert mask.by is By.HOLD
    assert set(asked) == ({(Box(123, 60, 34, 40), seen.captured_at)} if away < 20 else set())
    narrow = Box(123 - 0.25 * 34, 60 - 0.25 * 40, 1.5 * 34, 1.5 * 40)
    assert (mask.box == narrow) is (still and away < 20)
    assert mask.box.area >= narrow.area
