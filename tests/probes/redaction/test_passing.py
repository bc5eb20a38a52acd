"""People who pass each other while frames between two analysed ones are shown: no face comes open."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from probes.frame import Box, TrackId
from tests.fakes.scenes import face, frame, person
from tests.probes.redaction.test_between import SIZE, is_in_view, picture, redactor
from tests.probes.redaction.test_faults import open_share

if TYPE_CHECKING:
    from engines.image import I420


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


WALKERS = st.builds(
    Walker, st.floats(450, 750), st.floats(180, 260), st.floats(-280, 280), st.floats(-60, 60)
)
AISLE = [Walker(600, 200, 250, 0), Walker(600, 200, -250, 0)]
QUEUE = [Walker(500 + 100 * place, 200, 200, 0) for place in range(3)]


@given(st.lists(WALKERS, min_size=1, max_size=3), st.sampled_from([0.2, 0.32, 0.48]), st.booleans())
@example(AISLE, 0.48, True)
@example(QUEUE, 0.48, True)
def test_nobody_who_walks_is_open_between(walkers: list[Walker], apart_s: float, tracked: bool) -> None:
    covers = redactor()

    def shown(seconds: float) -> tuple[list[Box], I420]:
        bodies = [walker.body(seconds) for walker in walkers]
        things = [
            (box, 2 * n + high)
            for n, body in enumerate(bodies)
            for high, box in enumerate((body, face_of(body)))
        ]
        return bodies, picture(*((box, 3 + seed) for box, seed in things))

    for share in (-1.5, -0.5, 0.5):
        seconds = share * apart_s
        bodies, pixels = shown(seconds)
        tracks = [TrackId("entrance", "k7f3", n) if tracked else None for n in range(len(bodies))]
        people = [person(b.x, b.y, b.w, b.h, track) for b, track in zip(bodies, tracks, strict=True)]
        faces = [face(*face_of(body)) for body in bodies]
        covers.redact(frame(*people, *faces, ms=round(1000 * (seconds + 1)), size=SIZE), pixels)
    for share in (-0.3, -0.1, 0, 0.1, 0.3):
        bodies, pixels = shown(share * apart_s)
        at = frame(ms=round(1000 * (share * apart_s + 1))).captured_at
        done = covers.redact_between(at, pixels)
        for head in map(face_of, bodies):
            assert not is_in_view(head) or open_share(head, done.masks) <= 0.05, share
