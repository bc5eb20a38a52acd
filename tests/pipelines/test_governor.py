"""The governor on traces: a machine that can do so much, cameras that ask for more or less of it."""

from __future__ import annotations

import logging
import math
import os
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cameras.clocks import FrameRateLimit
from pipelines.cameras.states import CameraState
from pipelines.cameras.throttle import NOTHING, Throttle
from pipelines.governor import LAST_PART, SHARES, DegradeStep, Governor, Totals
from pipelines.overload import Overload, idle_seconds
from probes.metrics import Metrics


class Machine:
    """Does `capacity` units a second; a frame costs 1, a look 2, and looks get what frames leave.

    workers: looks a second that are done at most. decode: units a second for all pictures of all cameras.
    """

    def __init__(self, capacity: float, workers: float = 4.0, cameras: int = 1, decode: float = 0) -> None:
        self.capacity, self.workers, self.governor = capacity, workers, Governor(warm_up_s=0)
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
                before.idle_s + (1 - (done + 2 * read) / capacity if capacity else 0),
                before.looks + read,
            )
            self.governor.update(self.totals, self.cameras)
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
    ("fps", "share", "expected"),
    [(10, 1, 10), (10, 0.5, 5), (25, 0.25, 6.25), (2, 0.25, 1), (0.5, 0.25, 0.5)],
)
def test_a_share_of_the_rate_passes_evenly(fps, share, expected):
    gate = FrameRateLimit(fps, lambda: share)
    passed = [n for n in range(50 * 40) if gate.passes(n / 50)]
    assert len(passed) == pytest.approx(expected * 40, abs=2)
    assert max(b - a for a, b in pairwise(passed)) <= 50 / expected + 2


class Shop:
    def __init__(self) -> None:
        self.now, self.done = 100.0, {"door": 0, "till": 0}
        self.metrics, self.throttle = Metrics([state.value for state in CameraState]), Throttle()
        self.overload = Overload(
            self.metrics,
            self.throttle,
            lambda: self.done,
            clock=lambda: self.now,
            idle_s=lambda: 0.0,
            governor=Governor(warm_up_s=0),
        )

    def seconds(self, count: int, door: int, late: int, latency_s: float = 0.1) -> None:
        for _ in range(count):
            self.now += 1
            self.done["door"] += door
            self.metrics.frames_processed.labels("door").inc(door)
            self.metrics.frames_dropped.labels("door", "superseded").inc(late)
            for _ in range(door):
                self.metrics.frame_latency.labels("door").observe(latency_s)
            self.overload.check()


def test_a_step_is_told_by_metric_log_and_share(caplog):
    caplog.set_level(logging.INFO)
    shop = Shop()
    shop.seconds(8, door=5, late=5)
    assert shop.throttle.share == SHARES[1]
    assert shop.metrics.registry.get_sample_value("msh_degrade_step") == 1
    assert shop.metrics.registry.get_sample_value("msh_frame_share") == SHARES[1]
    assert "70 % of each camera's frames are analysed" in caplog.text
    shop.seconds(45, door=5, late=0)
    assert shop.throttle.share == 1
    assert "overload: over" in caplog.text
    assert shop.overload.problems({"door": 0.0}) == []


def test_people_below_their_looks_on_a_busy_machine_lower_the_rates_and_dropped_looks_do_not(caplog):
    shop = Shop()
    for _ in range(10):
        shop.metrics.looks.labels("dropped").inc(3)
        shop.metrics.count_owed_looks(met=True)
        shop.seconds(1, door=5, late=0)
    assert shop.throttle.share == 1
    for _ in range(10):
        shop.metrics.count_owed_looks(met=False)
        shop.seconds(1, door=5, late=0)
    assert shop.throttle.share < 1
    assert "100 % of people below 6 looks in 10 s" in caplog.text


def test_looks_that_hang_are_told_as_such_until_one_ends(caplog):
    shop = Shop()
    for _ in range(45):
        shop.metrics.count_owed_looks(met=False)
        shop.seconds(1, door=5, late=0)
    told = "no look ended for 30 s of people in view: looks hang, or take far too long"
    assert told in caplog.text
    assert shop.overload.problems({"door": 0.0}) == [told]
    shop.metrics.looks.labels("none").inc()
    shop.seconds(1, door=5, late=0)
    assert shop.overload.problems({"door": 0.0}) == []


