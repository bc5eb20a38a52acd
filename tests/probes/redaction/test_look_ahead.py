"""probes.redaction.look_ahead: what a later frame shows is covered in the earlier ones, too."""

from __future__ import annotations

from probes.frame import Box, Detection, Frame, Kind
from probes.redaction.heads import By
from probes.redaction.look_ahead import masks_from_later

MS = 1_000_000
NEEDED = frozenset({Kind.PERSON, Kind.FACE})


def frame(ms: int, *faces: Box) -> Frame:
    found = tuple(Detection(Kind.FACE, "face", 0.9, face) for face in faces)
    return Frame("door", ms * MS, (640, 480), found, NEEDED)


def covered(frames: list[Frame], face: Box) -> bool:
    masks = masks_from_later(frames, margin=0.25)
    return any(mask.box.intersection(face) >= 0.95 * face.area for mask in masks)


def test_a_face_that_is_found_later_is_covered_where_it_came_from() -> None:
    """It enters at the left border at 2 px per frame of 40 ms, and is found from the fourth frame on."""
    there = [Box(2.0 * number, 100, 30, 40) for number in range(8)]
    frames = [frame(40 * n, *([there[n]] if n >= 3 else [])) for n in range(8)]
    for first in range(3):
        assert covered(frames[first:], there[first])


def test_what_is_found_now_or_much_later_adds_nothing() -> None:
    face = Box(100, 100, 30, 40)
    assert masks_from_later([frame(0, face), frame(40, face)], margin=0.25) == ()
    assert masks_from_later([frame(0), frame(3100, face)], margin=0.25) == ()
    assert masks_from_later([frame(0)], margin=0.25) == ()


def test_its_masks_are_holds() -> None:
    (mask,) = masks_from_later([frame(0), frame(40, Box(100, 100, 30, 40))], margin=0.25)
    assert mask.by is By.HOLD
