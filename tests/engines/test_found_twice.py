"""Which tracks follow a person whom another follows already."""

from __future__ import annotations

import numpy as np

from engines.found_twice import TrackedTwice

MS = 1_000_000
NO_FACES = np.zeros((0, 4))
BYSTANDER, WHOLE, WITHIN, ASIDE = [400, 0, 500, 300], [0, 0, 100, 300], [20, 10, 80, 295], [70, 0, 150, 300]


def owners(*seconds: list[int]) -> list[bool]:
    """Return in which frames the third track is the second one's; the first stands far away all the time."""
    twice = TrackedTwice()
    return [
        dict(twice.update([1, 2, 3], np.array([BYSTANDER, WHOLE, box], float), NO_FACES, at * 100 * MS))
        == {3: 2}
        for at, box in enumerate(seconds)
    ]


def test_a_box_that_jumps_once_makes_nobody_two_beside_a_third_person() -> None:
    assert owners(WITHIN, ASIDE, ASIDE, WITHIN, ASIDE, WITHIN) == [True] * 6


def test_three_frames_apart_are_two_people_for_good() -> None:
    assert owners(WITHIN, ASIDE, ASIDE, ASIDE, WITHIN) == [True, True, True, False, False]


def test_tracks_that_are_gone_are_forgotten() -> None:
    twice = TrackedTwice()
    pair = np.array([WHOLE, WITHIN], float)
    assert dict(twice.update([1, 2], pair, NO_FACES, 0)) == {2: 1}
    assert dict(twice.update([], np.zeros((0, 4)), NO_FACES, 6_000 * MS)) == {}


def test_which_of_two_tracks_is_the_person_does_not_change_with_their_sizes() -> None:
    twice = TrackedTwice()
    both = [np.array(pair, float) for pair in ([WHOLE, WITHIN], [WITHIN, WHOLE], [WHOLE, WITHIN])]
    assert [dict(twice.update([1, 2], boxes, NO_FACES, at * 100 * MS)) for at, boxes in enumerate(both)] == [
        {2: 1}
    ] * 3
