"""Which cameras are suspended on traces: by priority, in turn, the empty ones first."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.turns import LOOK_ROUND_S, TURN_S, Turns

ALIKE = {"a": 1, "b": 1, "c": 1, "d": 1}
CROWDED = dict.fromkeys(ALIKE, 2)


def run(turns, seconds, cameras=ALIKE, count=1, people=CROWDED, begin=0):
    return [turns.choose(now, cameras, count, people) for now in range(begin, begin + seconds)]


def test_every_camera_has_its_turn_and_all_as_long():
    for count in (1, 2, 3):
        turns = Turns()
        told = run(turns, 2400, count=count)
        assert {len(one) for one in told} == {count}
        lasted = Counter(camera for one in told for camera in one)
        assert max(lasted.values()) - min(lasted.values()) <= 4 * TURN_S


def test_no_turn_is_shorter_than_the_looks_of_a_person_take():
    told = run(Turns(), 1200, count=2)
    changes = [n for n in range(1, len(told)) if set(told[n]) != set(told[n - 1])]
    assert all(b - a >= TURN_S for a, b in pairwise(changes))


def test_a_lower_priority_is_suspended_for_good_before_a_higher_one():
    told = run(Turns(), 600, cameras={"a": 2, "b": 1, "c": 2, "d": 2}, count=2)
    assert all("b" in one for one in told)
    assert len({camera for one in told for camera in one}) == 4


def test_the_only_one_with_people_stays_while_the_others_take_turns():
    told = run(Turns(), 1200, people={"a": 0, "b": 3, "c": 0, "d": 0})
    assert Counter(camera for one in told for camera in one).keys() == {"a", "c", "d"}


def test_an_empty_one_looks_round_and_stays_away_while_nobody_is_there():
    turns, two = Turns(), {"a": 1, "b": 1}
    told = run(turns, 1000, cameras=two, people={"a": 2, "b": 0})
    assert set(told) == {("b",), ()}
    assert told.count(()) <= 1000 * LOOK_ROUND_S / TURN_S
    told = run(turns, 200, cameras=two, people={"a": 2, "b": 1}, begin=1000)
    assert ("a",) in told


def test_the_longest_suspended_returns_first():
    turns = Turns()
    run(turns, 30, count=1)
    run(turns, 30, count=2, begin=30)
    assert turns.choose(61, ALIKE, 1, CROWDED) == ("b",)


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3)),
            st.integers(0, 6),
            st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 5)),
            st.integers(1, 200),
        ),
        max_size=12,
    )
)
def test_never_more_are_suspended_than_are_asked_for_nor_unknown_ones(phases):
    turns, now = Turns(), 0
    for cameras, count, people, seconds in phases:
        for _ in range(seconds):
            now += 1
            told = turns.choose(now, cameras, count, {camera: people.get(camera, 0) for camera in cameras})
            assert set(told) <= set(cameras)
            wanted = min(count, len(cameras))
            assert len(told) == wanted or (turns.looks_round and len(told) == wanted - 1)
