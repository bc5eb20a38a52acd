"""Two people side by side, of whom detectors miss a face here and a person there: neither head comes open."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from probes.frame import Box, Detection, TrackId
from probes.redaction.heads import By, Heads
from tests.fakes.scenes import face, frame, person
from tests.probes.redaction.test_faults import open_share

TRACKS = TrackId("entrance", "k7f3", 1), TrackId("entrance", "k7f3", 2)
SOMETHING = st.sampled_from(["both", "face", "person"])
ANYTHING = SOMETHING | st.just("nothing")
FILMS = st.lists(st.tuples(st.tuples(ANYTHING, ANYTHING), st.tuples(SOMETHING, SOMETHING)), max_size=3)
"""What is found of the two, frame by frame; of nobody nothing twice in a row."""


def body(at: float, ms: int, speed: float) -> Box:
    return Box(600 + at + speed * ms / 1000, 200, 100, 260)


def head(body: Box) -> Box:
    return Box(body.x + 32, body.y + 8, 36, 44)


def found(what: str, place: Box, track: TrackId | None) -> list[Detection]:
    seen = [person(place.x, place.y, place.w, place.h, track)] if what in ("both", "person") else []
    return [*seen, *([face(*head(place))] if what in ("both", "face") else [])]


@given(
    apart=st.floats(50, 160),
    speed=st.floats(-150, 150),
    interval=st.sampled_from([40, 80, 120]),  # a face that was seen is remembered for all of the film
    film=FILMS.map(lambda steps: [frame for step in steps for frame in step]),
)
@example(55, 0, 40, [("person", "face")])
@example(70, 0, 100, [("both", "face"), ("nothing", "both")])
def test_neither_of_two_is_open_for_the_other(
    apart: float, speed: float, interval: int, film: list[tuple[str, str]]
) -> None:
    heads = Heads(margin=0.25, hold_ms=800)
    for number, whats in enumerate([("both", "both")] * 2 + film):
        places = [body(at, number * interval, speed) for at in (0, apart)]
        seen = [found(*one) for one in zip(whats, places, TRACKS, strict=True)]
        masks = heads.locate(frame(*seen[0], *seen[1], ms=number * interval, size=(1280, 720)))
        for place in places:
            assert open_share(head(place), masks) <= 0.05, (number, whats)


@given(
    apart=st.floats(28, 50),
    speed=st.floats(-100, 100),
    interval=st.sampled_from([40, 100, 200]),
    turned_ms=st.integers(0, 3000),
    film=st.lists(st.sampled_from(["both", "face", "face"]), min_size=1, max_size=40),
)
@example(40, 0, 100, 1500, ["face"] * 15)
def test_who_turns_away_is_not_open_for_the_face_of_who_is_found_without_a_body(
    apart: float, speed: float, interval: int, turned_ms: int, film: list[str]
) -> None:
    """As of a child on the arm, whose face lies in the box of who carries it, after both were found apart."""
    heads = Heads(margin=0.25, hold_ms=800)
    steps = (
        [("both", "both")] * 3
        + [("person", "both")] * (turned_ms // interval)
        + [("person", one) for one in film]
    )
    for number, whats in enumerate(steps):
        places = [body(at, number * interval, speed) for at in (0, apart)]
        seen = [found(*one) for one in zip(whats, places, TRACKS, strict=True)]
        masks = heads.locate(frame(*seen[0], *seen[1], ms=number * interval, size=(1280, 720)))
        for place in places:
            assert open_share(head(place), masks) <= 0.05, (number, whats)


def test_a_person_who_is_found_again_has_the_face_that_was_followed_meanwhile() -> None:
    heads = Heads(margin=0.25, hold_ms=800)
    for number, what in enumerate(["both", "both", "face", "face", "both", "both"]):
        place = body(0, 100 * number, 100)
        masks = heads.locate(frame(*found(what, place, TRACKS[0]), ms=100 * number, size=(1280, 720)))
    assert [mask.by for mask in masks] == [By.DETECTOR]


def test_whose_track_got_another_number_is_not_held_where_they_were() -> None:
    heads = Heads(margin=0.25, hold_ms=800)
    for number, track in enumerate((TRACKS[0], TRACKS[0], TRACKS[1])):
        seen = found("both", body(0, 100 * number, 150), track)
        masks = heads.locate(frame(*seen, ms=100 * number, size=(1280, 720)))
        assert [mask.by for mask in masks] == [By.DETECTOR]
