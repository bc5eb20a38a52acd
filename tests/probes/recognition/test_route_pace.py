"""When a look may leave keypoints, and the question what is worn, out."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from engines.image import I420
from engines.marks.types import Route
from probes.answers import LookAnswer, Mark, Worn
from probes.frame import Box, Frame, TrackId
from probes.recognition.look import Look
from probes.recognition.look_history import MAX_KNOWN
from probes.recognition.look_scheduler import ROUND
from probes.recognition.route_pace import EVERY, RoutePace

ANN, BOB = TrackId("c", "s", 1), TrackId("c", "s", 2)
FRAME = Frame("c", 0, (80, 200), ())
CROP = I420.black(80, 200)


def seeks(pace: RoutePace, track: TrackId = ANN, *, fine: bool = False) -> bool:
    without = pace.without(Look(track, FRAME, 0, 0, CROP, fine))
    assert without in (frozenset(), {Route.EMBLEM, Route.PATTERN}), "nothing is known of the words yet"
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


def reads(pace: RoutePace, *, fine: bool = False) -> bool:
    return Route.WORDS not in pace.without(Look(ANN, FRAME, 0, 0, CROP, fine))


def test_on_whom_no_text_was_read_words_are_sought_rarely_until_one_is() -> None:
    pace = RoutePace()
    pace.note(replace(saw(ANN), words=0))
    assert all(reads(pace) for _ in range(ROUND)), "who walks by has no other looks"
    assert [reads(pace) for _ in range(2 * ROUND)] == ([True] * 2 + [False] * 4) * 2
    assert [reads(pace) for _ in range(3)] == [True, True, False]
    assert reads(pace, fine=True), "a better look reads them"
    pace.note(saw(ANN))
    assert not reads(pace), "a look that sought none tells nothing"
    pace.note(replace(saw(ANN), words=1))
    pace.note(replace(saw(ANN), words=0))
    assert all(reads(pace) for _ in range(2 * ROUND)), "there is text, though not always read"


def test_words_are_sought_quickly_where_a_look_as_good_read_none() -> None:
    pace, plain, better = RoutePace(), Look(ANN, FRAME, 0, 0, CROP), Look(ANN, FRAME, 0, 0, CROP, fine=True)
    assert not pace.reads_quickly(plain), "nothing is known of the words yet"
    pace.note(saw(ANN))
    assert not pace.reads_quickly(plain), "a look that sought none tells nothing"
    pace.note(replace(saw(ANN), words=0))
    assert pace.reads_quickly(plain)
    assert not pace.reads_quickly(better)
    pace.note(replace(saw(ANN), words=2))
    pace.note(replace(saw(ANN), words=0))
    assert not pace.reads_quickly(plain), "there is text, though not always read"


def wears(*types: str, bare: bool = True) -> LookAnswer:
    return LookAnswer(ANN, FRAME, (), tuple(Worn(type_, 0.9, Box(0, 0, 20, 20)) for type_ in types), bare)


def asks(pace: RoutePace, confirmed: set[str], *, fine: bool = False) -> bool:
    return pace.asks_clothes(Look(ANN, FRAME, 0, 0, CROP, fine), confirmed)


def test_who_wears_only_what_is_confirmed_is_asked_about_in_one_look_of_three() -> None:
    pace, known = RoutePace(), {"top", "trousers"}
    assert all(asks(pace, known) for _ in range(4)), "nothing is known of it yet"
    pace.note(wears("shirt", "jeans"))
    assert asks(pace, known), "one look is no habit"
    pace.note(wears("t-shirt", "trousers"))
    assert [asks(pace, known) for _ in range(2 * EVERY)] == [False, False, True] * 2
    assert not asks(pace, known)
    assert asks(pace, known, fine=True)
    assert [asks(pace, known) for _ in range(EVERY)] == [False, False, True]
    assert asks(pace, {"top"}), "the trousers are no longer confirmed"
    assert all(asks(pace, set()) for _ in range(4))


@pytest.mark.parametrize("new", [wears("shirt", "jeans", "handbag"), wears("shirt", "jeans", bare=False)])
def test_a_bag_taken_up_or_a_figure_is_asked_about_in_every_look(new: LookAnswer) -> None:
    pace, known = RoutePace(), {"top", "trousers"}
    assert asks(pace, known)
    for _ in range(2):
        pace.note(wears("shirt", "jeans"))
    assert not asks(pace, known)
    for _ in range(3):
        pace.note(new)
        assert all(asks(pace, known) for _ in range(4))
    pace.note(LookAnswer(ANN, FRAME, ()))
    assert asks(pace, known), "a look that was not asked changes nothing"


def test_looks_that_come_rarely_all_ask_what_is_worn() -> None:
    pace = RoutePace()
    for _ in range(2):
        pace.note(wears("shirt"))
    for second in range(0, 20, 2):
        later = replace(FRAME, captured_at=second * 1_000_000_000)
        assert pace.asks_clothes(Look(ANN, later, 0, 0, CROP), {"top"})


def test_what_is_kept_is_bounded() -> None:
    pace = RoutePace()
    for number in range(MAX_KNOWN + 5):
        track = TrackId("c", "s", number)
        seeks(pace, track)
        pace.note(saw(track, Route.EMBLEM))
        for _ in range(2):
            pace.note(replace(wears("shirt"), track=track, words=0))
        pace.asks_clothes(Look(track, FRAME, 0, 0, CROP), {"top"})
    assert len(pace._spared) <= MAX_KNOWN
    assert len(pace._seen) == len(pace._worn) == len(pace._settled) == len(pace._texts) == MAX_KNOWN
    assert len(pace._undressed) <= MAX_KNOWN
    last = Look(TrackId("c", "s", MAX_KNOWN + 4), FRAME, 0, 0, CROP)
    assert all(Route.EMBLEM not in pace.without(last) for _ in range(EVERY))


def test_workers_that_look_at_once_neither_fail_nor_remember_more_than_is_allowed() -> None:
    pace, before = RoutePace(), sys.getswitchinterval()

    def look(session: str) -> None:
        for number in range(4 * MAX_KNOWN):
            pace.without(Look(TrackId("c", session, number), FRAME, 0, 0, CROP))

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(look, "abcd"))
    finally:
        sys.setswitchinterval(before)
    assert len(pace._looks) == len(pace._spared) == MAX_KNOWN
