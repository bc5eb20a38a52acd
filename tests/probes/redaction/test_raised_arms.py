"""Somebody reaches for a high shelf, the face turned away: the box grows upwards, not the head."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from probes.frame import Box, TrackId
from probes.redaction.heads import Heads, head_of
from tests.fakes.scenes import face, frame, person
from tests.probes.redaction.test_faults import open_share

ANN = TrackId("entrance", "k7f3", 1)
SIZE = 1280, 720
BODY, HEAD = Box(600, 250, 110, 320), Box(638, 262, 34, 42)


def reaching_up(lift: float, aside: float, share: float) -> Box:
    """Return the box while arms are raised. lift, aside: px at their highest; share: how far that is."""
    up, wide = lift * share, aside * share
    return Box(BODY.x - max(0, -wide), BODY.y - up, BODY.w + abs(wide), BODY.h + up)


@given(
    lift=st.floats(0, 110),
    aside=st.floats(-25, 25),
    interval=st.sampled_from([40, 80, 200]),
    takes_ms=st.integers(100, 700),
    was_face_seen=st.booleans(),
    tracked=st.booleans(),
    lost=st.integers(0, 700),
)
@example(lift=90, aside=0, interval=40, takes_ms=400, was_face_seen=True, tracked=True, lost=0)
@example(lift=90, aside=0, interval=200, takes_ms=100, was_face_seen=False, tracked=True, lost=400)
def test_arms_that_are_raised_open_no_head(
    lift: float, aside: float, interval: int, takes_ms: int, was_face_seen: bool, tracked: bool, lost: int
) -> None:
    """lost: ms at the end in which both detectors miss her."""
    heads, track = Heads(margin=0.25, hold_ms=800), ANN if tracked else None
    for ms in range(0, 2500 + lost, interval):
        box = reaching_up(lift, aside, min(1, max(0, ms - 300) / takes_ms))
        seen = [person(*box, track)] if ms <= 2500 else []
        faces = [face(*HEAD)] if was_face_seen and ms < 300 else []
        masks = heads.locate(frame(*seen, *faces, ms=ms, size=SIZE))
        assert open_share(HEAD, masks) <= 0.05, ms


def test_who_has_stood_up_is_not_covered_to_where_the_head_was_for_long() -> None:
    heads = Heads(margin=0.25, hold_ms=800)
    for ms in range(0, 4000, 100):
        box = BODY if ms < 300 else reaching_up(100, 0, 1)
        masks = heads.locate(frame(person(*box, ANN), ms=ms, size=SIZE))
        assert (masks[0].box.h > head_of(box).h + 80) is (300 <= ms <= 3200), ms


def test_who_comes_in_over_the_bottom_of_the_picture_is_covered_no_lower() -> None:
    heads = Heads(margin=0.25, hold_ms=800)
    for ms in range(0, 800, 100):
        box = Box(600, 620 - ms / 4, 110, 100 + ms / 4)
        (mask,) = heads.locate(frame(person(*box, ANN), ms=ms, size=SIZE))
        assert mask.box.h <= head_of(box).h + 1e-6