def test_cameras_are_suspended_by_priority_told_by_name_and_return(caplog):
    shop = Shop()
    shop.overload._cameras = lambda: {"till": 0, "door": 1}
    shop.seconds(40, door=1, late=9)
    throttle = shop.throttle
    assert throttle.suspended == {"till"}
    assert (throttle.share_of("till"), throttle.part_of("till")) == (0, NOTHING)
    assert (throttle.share_of("door"), throttle.part_of("door")) == (SHARES[-1], 0)
    value = shop.metrics.registry.get_sample_value
    assert value("msh_camera_suspended", {"camera": "till"}) == 1
    assert (value("msh_degrade_step"), value("msh_decode_part")) == (3, 0)
    assert "cameras suspended (till), key frames decoded" in caplog.text
    problems = shop.overload.problems({"door": 0.0, "till": 0.0})
    assert "camera till: suspended, too many cameras for this machine" in problems
    shop.seconds(700, door=1, late=0)
    assert (throttle.suspended, throttle.share_of("till"), throttle.part_of("till")) == (frozenset(), 1, 1)
    assert value("msh_camera_suspended", {"camera": "till"}) == 0


def test_where_decoding_cannot_be_left_out_cameras_are_suspended_sooner_and_nothing_else_is_said(caplog):
    shop = Shop()
    shop.throttle.skips_decoding = False
    shop.overload._cameras = lambda: {"till": 0, "door": 1}
    parts = []
    while not shop.throttle.suspended:
        shop.seconds(1, door=1, late=9)
        assert shop.now < 200
        parts.append(shop.throttle.part)
    assert set(parts) == {1.0}
    assert shop.metrics.registry.get_sample_value("msh_decode_part") == 1
    assert "decoded" not in caplog.text
    shop.seconds(700, door=1, late=0)
    assert (shop.throttle.suspended, shop.throttle.share) == (frozenset(), 1)


class Crowd:
    """A shop in which only key frames are left to be analysed, and people stay short of looks.

    people: in view, by camera; late: frames of each camera a second that come too late.
    """

    def __init__(self, people, priority=None, late=0):
        self.people, self.late, self.now = people, late, 0.0
        priority = priority or dict.fromkeys(people, 0)
        self.metrics, self.throttle = Metrics([state.value for state in CameraState]), Throttle()
        self.governor = Governor(warm_up_s=0)
        self.governor._level = LAST_PART
        self.overload = Overload(
            self.metrics,
            self.throttle,
            lambda: dict.fromkeys(people, 0),
            clock=lambda: self.now,
            idle_s=lambda: 0.0,
            cameras=lambda: priority,
            governor=self.governor,
        )

    def run(self, seconds, met=False):
        told = []
        for _ in range(seconds):
            self.now += 1
            self.metrics.looks.labels("none").inc()
            for camera, count in self.people.items():
                analysed = camera not in self.throttle.suspended
                self.metrics.tracks_active.labels(camera).set(count if analysed else 0)
                self.metrics.frames_processed.labels(camera).inc(analysed)
                self.metrics.frames_dropped.labels(camera, "superseded").inc(self.late * analysed)
                for _ in range(count * analysed):
                    self.metrics.count_owed_looks(met=met)
            self.overload.check()
            told.append(tuple(sorted(self.throttle.suspended)))
        return list(dict.fromkeys(told))


@pytest.mark.parametrize("late", [0, 4])
def test_among_equals_those_with_nobody_in_view_are_suspended_first(late):
    assert Crowd({"one": 1, "crowd": 6, "empty": 0}, late=late).run(25)[:2] == [(), ("empty",)]


