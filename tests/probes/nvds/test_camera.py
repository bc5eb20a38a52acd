"""Boxes on the surface, and frames from metadata."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.frame import Box, Kind
from probes.nvds.camera_masks import CameraMasks
from probes.nvds.meta import UNTRACKED, FrameMeta, MetaError, ObjectMeta
from probes.nvds.surface import on_surface
from tests.fakes.nvds import SURFACE, camera
from tests.fakes.people import START

if TYPE_CHECKING:
    from probes.nvds.camera import CameraMeta

SIZES = st.tuples(st.integers(8, 4000), st.integers(8, 4000))
EDGES = st.floats(-5000, 5000)


@given(st.builds(Box, EDGES, EDGES, st.floats(0, 5000), st.floats(0, 5000)), SIZES, SIZES)
def test_a_box_on_the_surface_holds_all_of_it_that_is_in_the_picture(
    box: Box, size: tuple[int, int], surface: tuple[int, int]
) -> None:
    placed = on_surface(box, size, surface)
    left, right = box.x * surface[0] / size[0], box.right * surface[0] / size[0]
    top, bottom = box.y * surface[1] / size[1], box.bottom * surface[1] / size[1]
    if placed is None:
        assert min(right, surface[0]) - max(left, 0) < 1e-6 or min(bottom, surface[1]) - max(top, 0) < 1e-6
        return
    x, y, w, h = placed
    assert x >= 0 and y >= 0 and x + w <= surface[0] and y + h <= surface[1] and w >= 4 and h >= 4  # noqa: PT018 one box
    assert x <= max(left, 0) + 1e-6 and x + w >= min(right, surface[0]) - 1e-6  # noqa: PT018 its width
    assert y <= max(top, 0) + 1e-6 and y + h >= min(bottom, surface[1]) - 1e-6  # noqa: PT018 its height


def meta(number: int, objects: list[ObjectMeta] | None, **other: Any) -> FrameMeta:
    return replace(
        FrameMeta(0, 0, number, (640, 480), START + number * 100_000_000, True, objects, None), **other
    )


@pytest.mark.parametrize("wrong", [{"objects": None}, {"source_size": (0, 480)}])
def test_a_frame_that_cannot_be_relied_on_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(MetaError):
        camera("cam0").frame(replace(meta(0, []), **wrong), SURFACE, CameraMasks())


def test_a_frame_without_a_time_gets_the_clock_s() -> None:
    assert camera("cam0").frame(meta(0, [], ntp=0), SURFACE, CameraMasks())[0].captured_at == START


@pytest.mark.parametrize(
    ("sure", "expected"), [([0.9, 0.3], [Kind.PERSON] * 2), ([0.3, 0.3], [Kind.DOUBTFUL] * 2)]
)
def test_who_was_counted_stays_where_the_detector_is_unsure(sure: list[float], expected: list[Kind]) -> None:
    door = camera("cam0", counted=0.4)
    found = []
    for number, confidence in enumerate(sure):
        seen = ObjectMeta(1, 0, 7, confidence, 200.0, 150.0, 160.0, 300.0, None)
        (_, detection), *_ = door.frame(meta(number, [seen]), SURFACE, CameraMasks())[1]
        assert detection is not None
        found.append(detection.kind)
    assert found == expected


def test_one_person_found_twice_gets_one_name_and_two_masks() -> None:
    """The narrower box within another's is masked as a person is; who was named before keeps the name."""
    door = camera("cam0", counted=0.4)

    def kinds(number: int, *people: tuple[int, float, float]) -> list[Kind]:
        """Return what these are: number, left edge and confidence of boxes; one of 100 px lies within 160."""
        seen = [
            ObjectMeta(1, 0, one, sure, left, 150.0, 160.0 if left == 200 else 100.0, 300.0, None)
            for one, left, sure in people
        ]
        frame, pairs = door.frame(meta(number, seen), SURFACE, CameraMasks())
        assert len(door.heads(frame)) >= len(people)
        return [found.kind for _, found in pairs if found]

    def both(second: Kind) -> list[Kind]:
        return [Kind.PERSON, second]

    assert kinds(0, (7, 200, 0.9), (8, 220, 0.6)) == both(Kind.AGAIN)
    assert kinds(1, (7, 200, 0.5), (8, 220, 0.6)) == both(Kind.AGAIN)  # the surer one, but known
    assert kinds(40, (7, 200, 0.5), (8, 280, 0.6)) == both(Kind.AGAIN)  # four fifths of it within, after 4 s
    assert kinds(41, (7, 200, 0.5), (8, 340, 0.6)) == both(Kind.AGAIN)  # a box that jumps
    assert kinds(42, (7, 200, 0.5), (8, 220, 0.6)) == both(Kind.AGAIN)
    apart = [kinds(number, (7, 200, 0.5), (8, 340, 0.6)) for number in (43, 44, 45)]
    assert apart == [both(Kind.AGAIN), both(Kind.AGAIN), both(Kind.PERSON)]
    assert kinds(46, (7, 200, 0.9), (8, 220, 0.6)) == both(Kind.PERSON)  # somebody else, who stands close now


def test_who_was_in_view_alone_keeps_the_name_when_a_larger_box_comes_around_them() -> None:
    door = camera("cam0", counted=0.4)
    small = ObjectMeta(1, 0, 7, 0.9, 220.0, 150.0, 100.0, 300.0, None)
    large = ObjectMeta(1, 0, 8, 0.9, 200.0, 150.0, 160.0, 300.0, None)
    for number in range(80):  # 8 s, in which nobody new comes
        door.frame(meta(number, [small]), SURFACE, CameraMasks())
    _, pairs = door.frame(meta(80, [small, large]), SURFACE, CameraMasks())
    assert [found.kind for _, found in pairs if found] == [Kind.PERSON, Kind.AGAIN]


