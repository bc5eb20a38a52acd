"""When a look may leave the keypoints out."""

from __future__ import annotations

from engines.image import I420
from engines.marks.types import Route
from probes.answers import LookAnswer, Mark
from probes.frame import Box, Frame, TrackId
from probes.recognition.look import Look
from probes.recognition.route_pace import EVERY, MAX_TRACKS, RoutePace

ANN, BOB = TrackId("c", "s", 1), TrackId("c", "s", 2)
FRAME = Frame("c", 0, (80, 200), ())
CROP = I420.black(80, 200)


def seeks(pace: RoutePace, track: TrackId = ANN, *, fine: bool = False) -> bool:
    without = pace.without(Look(track, FRAME, 0, 0, CROP, fine))
    assert without in (frozenset(), {Route.EMBLEM, Route.PATTERN}), "words and symbols are never left out"
    return not without


def saw(track: TrackId, *routes: Route) -> LookAnswer:
    return LookAnswer(track, FRAME, tuple(Mark("nike", 0.9, Box(0, 0, 20, 20), route) for route in routes))


def test_keypoints_are_sought_in_better_looks_and_in_one_of_three() -> None:
    pace = RoutePace()
    assert seeks(pace, fine=True)
    assert [seeks(pace) for _ in range(2 * EVERY)] == [False, False, True] * 2
    assert not seeks(pace)
    assert seeks(pace, fine=True)
    assert [seeks(pace) for _ in range(EVERY)] == [False, False, True]


def test_who_was_seen_with_an_emblem_gets_them_in_every_look() -> None:
    pace = RoutePace()
    pace.note(saw(ANN, Route.WORDS, Route.EMBLEM))
    pace.note(saw(BOB, Route.WORDS, Route.SYMBOL))
    assert all(seeks(pace) for _ in range(5))
    assert [seeks(pace, BOB) for _ in range(EVERY)] == [False, False, True]


def test_what_is_kept_is_bounded() -> None:
    pace = RoutePace()
    for number in range(MAX_TRACKS + 5):
        track = TrackId("c", "s", number)
        seeks(pace, track)
        pace.note(saw(track, Route.EMBLEM))
    assert len(pace._spared) <= MAX_TRACKS
    assert len(pace._seen) == MAX_TRACKS
    assert seeks(pace, TrackId("c", "s", MAX_TRACKS + 4))
