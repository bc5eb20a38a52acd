"""Whether people can be followed at the frames a second that are left, on traces."""

from __future__ import annotations

import pytest

from pipelines.following import TRIED_S, VAIN_S, Following
from pipelines.load_reading import Totals


class Cameras:
    """Eight cameras of which each gives so many frames a second, with two persons in view."""

    def __init__(self) -> None:
        self.following, self.totals = Following(), Totals(0.0)
        self.suspended = 0

    def run(self, seconds: int, fps: float, followed: float, idle: float = 0.0, *, leaves_out=True) -> bool:
        for _ in range(seconds):
            before, frames = self.totals, fps * (8 - self.suspended)
            self.totals = Totals(
                before.at + 1,
                before.frames + frames,
                idle_s=before.idle_s + idle,
                persons=before.persons + 2 * frames,
                followed=before.followed + 2 * frames * followed,
            )
            self.following.update(self.totals, 8, self.suspended, leaves_out=leaves_out)
        return self.following.needed


@pytest.mark.parametrize(
    ("fps", "followed", "leaves_out", "needed"),
    [
        (1, 0.25, True, True),
        (1, 0.9, True, False),  # they stand
        (3, 0.25, True, False),  # not for want of frames
        (1, 0.25, False, False),  # the settings ask for no more
        (0, 0, True, False),  # nothing is known
    ],
)
def test_fewer_cameras_are_needed_where_people_are_seen_too_rarely_to_be_followed(
    fps, followed, leaves_out, needed
):
    assert Cameras().run(20, fps, followed, leaves_out=leaves_out) is needed


def test_a_search_of_some_seconds_in_which_somebody_is_lost_costs_no_camera():
    cameras = Cameras()
    cameras.run(20, 3, 0.5)
    assert not any(cameras.run(1, 1, 0.2) for _ in range(6))
    assert not any(cameras.run(1, 3, 0.5) for _ in range(30))


def test_what_the_machine_can_do_counts_its_idle_time_with_care():
    cameras = Cameras()
    cameras.run(20, 1, 0.2, idle=0.5)
    assert cameras.following.possible_fps == pytest.approx(16)
    idle = Cameras()
    idle.run(20, 1, 0.2, idle=0.99)
    assert idle.following.possible_fps < 30


def test_what_helps_nobody_is_taken_back_and_not_tried_again_soon():
    cameras = Cameras()
    assert cameras.run(20, 1, 0.25)
    cameras.suspended = 6
    assert cameras.run(int(TRIED_S) - 5, 2.5, 0.25)
    assert not cameras.run(20, 2.5, 0.25)  # a poster, say
    cameras.suspended = 0
    assert not cameras.run(int(VAIN_S) - 60, 1, 0.25)
    assert cameras.run(120, 1, 0.25)


def test_what_helps_stays_until_nothing_is_left_out():
    cameras = Cameras()
    cameras.run(20, 1, 0.25)
    cameras.suspended = 6
    assert cameras.run(600, 2.5, 0.8)
    assert not cameras.run(1, 2.5, 0.8, leaves_out=False)
