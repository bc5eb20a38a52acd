import threading
import time
from collections import Counter
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipelines.cameras.latest import LatestPerCamera

CAMERAS = st.sampled_from(["a", "b", "c"])


class LatestModel(RuleBasedStateMachine):
    """The mailbox against an ordered list of what each camera sent last."""

    def __init__(self):
        super().__init__()
        self.drops = []
        self.mailbox = LatestPerCamera(lambda *drop: self.drops.append(drop), cameras="abc")
        self.waiting, self.removed, self.number, self.expected_drops = {}, set(), 0, []

    @rule(camera=CAMERAS)
    def put(self, camera):
        self.number += 1
        if camera in self.removed:
            self.expected_drops.append((camera, "removed"))
        else:
            if camera in self.waiting:
                self.expected_drops.append((camera, "superseded"))
            self.waiting[camera] = self.number
        self.mailbox.put(camera, self.number)

    @rule(camera=CAMERAS)
    def freshen(self, camera):
        self.number += 1
        left = self.waiting.get(camera, self.number)
        if self.mailbox.waits(camera):
            self.waiting[camera] = self.number
        assert self.mailbox.freshen(camera, self.number) == left

    @rule(limit=st.none() | st.integers(1, 2))
    def take(self, limit):
        expected = list(self.waiting)[:limit]
        assert self.mailbox.take(0, limit) == [self.waiting.pop(camera) for camera in expected]

    @rule(camera=CAMERAS)
    def remove(self, camera):
        self.mailbox.remove(camera)
        self.waiting.pop(camera, None)
        self.removed.add(camera)

    @rule(camera=CAMERAS)
    def add(self, camera):
        self.mailbox.add(camera)
        self.removed.discard(camera)

    @invariant()
    def agrees(self):
        assert len(self.mailbox) == len(self.waiting)
        assert all(self.mailbox.waits(camera) == (camera in self.waiting) for camera in "abc")
        assert self.drops == self.expected_drops


TestLatestModel = LatestModel.TestCase


@given(st.lists(CAMERAS, min_size=1))
def test_every_frame_is_taken_or_counted(puts):
    drops = []
    mailbox = LatestPerCamera(lambda *drop: drops.append(drop))
    for camera in puts:
        mailbox.put(camera, camera)
    assert len(mailbox.take(0)) + len(drops) == len(puts)


def test_a_quick_camera_does_not_starve_a_slow_one():
    mailbox = LatestPerCamera()
    mailbox.put("quick", 1)
    mailbox.put("slow", 1)
    mailbox.put("quick", 2)
    assert mailbox.take(0, limit=1) == [2]
    mailbox.put("quick", 3)
    assert mailbox.take(0, limit=1) == [1]


@pytest.mark.parametrize("wake", [lambda m: m.put("a", 7), lambda m: m.close(), lambda m: m.wake()])
def test_a_waiting_consumer_wakes(wake):
    mailbox, taken = LatestPerCamera(), []
    consumer = threading.Thread(target=lambda: taken.append(mailbox.take(120)))
    consumer.start()
    began = time.monotonic()
    wake(mailbox)
    consumer.join(120)
    assert taken in ([[7]], [[]])
    assert time.monotonic() - began < 60


def test_after_closing_nothing_stays():
    drops = []
    mailbox = LatestPerCamera(lambda *drop: drops.append(drop))
    mailbox.put("a", 1)
    mailbox.close()
    mailbox.put("a", 2)
    assert (mailbox.take(5), drops, mailbox.closed) == ([], [("a", "removed")], True)


class Slow:
    """A mailbox of items that hold their time, and its clock; each item takes so many tenths to work on."""

    def __init__(self, tenths: int) -> None:
        self.now, self.tenths, self.drops, self.got = 100.0, tenths, [], []
        self.mailbox = LatestPerCamera(
            lambda *drop: self.drops.append(drop), max_age_s=0.4, clock=lambda: self.now
        )

    def run(self, seconds: int, due: dict[str, set[int]]) -> None:
        """Let time pass. due: the tenths of each second in which a camera gives an item."""
        free_at = self.now
        for tenth in range(10 * seconds):
            self.now = 100 + tenth / 10
            for camera, tenths in due.items():
                if tenth % 10 in tenths:
                    self.mailbox.put(camera, (camera, self.now))
            while self.now >= free_at and (taken := self.mailbox.take(0, 1)):
                self.got += [(camera, self.now - at) for camera, at in taken]
                free_at = self.now + self.tenths / 10