def test_who_comes_up_close_to_somebody_is_counted_after_a_second() -> None:
    """No face tells whether it is somebody else; a box of which a part lies outside the other may be."""
    door = camera("cam0", counted=0.4)

    def kind(number: int) -> Kind:
        seen = [
            ObjectMeta(1, 0, one, 0.6, left, 150.0, 100.0, 300.0, None)
            for one, left in ((7, 200.0), (8, 220.0))
        ]
        _, second = (found for _, found in door.frame(meta(number, seen), SURFACE, CameraMasks())[1])
        assert second is not None
        return second.kind

    assert [kind(number) for number in (0, 5, 11)] == [Kind.AGAIN, Kind.AGAIN, Kind.PERSON]


WHOLE, WITHIN, BESIDE = (200.0, 160.0), (220.0, 100.0), (600.0, 100.0)
"""Left edge and width of boxes that are as high."""


def one(number: int, place: tuple[float, float], sure: float = 0.9) -> ObjectMeta:
    return ObjectMeta(1, 0, number, sure, place[0], 150.0, place[1], 300.0, None)


def people_of(door: CameraMeta, number: int, *seen: ObjectMeta, masks: Any = ()) -> list[tuple[Kind, Any]]:
    """Return kind and track's number of each object of a frame."""
    frame, pairs = door.frame(meta(number, [*seen]), SURFACE, CameraMasks(masks))
    assert len(door.heads(frame)) >= len(seen)
    return [(found.kind, found.track and found.track.number) for _, found in pairs if found]


def test_the_second_box_goes_on_with_the_name_where_the_first_is_not_found() -> None:
    """As on the CPU; also where the tracker never finds the first again."""
    door = camera("cam0", counted=0.4)
    assert people_of(door, 0, one(7, WHOLE), one(8, WITHIN)) == [(Kind.PERSON, 1), (Kind.AGAIN, None)]
    for number in range(1, 90):
        door.ended(START + number * 100_000_000)
        assert people_of(door, number, one(8, WITHIN)) == [(Kind.PERSON, 1)]
    assert people_of(door, 90, one(8, WITHIN), one(7, WHOLE)) == [(Kind.AGAIN, None), (Kind.PERSON, 1)]
    assert people_of(door, 91, one(8, WITHIN), one(9, WITHIN)) == [(Kind.PERSON, 1), (Kind.AGAIN, None)]


def test_a_doubtful_box_takes_nobody_who_is_sure() -> None:
    """Who is only masked has no name: the sure one within that box would never be counted."""
    door = camera("cam0", counted=0.4)
    for number in range(20):
        seen = people_of(door, number, one(7, WHOLE, 0.3), *([one(8, WITHIN)] if number > 2 else []))
    assert seen == [(Kind.DOUBTFUL, None), (Kind.PERSON, 1)]


def test_who_is_behind_a_privacy_mask_takes_nobody_who_is_not() -> None:
    door = camera("cam0", counted=0.4)
    left = [((0.0, 0.0), (0.25, 0.0), (0.25, 1.0), (0.0, 1.0))]
    wide, right = (
        (280.0, 79.0),
        (300.0, 60.0),
    )  # on a surface of 1280 px their middles are at 0.2496 and 0.2578
    for number in range(20):
        seen = people_of(door, number, one(7, wide), one(8, right), masks=left)
    assert seen == [(Kind.PERSON, None), (Kind.PERSON, 1)]


def test_who_has_a_name_keeps_it_beside_a_lower_number_of_the_tracker() -> None:
    door = camera("cam0", counted=0.4)
    for number in range(80):
        people_of(door, number, one(700, WITHIN))
    assert people_of(door, 80, one(700, WITHIN), one(8, WHOLE)) == [(Kind.PERSON, 1), (Kind.AGAIN, None)]


def test_numbers_of_the_tracker_that_come_again_after_a_restart_are_others() -> None:
    door = camera("cam0", counted=0.4)
    people_of(door, 0, one(7, WHOLE), one(8, WITHIN))
    door.close()
    assert people_of(door, 1, one(7, WHOLE), one(8, BESIDE)) == [(Kind.PERSON, 2), (Kind.PERSON, 3)]
    assert people_of(door, 2, one(8, BESIDE)) == [(Kind.PERSON, 3)]


def test_a_face_stays_covered_where_only_the_second_box_of_its_person_is_found() -> None:
    """As on the CPU: the second box has a head of its own, though it goes on with the name."""
    door = camera("cam0", counted=0.4)
    whole, second = ((200.0, 160.0), (270.0, 90.0))
    face = ObjectMeta(2, 0, UNTRACKED, 0.9, 240.0, 160.0, 30.0, 40.0, None)
    for number, seen in enumerate([[one(7, whole), one(8, second), face]] * 5 + [[one(8, second)]]):
        frame, _ = door.frame(meta(number, seen), SURFACE, CameraMasks())
        masks = door.heads(frame)
    assert [found.track and found.track.number for found in frame.detections] == [1]
    across, down = frame.size[0] / SURFACE[0], frame.size[1] / SURFACE[1]
    there = Box(240 * across, 160 * down, 30 * across, 40 * down)
    assert any(mask.box.intersection(there) > 0.99 * there.area for mask in masks)


def test_other_masks_outdate_the_pictures_of_before_and_the_same_ones_none() -> None:
    door = camera("cam0")
    door.set_masks([((0, 0), (1, 0), (1, 1))])
    before = door.masks.masked_by
    door.set_masks([[(0, 0), (1, 0), (1, 1)]])
    assert before.in_force
    door.set_masks([])
    assert not before.in_force
    assert door.masks.masked_by.in_force
