"""Frames of an earlier connection are told from those of the present one, whatever their PTS."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.nvds.frame_origins import RECORD, FrameOrigins

UNDER_WAY = 20
"""So many frames of a camera at most lie between mux and probe here."""


def test_until_the_first_change_every_frame_is_current():
    assert FrameOrigins().is_current(7)


def test_frames_of_an_earlier_connection_are_not_current_and_those_of_the_present_one_are():
    origins = FrameOrigins()
    origins.add(0, 40)
    second = origins.renew()
    assert not origins.is_current(40)
    assert not origins.is_current(99)  # never seen on its way to the mux
    origins.add(second, 80)
    origins.add(second, 40)  # a file that begins anew has the same times again
    assert [origins.is_current(pts) for pts in (80, 40)] == [True, False]


def test_a_change_that_failed_leaves_the_old_connection_current():
    origins = FrameOrigins()
    origins.add(0, 40)
    origins.renew()
    origins.restore(0)
    assert origins.is_current(40)


def test_once_so_many_have_followed_that_no_old_one_can_come_nothing_is_looked_up_any_more():
    origins = FrameOrigins()
    origins.add(0, 40)
    second = origins.renew()
    for pts in range(RECORD):
        origins.add(second, pts)
    assert origins.is_current(2**64 - 1)  # of a mux that wrote no PTS: late, but not never
    third = origins.renew()
    assert not origins.is_current(5)
    origins.add(third, 1000)
    assert origins.is_current(1000)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(st.just("renew"), st.just("arrive"), st.integers(0, 12).map(lambda pts: pts * 40)),
        max_size=400,
    )
)
def test_no_frame_of_an_earlier_connection_is_ever_taken_for_a_new_one(steps):
    """Frames enter by their PTS, arrive in their order, and the connection changes at any time."""
    origins, under_way, generation = FrameOrigins(), deque(), 0
    for step in steps:
        if step == "renew":
            generation = origins.renew()
        elif step == "arrive":
            if under_way:
                of, pts = under_way.popleft()
                assert of == generation or not origins.is_current(pts)
        elif len(under_way) < UNDER_WAY:
            origins.add(generation, step)
            under_way.append((generation, step))