@pytest.mark.parametrize(("cameras", "tenths"), [(4, 3), (4, 5), (4, 6), (8, 3), (8, 5)])
def test_where_more_comes_than_can_be_worked_on_nothing_old_is_and_none_starves(cameras, tenths):
    """Key frames, one a second of each camera, all within a few tenths."""
    slow = Slow(tenths)
    slow.run(240, {f"c{number}": {number} for number in range(cameras)})
    ages = sorted(age for _, age in slow.got)
    assert ages[int(0.95 * len(ages))] <= 0.5
    assert {reason for _, reason in slow.drops} <= {"stale", "superseded"}
    turns = [sum(camera == f"c{number}" for camera, _ in slow.got) for number in range(cameras)]
    assert min(turns) >= 240 / 5 - 1
    assert len(slow.got) + len(slow.drops) + len(slow.mailbox) == cameras * 240


def test_a_camera_that_gives_an_item_every_few_seconds_loses_none_by_age():
    slow = Slow(15)
    for number in range(20):
        slow.now += 4
        slow.mailbox.put("slow", number)
        slow.now += 1.5
        slow.got += slow.mailbox.take(0)
    assert (slow.got, slow.drops) == (list(range(20)), [])


@given(
    cameras=st.integers(2, 8),
    tenths=st.integers(2, 16),
    random=st.randoms(use_true_random=False),
)
@example(cameras=2, tenths=6, random=Random(0))  # in step: 48 to 240 turns
@example(cameras=2, tenths=9, random=Random(31))
def test_cameras_in_step_share_the_turns_whatever_their_phases(cameras, tenths, random):
    """None has far more than four times another's turns: three, and until the next item of who is owed."""
    slow = Slow(tenths)
    due = {f"c{number}": {random.randrange(10)} for number in range(cameras)}
    slow.run(60, due)
    turns = Counter(camera for camera, _ in slow.got)
    assert max(turns.values()) <= 4 * min(turns[camera] for camera in due) + 2
    assert len(slow.got) + len(slow.drops) + len(slow.mailbox) == cameras * 60


def test_who_lost_an_item_by_age_goes_first_with_the_next_one_that_is_due():
    slow = Slow(0)

    def put(camera, at):
        slow.now = at
        slow.mailbox.put(camera, camera)

    put("b", 99.1)
    assert slow.mailbox.take(0) == ["b"]
    put("a", 100.0)
    assert slow.mailbox.take(0) == ["a"]
    put("b", 100.1)
    slow.now = 100.6
    assert (slow.mailbox.take(0, 1), slow.drops) == ([], [("b", "stale")])
    put("a", 101.0)
    assert slow.mailbox.take(0, 1) == []  # b's is due, and a's is not too old then
    put("b", 101.1)
    assert [slow.mailbox.take(0, 1), slow.mailbox.take(0, 1)] == [["b"], ["a"]]
    assert len(slow.drops) == 1


def test_who_is_owed_a_turn_and_gives_nothing_holds_nobody_up():
    slow = Slow(0)
    slow.mailbox.put("gone", 1)
    slow.mailbox.take(0)
    slow.now += 1
    slow.mailbox.put("gone", 2)
    slow.now += 0.6
    assert slow.mailbox.take(0) == []
    slow.now = 102.1  # it was due at 102
    slow.mailbox.put("here", 3)
    assert slow.mailbox.take(0) == [3]


def test_two_cameras_in_step_have_as_many_turns():
    slow = Slow(6)
    slow.run(240, {"a": {0}, "b": {1}})
    turns = Counter(camera for camera, _ in slow.got)
    assert min(turns.values()) >= 0.9 * max(turns.values())
    assert max(age for _, age in slow.got) <= 0.5
