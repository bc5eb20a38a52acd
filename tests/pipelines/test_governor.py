"""The governor on traces: a machine that can do so much, cameras that ask for more or less of it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.clocks import FrameRateLimit
from pipelines.governor import LAST_PART, PRESSED_S, SHARES, DegradeStep, Governor
from pipelines.load_reading import Totals


class Machine:
    """Does `capacity` units a second; a frame costs 1, a look 2, and looks get what frames leave.

    workers: looks a second that are done at most. decode: units a second for all pictures of all cameras.
    foreign: share of the idle time that is told, of cores that nobody of ours may use.
    """

    def __init__(
        self,
        capacity: float,
        workers: float = 4.0,
        cameras: int = 1,
        decode: float = 0,
        *,
        on_gpu: bool = False,
        foreign: float = 0.0,
    ) -> None:
        self.capacity, self.workers, self.governor = capacity, workers, Governor(warm_up_s=0)
        self.on_gpu, self.foreign = on_gpu, foreign
        self.cameras, self.decode = cameras, decode
        self.totals = Totals(0.0)
        self.shares: list[float] = []
        self.steps: list[DegradeStep] = []

    def run(self, seconds: int, asked_fps: float, owed: float = 4.0) -> None:
        for _ in range(seconds):
            live = 1 - self.governor.suspended / self.cameras
            asked = asked_fps * self.governor.share * live
            capacity = max(0.0, self.capacity - self.decode * max(0.1, self.governor.part))
            done = min(asked, capacity)
            read = min(owed * live, self.workers, max(0.0, capacity - done) / 2)
            before = self.totals
            self.totals = Totals(
                before.at + 1,
                before.frames + done,
                before.frames_late + asked - done,
                before.looks_owed + owed * live,
                before.looks_missed + owed * live - read,
                before.latency_s + done * 0.2,
                before.idle_s + 1 - (1 - self.foreign) * ((done + 2 * read) / capacity if capacity else 1),
                before.looks + read,
            )
            self.governor.update(self.totals, self.cameras, skips_decoding=not self.on_gpu)
            self.shares.append(self.governor.share)
            self.steps.append(self.governor.step)


def test_enough_room_leaves_nothing_out():
    machine = Machine(100)
    machine.run(120, 80)
    assert set(machine.shares) == {1.0}
    assert machine.governor.step is DegradeStep.NONE


def test_a_start_is_no_overload_and_one_that_goes_on_is():
    machine = Machine(10)
    machine.governor = Governor()
    machine.run(20, 0)  # no camera yet
    machine.run(9, 40, owed=0)
    machine.capacity = 100
    machine.run(30, 40, owed=0)
    assert set(machine.shares) == {1.0}
    late = Machine(10)
    late.governor = Governor()
    late.run(20, 40, owed=0)
    assert late.shares[-1] < 1


@pytest.mark.parametrize(("on_gpu", "within_s"), [(False, (100, 140)), (True, (160, 260))])
def test_what_was_left_out_returns_soon_where_idle_cores_are_sure_to_do_it(
    on_gpu: bool, within_s: tuple[int, int]
) -> None:
    machine = Machine(10, on_gpu=on_gpu)
    machine.run(120, 400, owed=0)
    machine.capacity = 4000
    began = len(machine.shares)
    machine.run(300, 400, owed=0)
    assert within_s[0] <= machine.shares.index(1.0, began) - began <= within_s[1]


def test_idle_cores_that_are_none_of_ours_are_believed_once():
    swings = []
    for foreign in (0.0, 0.75):
        machine = Machine(10, foreign=foreign)
        machine.run(900, 40, owed=0)
        swings.append(sum(a != b for a, b in pairwise(machine.shares)))
    assert swings[1] <= swings[0] + 2


@pytest.mark.parametrize(("cameras", "patient_s"), [(1, 10), (4, 10), (16, 40), (100, 60)])
def test_many_cameras_have_longer_to_warm_up(cameras: int, patient_s: int) -> None:
    machine = Machine(10, cameras=cameras)
    machine.governor = Governor()
    machine.run(120, 40, owed=0)
    first_left_out = next(n for n, share in enumerate(machine.shares) if share < 1)
    assert patient_s <= first_left_out <= patient_s + PRESSED_S + 1


@pytest.mark.parametrize(("capacity", "owed"), [(0.5, 4.0), (2.0, 0.0), (40.0, 40.0)])
def test_a_warm_up_without_end_leaves_nothing_out_of_the_slowest_machine(capacity, owed):
    machine = Machine(capacity, cameras=2, decode=1)
    machine.governor = Governor(warm_up_s=math.inf)
    machine.run(900, 40, owed)
    assert set(machine.shares) == {1.0}
    assert (machine.governor.part, machine.governor.suspended) == (1.0, 0)


def test_looks_get_room_before_frames_do():
    machine = Machine(40)
    machine.run(900, 40)  # every frame could be done, and not one look
    assert set(machine.shares[10:]) == {1.0, 0.7}
    assert machine.shares[10:].count(1.0) < 60, "tried again, and more and more rarely"
    assert machine.governor.load.looks_missed < 0.3 or machine.governor.share == 1.0


def test_rates_come_back_when_the_crowd_has_gone_and_do_not_swing():
    machine = Machine(30)
    machine.run(60, 40)
    assert machine.shares[-1] < 1
    machine.run(400, 15)
    assert machine.shares[-1] == 1.0
    assert machine.governor.step is DegradeStep.NONE
    changes = sum(a != b for a, b in pairwise(machine.shares))
    assert changes <= 2 * len(SHARES)


def test_too_little_for_any_look_says_so():
    machine = Machine(5)
    machine.run(120, 100)
    assert (machine.governor.share, machine.governor.step) == (SHARES[-1], DegradeStep.FEWER_LOOKS)
    assert machine.governor.suspended == 0, "the last camera is never suspended"


def test_pictures_are_not_decoded_before_a_camera_is_suspended_and_looks_cost_no_camera():
    machine = Machine(40, cameras=8, decode=30)
    machine.run(200, 80, owed=5)  # 80 frames, 5 looks, and decoding: 120 of 40
    assert machine.governor.part < 1
    assert machine.governor.suspended == 0
    assert machine.governor.load.looks_missed < 0.3
    crowd = Machine(40, cameras=8, decode=0)
    crowd.run(300, 40, owed=60)  # more than the workers can do, however little else there is
    assert (crowd.governor.suspended, crowd.governor.step) == (0, DegradeStep.FEWER_LOOKS)


def test_cameras_are_suspended_until_the_people_of_the_others_get_their_looks():
    machine = Machine(10, workers=40, cameras=8)
    machine.run(400, 200, owed=16)  # at 2 frames a second of each camera no look of any camera fits
    assert 4 <= machine.governor.suspended <= 6
    assert machine.governor.load.looks_missed < 0.3
    assert machine.governor.load.frames_late < 0.1


def test_eight_cameras_that_ask_for_far_too_much_are_down_to_what_can_be_done_within_a_minute():
    machine = Machine(5, workers=40, cameras=8)
    machine.run(60, 200, owed=16)
    assert machine.governor.suspended >= 5


def test_cameras_are_suspended_last_and_come_back():
    machine = Machine(3, cameras=4)
    machine.run(300, 200, owed=0)  # a twelfth of it is 16 frames: most of one camera's frames fit
    assert (machine.governor.suspended, machine.governor.step) == (3, DegradeStep.CAMERAS_SUSPENDED)
    machine.run(3000, 2, owed=0)
    assert (machine.governor.suspended, machine.governor.part, machine.governor.share) == (0, 1, 1)


def test_cameras_that_go_take_their_suspension_with_them():
    machine = Machine(3, cameras=4)
    machine.run(300, 200, owed=0)
    machine.cameras = 1
    machine.run(1, 50, owed=0)
    assert machine.governor.suspended == 0
    assert machine.governor._level <= LAST_PART


def test_a_crowd_beyond_the_workers_of_an_idle_machine_costs_no_frames_and_is_told():
    machine = Machine(100, workers=3)
    machine.run(60, 40, owed=12)
    assert set(machine.shares) == {1.0}
    assert machine.steps[-1] is DegradeStep.FEWER_LOOKS
    machine.run(60, 40, owed=2)
    assert machine.steps[-1] is DegradeStep.NONE


@given(
    st.floats(1, 200),
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 300), st.floats(0, 20)), max_size=6),
)
def test_no_trace_leaves_the_shares_or_jumps_over_one(capacity, phases):
    machine = Machine(capacity)
    for seconds, fps, looks in phases:
        machine.run(seconds, fps, looks)
    places = [SHARES.index(share) for share in [1.0, *machine.shares]]
    assert machine.governor.suspended == 0
    assert all(abs(a - b) <= 1 for a, b in pairwise(places))


@pytest.mark.parametrize(
    ("fps", "down", "least", "up"),
    [
        (25, [1, 2, 3, 4, 5, 6, 7], 0.08, [6, 5, 4, 3, 2, 1, 0]),
        (2, [1, 2, 7], 0.5, [6, 1, 0]),
        (1, [7], 1, [6, 0]),
        (0.2, [7], 1, [6, 0]),
    ],
)
def test_shares_that_change_no_cameras_rate_are_passed_over_on_both_ways(fps, down, least, up):
    governor, at, late, levels = Governor(warm_up_s=0), 0.0, 0.0, [0]
    while governor.leaves_out or up[-1] not in levels[1:]:
        at, late = at + 1, late + (7 not in levels)
        governor.update(Totals(at, at, late), fps=fps)
        if governor._level != levels[-1]:
            levels.append(governor._level)
        assert governor.analysed_share >= least
        assert governor._level < 7 or governor.analysed_share == pytest.approx(least)
    assert levels == [0, *down, *up]


def test_who_was_not_followed_while_the_store_warmed_up_costs_no_camera():
    """The first frames are searched for a second each: how many they are says nothing of the machine."""
    governor, frames, followed = Governor(), 0, 0
    for second in range(24):
        frames, followed = frames + (10 if second >= 10 else 2), followed + (8 if second >= 10 else 0)
        told = Totals(second, frames, 30 * second, persons=8 * second, followed=followed)
        governor.update(told, cameras=4, fps=10)
        assert governor.suspended == 0, second
    assert governor.leaves_out


@pytest.mark.parametrize(
    ("fps", "share", "expected"),
    [(10, 1, 10), (10, 0.5, 5), (25, 0.25, 6.25), (2, 0.25, 1), (0.5, 0.25, 0.5)],
)
def test_a_share_of_the_rate_passes_evenly(fps, share, expected):
    gate = FrameRateLimit(fps, lambda: share)
    passed = [n for n in range(50 * 40) if gate.passes(n / 50)]
    assert len(passed) == pytest.approx(expected * 40, abs=2)
    assert max(b - a for a, b in pairwise(passed)) <= 50 / expected + 2


def test_a_raise_that_takes_two_steps_to_take_back_is_tried_more_and_more_rarely():
    governor, at, frames, late, raises = Governor(warm_up_s=0), 0.0, 0.0, 0.0, []
    backlog = 0
    for _ in range(1200):
        before = governor.share
        at, frames = at + 1, frames + 10
        backlog = 10 if governor.share > SHARES[2] else max(0, backlog - 1)  # what waits takes a while
        late += 10 if backlog else 0
        governor.update(Totals(at, frames, late))
        if governor.share > before:
            raises.append(at)
    assert sum(at > 600 for at in raises) <= 3, "a raise that never holds is tried every ten minutes at last"


@pytest.mark.parametrize(("fps", "stay"), [(5.0, 2), (4.6, 2), (4.3, 1), (7.0, 3), (2.0, 1)])
def test_where_nobody_is_followed_as_many_cameras_stay_as_have_frames_in_time(fps, stay):
    governor, at, frames = Governor(warm_up_s=0), 0.0, 0.0
    while not governor.suspended:
        at, frames = at + 1, frames + fps
        governor.update(Totals(at, frames, 20 * frames, latency_s=frames, persons=3 * frames), cameras=8)
        assert at < 120
    assert 8 - governor.suspended == stay


def test_what_pressed_before_fewer_cameras_were_needed_suspends_no_further_one():
    """Somebody is lost while the rates are lowered: what is late then is so at rates that hold no more."""
    governor, frames, late, followed, suspended = Governor(warm_up_s=0), 0.0, 0.0, 0, [0]
    for second in range(60):
        is_busy = second < 20 or second >= 40
        frames += 6.3 if second >= 40 else 10
        late += 4 * is_busy
        followed += 2 if second >= 40 else 6
        told = Totals(second, frames, late, persons=8 * second, followed=followed)
        governor.update(told, cameras=4, fps=10)
        suspended.append(governor.suspended)
    first = next(n for n, count in enumerate(suspended) if count)
    assert set(suspended[first : first + int(PRESSED_S)]) == {suspended[first]}
    assert suspended[first] == 1
