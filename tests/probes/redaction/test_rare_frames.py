"""Frames that come rarely: who is missed in one may have begun to walk, stopped or turned meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes.frame import Box, Detection, Kind, TrackId
from probes.redaction.heads import Heads
from probes.redaction.regions import WideMask
from tests.fakes.scenes import face, frame, person
from tests.probes.redaction.test_between import SIZE, is_in_view, picture, redactor
from tests.probes.redaction.test_faults import open_share

ANN = TrackId("entrance", "k7f3", 1)
METRE = 141
"""Px, of somebody of 1.7 m whose box is 240 px high."""
WALK = 1.4
"""Metres a second."""


def body(metres: float) -> Box:
    return Box(580 + METRE * metres, 240, 80, 240)


def head(metres: float) -> Box:
    return Box(body(metres).x + 24, 246, 24, 32)


def found(metres: float, what: str, track: TrackId | None = None) -> list[Detection]:
    seen = [person(*body(metres), track)] if what != "face" else []
    return [*seen, *([face(*head(metres))] if what != "person" else [])]


@given(
    steps=st.lists(st.floats(-WALK, WALK), min_size=1, max_size=5),
    missed=st.floats(-WALK, WALK),
    seconds=st.floats(0.31, 1.5),
    before_s=st.none() | st.just(0.1),
    whats=st.lists(st.sampled_from(["both", "face", "person"]), min_size=6, max_size=6),
    tracked=st.booleans(),
)
@example([0], WALK, 1.0, None, ["both"] * 6, False)
@example([WALK, WALK], -WALK, 0.5, None, ["both"] * 6, True)
@example([0, 0, 0], WALK, 1.5, 0.1, ["both"] * 6, True)
def test_who_is_missed_in_a_frame_long_after_the_last_one_is_not_open(
    steps: list[float],
    missed: float,
    seconds: float,
    before_s: float | None,
    whats: list[str],
    tracked: bool,
) -> None:
    """steps: metres a second, from frame to frame. before_s: between those before, if they came often."""
    heads, at, ms = Heads(margin=0.25, hold_ms=800), 0.0, 0
    for speed, what in zip([0, *steps], whats, strict=False):
        at += speed * (before_s or seconds)
        ms += round(1000 * (before_s or seconds))
        heads.locate(frame(*found(at, what, ANN if tracked else None), ms=ms, size=SIZE))
    masks = heads.locate(frame(ms=ms + round(1000 * seconds), size=SIZE))
    assert open_share(head(at + missed * seconds), masks) <= 0.05


@pytest.mark.parametrize("away", [0.0, 0.4])
def test_only_what_changed_is_covered_of_where_the_missed_one_can_be(away: float) -> None:
    """The picture tells: of two metres to each side two places are left, or none where nothing changed."""
    covers = redactor()
    for number in range(2):
        shown = picture((body(0), 1), (head(0), 2))
        covers.redact(frame(*found(0, "both"), ms=1000 * number, size=SIZE), shown)
    shown = picture((body(away), 1), (head(away), 2))
    done = covers.redact(frame(ms=2000, size=SIZE), shown)
    covered = np.zeros(SIZE[::-1], np.bool_)
    for box, _ in done.masks:
        covered[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
    assert is_in_view(head(away))
    assert open_share(head(away), done.masks) <= 0.05
    assert covered.mean() < 0.1


def is_wide(*last: Detection, ms: int = 1000, kind: Kind = Kind.PERSON) -> bool:
    heads = Heads(margin=0.25, hold_ms=800)
    heads.locate(frame(Detection(kind, "person", 0.9, body(0)), ms=0, size=SIZE))
    return any(isinstance(mask, WideMask) for mask in heads.locate(frame(*last, ms=ms, size=SIZE)))


def test_who_may_be_somebody_that_is_found_or_nobody_at_all_is_covered_no_wider() -> None:
    assert is_wide()
    assert not is_wide(ms=250)
    assert not is_wide(*found(0.9, "person"))
    assert not is_wide(kind=Kind.DOUBTFUL)
