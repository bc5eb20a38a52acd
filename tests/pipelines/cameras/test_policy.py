import math
import random

import pytest

from pipelines.cameras.backoff import Backoff
from pipelines.cameras.policy import LONGEST_GROUP_S, LONGEST_PAUSE_S, CameraPolicy
from pipelines.cameras.states import CameraState, Cause


def policy(*, finite=False, loop=False):
    return CameraPolicy(
        Backoff(1, 8, 0, random.Random(0)), stale_after_s=3, connect_timeout_s=10, finite=finite, loop=loop
    )


def live(camera):
    camera.connect(0)
    camera.frame(0)
    return camera


@pytest.mark.parametrize(
    ("cause", "state", "wait"),
    [
        (Cause.REFUSED, CameraState.BACKOFF, 1),
        (Cause.TIMEOUT, CameraState.BACKOFF, 1),
        (Cause.STALLED, CameraState.BACKOFF, 1),
        (Cause.UNKNOWN, CameraState.BACKOFF, 1),
        (Cause.AUTH, CameraState.AUTH_FAILED, 60),
        (Cause.NOT_FOUND, CameraState.NOT_FOUND, 60),
    ],
)
@pytest.mark.parametrize("start", ["first connect", "reconnect"])
def test_first_connection_and_later_ones_fail_alike(cause, state, wait, start):
    camera = policy()
    if start == "reconnect":
        live(camera)
    else:
        camera.connect(0)
    camera.lost(cause, 100)
    assert (camera.state, camera.cause, camera.wait(100)) == (state, cause, wait)


@pytest.mark.parametrize(
    ("finite", "loop", "state", "wait"),
    [
        (False, False, CameraState.BACKOFF, 1),
        (False, True, CameraState.BACKOFF, 1),
        (True, False, CameraState.STOPPED, math.inf),
        (True, True, CameraState.CONNECTING, 0),
    ],
)
def test_the_end_of_a_stream(finite, loop, state, wait):
    camera = live(policy(finite=finite, loop=loop))
    camera.lost(Cause.ENDED, 5)
    assert (camera.state, camera.cause, camera.wait(5)) == (state, Cause.ENDED, wait)


def test_an_end_without_a_frame_is_no_video_and_no_tight_loop():
    camera = policy(finite=True, loop=True)
    camera.connect(0)
    camera.lost(Cause.ENDED, 0)
    assert (camera.state, camera.cause, camera.wait(0)) == (CameraState.BACKOFF, Cause.NO_VIDEO, 1)


def test_live_turns_stale_by_the_frame_clock():
    camera = live(policy())
    camera.frame(2)
    assert camera.overdue(4.9, answered=True) is Cause.NONE
    assert camera.overdue(5.1, answered=True) is Cause.STALLED
    assert (camera.state, camera.cause) == (CameraState.STALE, Cause.STALLED)


def test_a_film_may_stand_still_for_longer_than_a_camera():
    """One with a picture each 6 s began anew after 3, and never came to its second picture."""
    film = live(policy(finite=True, loop=True))
    assert film.overdue(LONGEST_PAUSE_S - 0.1, answered=True) is Cause.NONE
    assert film.overdue(LONGEST_PAUSE_S + 0.1, answered=True) is Cause.STALLED


@pytest.mark.parametrize(("finite", "cause"), [(False, Cause.TIMEOUT), (True, Cause.DECODE)])
def test_connecting_takes_no_longer_than_it_may(finite, cause):
    camera = policy(finite=finite)
    camera.connect(100)
    assert camera.overdue(109, answered=False) is Cause.NONE
    assert camera.overdue(111, answered=False) is cause


def test_the_first_frame_may_wait_for_a_key_frame_where_video_comes():
    """A recorder hands a stream on in the middle of a group, which a smart codec makes longer than 10 s."""
    camera = policy()
    camera.connect(100)
    assert camera.overdue(110 + LONGEST_GROUP_S, answered=True) is Cause.NONE
    assert camera.overdue(111 + LONGEST_GROUP_S, answered=True) is Cause.NO_PICTURE
    assert policy(finite=True).overdue(111, answered=True) is Cause.NONE  # it does not connect


@pytest.mark.parametrize("stale", [False, True])
def test_who_hangs_up_after_frames_has_ended_the_stream(stale):
    camera = live(policy())
    assert (camera.overdue(4, answered=True) is Cause.STALLED) if stale else True
    camera.lost(Cause.HANGS_UP, 5)
    assert (camera.state, camera.cause) == (CameraState.BACKOFF, Cause.ENDED)
    camera.connect(6)
    camera.lost(Cause.HANGS_UP, 7)
    assert camera.cause is Cause.HANGS_UP


def test_only_frames_reset_the_backoff():
    camera, waits = policy(), []
    for _ in range(3):
        camera.connect(0)
        camera.lost(Cause.REFUSED, 0)
        waits.append(camera.wait(0))
    live(camera).lost(Cause.ENDED, 0)
    assert (waits, camera.wait(0)) == ([1, 2, 4], 1)


def test_the_cause_stays_until_frames_arrive():
    camera = policy()
    camera.connect(0)
    camera.lost(Cause.REFUSED, 0)
    camera.connect(1)
    assert (camera.state, camera.cause) == (CameraState.CONNECTING, Cause.REFUSED)
    assert camera.frame(2)
    assert not camera.frame(3)
    assert (camera.state, camera.cause) == (CameraState.LIVE, Cause.NONE)


def test_stop_is_for_good():
    camera = live(policy())
    camera.stop()
    assert (camera.state, camera.wait(0)) == (CameraState.STOPPED, math.inf)


def test_a_camera_whose_pictures_are_left_out_on_purpose_is_not_stalled():
    """Key frames alone are decoded, and a group is far longer than those before: the camera does send."""
    camera = live(policy())
    for now in range(1, 15):
        camera.leave_out(now)
        assert camera.overdue(now + 2, answered=True) is Cause.NONE
    camera.frame(15)
    assert camera.state is CameraState.LIVE
    camera.leave_out(16)
    assert camera.overdue(20, answered=True) is Cause.STALLED  # not even coded pictures come any more


def test_a_lossy_line_is_not_called_a_silent_camera():
    """A stream without key frames (gradual refresh) is withheld after a loss until it is called again."""
    camera = live(policy())
    for tenth in range(1, 40):
        camera.withhold(tenth / 10)
    assert camera.overdue(4, answered=True) is Cause.LOSS
    assert (camera.state, camera.cause) == (CameraState.STALE, Cause.LOSS)
    camera.lost(Cause.LOSS, 4)
    assert camera.state is CameraState.BACKOFF
    camera.connect(5)
    camera.frame(6)
    assert camera.overdue(30, answered=True) is Cause.STALLED  # a loss of long ago is no excuse


def test_a_camera_that_sends_no_key_frame_any_more_stalls():
    camera = live(policy())
    now = 0
    while camera.state is CameraState.LIVE and now < 100:
        now += 1
        camera.leave_out(now)
        camera.overdue(now, answered=True)
    assert LONGEST_GROUP_S < now < LONGEST_GROUP_S + 6
