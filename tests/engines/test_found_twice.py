"""Which tracks follow a person whom another follows already."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.found_twice import TrackedTwice
from tests.fakes.plain_found_twice import PlainTrackedTwice

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


def test_who_is_apart_from_somebody_is_not_theirs_by_a_third_box_between_them() -> None:
    """A queue: the second box is the first one's person again, the third lies within the second's."""
    twice = TrackedTwice()
    first, between, last = [0, 0, 100, 300], [5, 5, 140, 300], [70, 10, 135, 295]
    for at in range(20):
        found = twice.update([1, 2, 3], np.array([first, between, last], float), NO_FACES, at * 100 * MS)
    assert 3 not in found or found[3] != 1


def test_a_double_that_was_near_another_double_stays_its_persons() -> None:
    """Left and right half of one person, and the whole: the halves are apart, each lies within the whole."""
    twice = TrackedTwice()
    left, right = [0, 10, 55, 295], [45, 10, 100, 295]
    found = [
        dict(twice.update([1, 2, 3], np.array([WHOLE, left, right], float), NO_FACES, at * 700 * MS))
        for at in range(6)
    ]
    assert found == [{2: 1, 3: 1}] * 6


SIDE = [15, 0, 115, 300]
FACE, OTHER_FACE = [45, 20, 60, 45], [66, 20, 81, 45]


def test_two_who_have_a_face_each_are_two_people_though_one_face_was_not_seen_at_first() -> None:
    twice, found = TrackedTwice(), []
    for at, faces in enumerate([[FACE]] * 3 + [[FACE, OTHER_FACE]] * 3 + [[FACE]] * 8):
        seen = twice.update([1, 2], np.array([WHOLE, SIDE], float), np.array(faces, float), at * 500 * MS)
        found.append(dict(seen))
    assert found == [{2: 1}] * 5 + [{}] * 9


def test_a_face_behind_a_person_found_twice_makes_nobody_two() -> None:
    twice = TrackedTwice()
    for at in range(20):
        faces = np.array([FACE, OTHER_FACE], float)
        assert dict(twice.update([1, 2], np.array([WHOLE, WITHIN], float), faces, at * 500 * MS)) == {2: 1}


def test_who_was_named_is_nobody_elses_box_and_may_come_with_a_higher_number() -> None:
    twice = TrackedTwice()
    pair = np.array([WITHIN, WHOLE], float)
    assert dict(twice.update([7, 5], pair, NO_FACES, 0, named={7})) == {5: 7}
    assert dict(twice.update([7, 5], pair, NO_FACES, MS, named={7, 5})) == {}


places = st.integers(0, 12).map(lambda step: 10.0 * step)
people = st.tuples(places, st.sampled_from([0.0, 10.0]), st.sampled_from([40.0, 60.0, 100.0]))
frames = st.lists(
    st.tuples(
        st.dictionaries(st.integers(1, 7), people, max_size=6),
        st.lists(places, max_size=3),
        st.sampled_from([40, 100, 900, 6000]),
        st.sets(st.integers(1, 7), max_size=2),
    ),
    max_size=14,
)


@given(frames)
@settings(max_examples=150, deadline=None)
def test_it_says_the_same_as_the_plain_form(film: Any) -> None:
    """Some of those who are nobody else's person are named then."""
    twice, plain, at, named = TrackedTwice(), PlainTrackedTwice(), 0, set[int]()
    for tracks, faces, pause, some in film:
        at += pause * MS
        numbers = [*tracks]
        boxes = np.array([(x, y, x + w, 300 + y) for x, y, w in tracks.values()], float).reshape(-1, 4)
        found = np.array([(x, 20, x + 10, 40) for x in faces], float).reshape(-1, 4)
        said = twice.update(numbers, boxes, found, at, named=named)
        assert dict(said) == plain.update(numbers, boxes, found, at, named=named)
        assert all(said[owner] != one for one, owner in said.items() if owner in said)
        named |= some & (tracks.keys() - said.keys())
