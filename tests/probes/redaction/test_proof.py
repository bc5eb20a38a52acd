"""probes.redaction.proof: whether everybody in a frame was masked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.frame import Box, Detection, Frame, Kind
from probes.redaction.heads import By, Heads, Mask, head_of
from probes.redaction.proof import is_everybody_masked

PERSON = Box(100, 100, 60, 200)
NEEDED = frozenset({Kind.PERSON, Kind.FACE})
SIDES = st.floats(1, 400)
BOXES = st.builds(Box, st.floats(-100, 700), st.floats(-100, 500), SIDES, SIDES)
KINDS = [Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN, Kind.FACE]
PEOPLE = st.lists(
    st.builds(Detection, st.sampled_from(KINDS), st.just("x"), st.floats(0, 1), BOXES),
    max_size=6,
)


def frame(*found: Detection, at: int = 0) -> Frame:
    return Frame("door", at, (640, 480), found, NEEDED)


@pytest.mark.parametrize(
    ("mask", "masked"),
    [
        (head_of(PERSON), True),
        (Box(120, 105, 20, 25), True),
        (Box(0, 0, 640, 480), True),
        (Box(100, 200, 60, 60), False),
        (Box(400, 100, 60, 60), False),
    ],
)
@pytest.mark.parametrize("kind", [Kind.PERSON, Kind.DOUBTFUL, Kind.AGAIN])
def test_a_person_is_masked_by(kind: Kind, mask: Box, masked: bool) -> None:
    seen = frame(Detection(kind, "person", 0.9, PERSON))
    assert is_everybody_masked(seen, [Mask(mask, By.DETECTOR)]) is masked
    assert not is_everybody_masked(seen, [])


def test_nobody_and_who_is_outside_the_picture_need_no_mask() -> None:
    assert is_everybody_masked(frame(), [])
    assert is_everybody_masked(frame(Detection(Kind.PERSON, "person", 0.9, Box(100, -300, 60, 200))), [])


@given(st.lists(PEOPLE, min_size=1, max_size=4))
def test_whatever_is_detected_everybody_is_masked(film: list[list[Detection]]) -> None:
    heads = Heads(margin=0.25, hold_ms=800)
    for number, found in enumerate(film):
        seen = frame(*found, at=number * 100_000_000)
        assert is_everybody_masked(seen, heads.locate(seen))
