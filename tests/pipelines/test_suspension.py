"""How often and for whom cameras are suspended: minutes of a shop with the real governor and scheduler."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from pipelines.governor import LAST_PART, DegradeStep, Governor
from pipelines.load_reading import Totals
from probes.frame import Box, Detection, Frame, Kind, TrackId
from probes.recognition.look_scheduler import LookRoom, LookScheduler, RateLimits

STAY_S = 60
TICKS = 20


class Shop:
    """Cameras of which only key frames are analysed, all in time; the governor begins at `level`.

    group_s: between key frames. people: in view of each camera. per_second: looks that the worker manages.
    idle: of the machine. A person is followed from the third frame of a camera on, and stays for STAY_S.
    """

    def __init__(self, group_s, people, per_second, *, idle=0.5, level=LAST_PART, seed=1, cameras=4):
        self.group_s, self.people, self.per_second, self.idle = group_s, people, per_second, idle
        self.governor = Governor()
        self.governor._level = level
        self.random = random.Random(seed)
        self.scheduler = LookScheduler(RateLimits(), on_owed=self.check)
        self.owed = self.missed = self.frames = self.ticks = 0
        self.waiting = self.looks = 0.0
        self.next = [self.random.random() * group_s for _ in range(cameras)]
        self.seen, self.visit, self.came = [0] * cameras, [0] * cameras, [0.0] * cameras
        self.suspended = [0]
        self.steps = []

    def check(self, met):
        self.owed += 1
        self.missed += not met

    def run(self, minutes):
        for tick in range(self.ticks, self.ticks + minutes * 60 * TICKS):
            now = tick / TICKS
            done = min(self.waiting, self.per_second / TICKS)
            self.waiting, self.looks = self.waiting - done, self.looks + done
            for camera in range(self.governor.suspended, len(self.next)):
                if now >= self.next[camera]:
                    self.next[camera] += self.group_s
                    self.frame(camera, now)
            if tick % TICKS == 0:
                self.govern(now)
        self.ticks += minutes * 60 * TICKS
        return self

    def frame(self, camera, now):
        self.frames += 1
        self.seen[camera] += 1
        if now - self.came[camera] > STAY_S:
            self.come(camera, now)
        if self.seen[camera] < 3:
            return
        found = tuple(
            Detection(
                Kind.PERSON,
                "person",
                0.9,
                Box(10 + 150 * n, 50, 100, 300),
                TrackId(f"c{camera}", str(self.visit[camera]), n + 1),
            )
            for n in range(self.people)
        )
        waiting = int(self.waiting)
        room = LookRoom(max(0, 1 - waiting), self.waiting < 1, self.per_second, waiting)
        frame = Frame(f"c{camera}", int((now + 1000) * 1e9), (1280, 720), found)
        self.waiting += len(self.scheduler.pick(frame, None, room))

    def come(self, camera, now):
        self.came[camera] = now
        self.visit[camera] += 1
        self.seen[camera] = 1

    def govern(self, now):
        totals = Totals(
            now,
            frames=self.frames,
            looks_owed=self.owed,
            looks_missed=self.missed,
            latency_s=self.frames * 0.3,
            idle_s=now * self.idle,
            looks=int(self.looks),
        )
        self.governor.update(totals, len(self.next))
        for camera in range(self.governor.suspended, self.suspended[-1]):  # they return to other people
            self.next[camera] = now + self.random.random() * self.group_s
            self.come(camera, now)
            self.seen[camera] = 0
        self.suspended.append(self.governor.suspended)
        self.steps.append(self.governor.step)

    @property
    def changes(self):
        return sum(a != b for a, b in pairwise(self.suspended))

    @property
    def shut_share(self):
        """Of the cameras' time, what they were suspended for."""
        return sum(self.suspended) / len(self.suspended) / len(self.next)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("group_s", "people", "per_second"), [(1.5, 3, 3.0), (1.0, 1, 0.5), (1.5, 1, 0.5)])
def test_suspended_cameras_do_not_come_and_go(seed, group_s, people, per_second):
    shop = Shop(group_s, people, per_second, seed=seed).run(40)
    assert shop.changes <= 24
    assert sum(a != b for a, b in pairwise(shop.suspended[20 * 60 :])) <= 10, "more and more rarely"


@pytest.mark.parametrize("level", [0, LAST_PART])
def test_no_camera_is_suspended_for_looks_that_hang(level):
    shop = Shop(1.0, 1, 0.0001, idle=0.05, level=level).run(10)
    assert max(shop.suspended[60:]) == 0
    assert shop.shut_share < 0.02
    assert shop.steps[-1] is DegradeStep.FEWER_LOOKS
    assert shop.governor.load.stalled
    assert shop.governor.share == 1, "nor need frames be left out for them"


def test_cameras_are_given_back_where_looks_are_too_slow_for_anybody():
    shop = Shop(1.0, 1, 0.1, idle=0.05).run(40)
    assert shop.shut_share < 0.15
    assert shop.changes <= 15


def test_looks_that_end_again_are_counted_on_again():
    shop = Shop(1.0, 1, 0.0001, idle=0.05).run(5)
    assert shop.governor.load.stalled
    shop.per_second = 4.0
    shop.run(3)
    assert not shop.governor.load.stalled
    shop.run(10)
    assert (shop.governor.suspended, shop.steps[-1]) == (0, DegradeStep.NONE)
