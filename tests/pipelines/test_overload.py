"""What the governor decides, told and done: by metric, log line, share and suspended camera."""

from __future__ import annotations

import logging
import math
import os
from itertools import groupby

import pytest

from pipelines.cameras.states import CameraState
from pipelines.cameras.throttle import NOTHING, Throttle
from pipelines.governor import LAST_PART, PRESSED_S, SHARES, Governor
from pipelines.overload import NO_LOOK, Overload, idle_seconds
from probes.metrics import Metrics


class Shop:
    def __init__(self, fps: float = math.inf) -> None:
        self.now, self.done = 100.0, {"door": 0, "till": 0}
        self.metrics, self.throttle = Metrics([state.value for state in CameraState]), Throttle()
        self.overload = Overload(
            self.metrics,
            self.throttle,
            lambda: self.done,
            clock=lambda: self.now,
            idle_s=lambda: 0.0,
            fps=lambda: fps,
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
    assert "at least 70 % of each camera's frames are analysed" in caplog.text
    shop.seconds(45, door=5, late=0)
    assert shop.throttle.share == 1
    assert "overload: over" in caplog.text
    assert shop.overload.problems({"door": 0.0}) == []


def test_looks_that_hang_are_told_though_nothing_is_left_out(caplog):
    """Most people in view had their items before; the log said that overload was over."""
    caplog.set_level(logging.INFO)
    shop = Shop()
    for _ in range(60):
        shop.metrics.looks_owed.labels("met").inc(8)
        shop.metrics.looks_owed.labels("missed").inc(2)
        shop.seconds(1, door=10, late=0)
    assert shop.throttle.share == 1
    assert [record.getMessage() for record in caplog.records] == [f"{NO_LOOK}; nothing is left out for them"]


def test_no_less_than_a_frame_a_second_is_told_of_a_slow_camera(caplog):
    shop = Shop(fps=2)
    shop.seconds(40, door=1, late=9)
    assert shop.throttle.share == SHARES[-1]
    assert shop.metrics.registry.get_sample_value("msh_frame_share") == 0.5
    assert "at least 50 % of each camera's frames are analysed" in caplog.text


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


def test_a_suspended_camera_that_the_store_has_no_more_leaves_no_series():
    shop = Shop()
    shop.overload._cameras = lambda: {"till": 0, "door": 1}
    shop.seconds(40, door=1, late=9)
    assert shop.throttle.suspended == {"till"}
    del shop.done["till"]
    shop.overload._cameras = lambda: {"door": 1}
    shop.metrics.forget_camera("till")  # as a change of the store file does
    shop.seconds(1, door=1, late=9)
    assert shop.throttle.suspended == frozenset()
    assert shop.metrics.registry.get_sample_value("msh_camera_suspended", {"camera": "till"}) is None


def test_what_cameras_counted_before_they_were_taken_out_is_no_load_of_now(caplog):
    """Their series went with them, and for seconds the sums of all fell by years of late frames."""
    caplog.set_level(logging.INFO)
    shop, gone, loads = Shop(), ("till", "yard"), []
    for camera in gone:
        shop.done[camera] = 1_000
        shop.metrics.frames_processed.labels(camera).inc(1_000)
        shop.metrics.frames_dropped.labels(camera, "superseded").inc(9_000)
    shop.seconds(10, door=5, late=0)
    for camera in gone:
        del shop.done[camera]
        shop.metrics.forget_camera(camera)
        for _ in range(3):
            shop.seconds(1, door=5, late=0)
            loads.append(shop.overload._governor.load)
    assert "overload" not in caplog.text
    assert shop.throttle.share == 1
    assert {(load.fps, load.frames_late, round(load.latency_s, 3)) for load in loads} == {(5, 0, 0.1)}


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


def test_what_one_that_looks_round_costs_suspends_no_other():
    """Two can be analysed: while a third looks round most frames are late."""
    crowd, most = Crowd({"door": 2, "till": 2, "yard": 0, "store": 0}), 0
    for _ in range(1200):
        crowd.late = 4 * (len(crowd.throttle.suspended) < 2)
        crowd.run(1, met=True)
        most = max(most, len(crowd.throttle.suspended))
        assert not {"door", "till"} & crowd.throttle.suspended
    assert most == 2


def test_the_governor_decides_between_two_that_look_round():
    crowd, rounds = Crowd({"door": 2, "till": 0, "yard": 0, "store": 0}, late=4), []
    for _ in range(1200):
        crowd.run(1, met=True)
        rounds.append(crowd.overload._turns.looks_round)
    alone = [len(list(same)) for camera, same in groupby(rounds[100:-100]) if camera is None]
    assert {camera for camera in rounds if camera} == {"till", "yard", "store"}
    assert min(alone) >= PRESSED_S


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