def test_two_cameras_that_have_people_take_turns_and_one_that_has_none_only_looks_round():
    crowd = Crowd({"door": 2, "till": 2}, late=4)
    told = [next(iter(one)) for one in crowd.run(400) if len(one) == 1]
    assert told[:2] == ["door", "till"]
    crowd = Crowd({"door": 2, "till": 0}, late=4)
    crowd.run(30)
    assert crowd.throttle.suspended == {"till"}
    seen = crowd.run(200)
    assert ("door",) not in seen, "its people are in nobody else's view"
    assert () in seen
    crowd.people["till"] = 3
    assert ("door",) in crowd.run(200)


def test_somebody_alone_is_seen_by_a_camera_that_looks_round_though_followed_late():
    """Ten seconds: until the key frame of a long group, and three frames by which somebody is confirmed."""
    crowd, back = Crowd({"door": 2, "till": 0}, late=4), 0
    crowd.run(30)
    assert crowd.throttle.suspended == {"till"}
    for _ in range(90):
        back = 0 if "till" in crowd.throttle.suspended else back + 1
        crowd.people["till"] = int(back > 10)
        crowd.run(1)
        if "door" in crowd.throttle.suspended:
            break
    assert crowd.throttle.suspended == {"door"}


def test_priority_goes_before_the_number_of_people():
    crowd = Crowd({"empty": 0, "crowd": 6, "one": 1}, priority={"empty": 0, "one": 1, "crowd": 2})
    assert crowd.run(50)[:3] == [(), ("empty",), ("empty", "one")]


def test_sub_streams_come_before_a_camera_is_suspended_and_go_last_but_one(caplog):
    shop = Shop()
    shop.overload._cameras = lambda: {"till": 0, "door": 1}
    shop.throttle.have_sub_stream = frozenset({"door"})
    told = []
    for _ in range(60):
        shop.seconds(1, door=1, late=9)
        told.append((shop.throttle.sub_streams, bool(shop.throttle.suspended)))
    assert [*dict.fromkeys(told)] == [(False, False), (True, False), (True, True)]
    assert shop.overload.sub_streams == ("door",)
    assert "fewer frames per second, key frames decoded, sub-streams of door" in caplog.text
    shop.throttle.refuse_sub_stream("door", refused=True)  # of another shape: what is suspended stays so
    shop.seconds(1, door=1, late=9)
    assert (shop.throttle.suspended, shop.throttle.sub_streams) == ({"till"}, False)
    shop.throttle.refuse_sub_stream("door", refused=False)
    told.clear()
    for _ in range(700):
        shop.seconds(1, door=1, late=0)
        told.append((shop.throttle.sub_streams, bool(shop.throttle.suspended)))
    assert [*dict.fromkeys(told)] == [(True, True), (True, False), (False, False)]
    assert shop.overload.sub_streams == ()


def test_a_sub_stream_that_cannot_be_had_suspends_no_camera():
    shop = Shop()
    shop.overload._cameras = lambda: {"till": 0, "door": 1}
    shop.throttle.have_sub_stream = frozenset({"door"})
    while not shop.throttle.sub_streams:
        shop.seconds(1, door=7, late=3)
    shop.throttle.refuse_sub_stream("door", refused=True)
    shop.seconds(20, door=7, late=3)
    assert (shop.throttle.suspended, shop.throttle.sub_streams) == (frozenset(), False)


def test_idle_time_is_read_from_the_kernel_and_unknown_elsewhere(tmp_path):
    stat = tmp_path / "stat"
    assert idle_seconds(stat) == 0
    stat.write_text(f"cpu  10 0 10 {1000 * (os.cpu_count() or 1)} 5 0 0 0 0 0\n")
    assert idle_seconds(stat) == 1000 / os.sysconf("SC_CLK_TCK")
    stat.write_text("intr 1\n")
    assert idle_seconds(stat) == 0


def test_too_few_or_too_old_frames_are_not_healthy():
    shop = Shop()
    shop.seconds(12, door=2, late=0, latency_s=7)
    assert shop.overload.problems({"door": 0.0}) == ["frames are 7 s old when they are published, above 5"]
    assert any("till" in line for line in shop.overload.problems({"door": 0.0, "till": 0.0}))
    assert len(shop.overload.problems({"till": shop.now})) == 1  # it came just now


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
