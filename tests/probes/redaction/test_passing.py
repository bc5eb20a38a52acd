"""People who pass each other while frames between two analysed ones are shown: no face comes open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engines.explained_motion import NOWHERE, SeenPicture
from probes.frame import Box, TrackId
from probes.redaction.between import Analysed, masks_between
from probes.redaction.regions import By, Mask, PartMask
from tests.fakes.scenes import face, frame, person
from tests.probes.redaction.test_between import SIZE, is_in_view, picture, redactor
from tests.probes.redaction.test_faults import open_share

if TYPE_CHECKING:
    from engines.image import I420
    from probes.redaction.redact import RedactedFrame, Redactor


class Walker(NamedTuple):
    """Somebody whose box is 80 px (55 cm) wide. x, y: its place half-way, px; vx, vy: px a second."""

    x: float
    y: float
    vx: float
    vy: float

    def body(self, seconds: float) -> Box:
        return Box(self.x - 40 + self.vx * seconds, self.y + self.vy * seconds, 80, 240)


def face_of(body: Box) -> Box:
    return Box(body.x + 20, body.y + 8, 40, 50)


def shown(walkers: list[Walker], seconds: float) -> I420:
    bodies = [walker.body(seconds) for walker in walkers]
    things = [
        (box, 2 * n + high) for n, body in enumerate(bodies) for high, box in enumerate((body, face_of(body)))
    ]
    return picture(*((box, 3 + seed) for box, seed in things))


def analysed(covers: Redactor, walkers: list[Walker], seconds: float, *, tracked: bool) -> RedactedFrame:
    people = [
        person(*walker.body(seconds), TrackId("entrance", "k7f3", n) if tracked else None)
        for n, walker in enumerate(walkers)
    ]
    faces = [face(*face_of(walker.body(seconds))) for walker in walkers]
    known = frame(*people, *faces, ms=round(1000 * (seconds + 1)), size=SIZE)
    return covers.redact(known, shown(walkers, seconds))


def between(covers: Redactor, walkers: list[Walker], seconds: float) -> RedactedFrame:
    return covers.redact_between(frame(ms=round(1000 * (seconds + 1))).captured_at, shown(walkers, seconds))


WALKERS = st.builds(
    Walker, st.floats(450, 750), st.floats(180, 260), st.floats(-280, 280), st.floats(-60, 60)
)
AISLE = [Walker(600, 200, 250, 0), Walker(600, 200, -250, 0)]
QUEUE = [Walker(500 + 100 * place, 200, 200, 0) for place in range(3)]


ABREAST = [Walker(420 + 110 * place, 200 + 15 * (place % 2), 60, 40) for place in range(5)]


@given(st.lists(WALKERS, min_size=1, max_size=3), st.sampled_from([0.2, 0.32, 0.48]), st.booleans())
@example(AISLE, 0.48, True)
@example(QUEUE, 0.48, True)
def test_nobody_who_walks_is_open_between(walkers: list[Walker], apart_s: float, tracked: bool) -> None:
    covers = redactor()
    for share in (-1.5, -0.5, 0.5):
        analysed(covers, walkers, share * apart_s, tracked=tracked)
    for share in (-0.3, -0.1, 0, 0.1, 0.3):
        done = between(covers, walkers, share * apart_s)
        for head in (face_of(walker.body(share * apart_s)) for walker in walkers):
            assert not is_in_view(head) or open_share(head, done.masks) <= 0.05, share


def area(redacted: RedactedFrame) -> int:
    covered = np.zeros(SIZE[::-1], np.bool_)
    for box, _ in redacted.masks:
        covered[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = True
    return int(covered.sum())


def test_a_row_of_people_is_not_covered_as_a_whole_between() -> None:
    covers = redactor()
    around = [area(analysed(covers, ABREAST, seconds, tracked=True)) for seconds in (-0.3, -0.1, 0.1)]
    assert area(between(covers, ABREAST, 0)) <= 2.5 * max(around)


@pytest.mark.parametrize(("kind", "may_pass"), [(Mask, True), (PartMask, False)])
def test_only_heads_in_one_piece_are_of_people_who_pass(kind: type[Mask], may_pass: bool) -> None:
    """Many boxes cover where a lost head has gone; ways from all to all of them covered half of a shop."""
    masks = [kind(Box(300 + 40 * n, 200, 40, 50), By.HOLD) for n in range(3)]
    wall = np.full((45, 80), 90, np.float32)
    before, after = (
        Analysed(frame(ms=ms, size=SIZE), masks, SeenPicture(ms * 10**6, wall, NOWHERE)) for ms in (0, 200)
    )
    shown = wall.copy()
    shown[15, 18:30] = 200  # below all three
    assert (len(list(masks_between(before, after, 10**8, shown))) > len(masks)) is may_pass
