import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pipelines.cameras.latest import LatestPerCamera

CAMERAS = st.sampled_from(["a", "b", "c"])


class LatestModel(RuleBasedStateMachine):
    """The mailbox against an ordered list of what each camera sent last."""

    def __init__(self):
        super().__init__()
        self.drops = []
        self.mailbox = LatestPerCamera(lambda camera, reason: self.drops.append((camera, reason)))
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
