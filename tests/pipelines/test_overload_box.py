"""What a box of two cores does with far more cameras than it can analyse: a model with the real policies."""

from __future__ import annotations

from itertools import pairwise

from tests.fakes.small_box import SmallBox


def test_eight_cameras_on_two_cores_come_down_to_those_whose_people_get_their_looks_in_time():
    box = SmallBox(cameras=8, fps=25, people=3)
    box.run(180)
    box.forget()
    box.run(180)
    assert 0 < box.governor.suspended < 8
    assert len(box.checks) > 100
    assert box.checks.count(True) / len(box.checks) > 0.75
    assert sorted(box.latencies)[int(0.95 * len(box.latencies))] < 1


def test_the_suspended_cameras_of_a_box_settle_though_people_come_and_go_each_minute():
    box, suspended = SmallBox(cameras=8, fps=25, people=3), []
    box.run(180)
    for _ in range(600):
        box.run(1)
        suspended.append(box.governor.suspended)
    assert sum(a != b for a, b in pairwise(suspended)) <= 9


def test_four_cameras_that_ask_for_four_times_too_much_keep_their_people_served_without_a_suspension():
    box = SmallBox(cameras=4, fps=10, people=3)
    box.run(120)
    box.forget()
    box.run(120)
    assert box.governor.suspended == 0
    assert box.checks.count(True) / len(box.checks) > 0.9


def test_a_camera_that_the_box_can_analyse_keeps_its_frames_and_gives_people_their_looks():
    box = SmallBox(cameras=1, fps=5, people=2)
    box.run(120)
    assert (box.governor.suspended, box.governor.share) == (0, 1)
    assert all(box.checks)
    assert len(box.checks) > 20


def test_people_of_both_cameras_are_looked_at_where_only_one_can_be_analysed():
    box = SmallBox(cameras=2, fps=10, people=2, cores=0.5)
    box.run(120)
    served = set()
    for _ in range(240):
        box.run(1)
        served |= set(box.cameras) - box.throttle.suspended if box.governor.suspended else set()
    assert box.governor.suspended == 1
    assert served == set(box.cameras)
    looked = {track.camera for track, record in box._looks._records.items() if record.looks >= 6}
    assert looked == set(box.cameras)


def test_eight_cameras_of_walkers_come_down_to_those_that_can_follow_them_within_a_minute():
    box = SmallBox(cameras=8, fps=25, people=2, walks=True)
    box.run(60)
    box.forget()
    box.run(240)
    assert 0 < box.governor.suspended < 8
    assert len(box.checks) > 100, "nobody is owed a look who cannot be followed"
    assert box.checks.count(True) / len(box.checks) > 0.95
    assert sorted(box.latencies)[int(0.95 * len(box.latencies))] < 1


def test_cameras_of_walkers_take_turns_and_all_return_where_there_is_room():
    box, served = SmallBox(cameras=4, fps=10, people=1, cores=1.0, walks=True), set()
    box.run(60)
    for _ in range(300):
        box.run(1)
        served |= set(box.cameras) - box.throttle.suspended
    assert box.governor.suspended
    assert served == set(box.cameras)
    box._cores = 12.0
    box.run(900)
    assert box.governor.suspended == 0


def test_walkers_are_followed_where_a_gpu_is_short_and_the_cores_beside_it_are_idle():
    box = SmallBox(cameras=8, fps=25, people=2, walks=True, on_gpu=True)
    box.run(120)
    box.forget()
    box.run(120)
    assert 0 < box.governor.suspended < 8
    assert len(box.checks) > 100
    assert box.checks.count(True) / len(box.checks) > 0.75
    assert sorted(box.latencies)[int(0.95 * len(box.latencies))] < 1
