"""A camera that the governor suspends goes on sending: nobody may be told to restart it."""

import random

import pytest

from pipelines.cameras.backoff import Backoff
from pipelines.cameras.clocks import FrameRateLimit
from pipelines.cameras.policy import CameraPolicy
from pipelines.cameras.states import CameraState, Cause
from pipelines.deepstream.runtime.camera_source import RESCUE_S, CameraSource
from probes.nvds.frame_origins import FrameOrigins
from tests.waiting import wait_for


class FakeBin:
    answered = refused = False
    closed = True
    withheld = 0

    def open(self) -> None:
        """Nothing is opened."""

    def keep_alive(self) -> None:
        pass

    def take_withheld(self) -> int:
        return self.withheld

    def close(self) -> None:
        """Nothing is closed."""


@pytest.mark.parametrize(("withheld", "cause"), [(0, Cause.STALLED), (5, Cause.LOSS)])
def test_a_suspended_camera_is_live_and_one_that_is_silent_is_stalled(withheld, cause):
    now, taps, box = [0.0], [], FakeBin()
    policy = CameraPolicy(
        Backoff(1, 8, 0, random.Random(0)), stale_after_s=3, connect_timeout_s=10, finite=False, loop=False
    )
    source = CameraSource(
        "door",
        policy,
        lambda tap: taps.append(tap) or box,
        limit=lambda: FrameRateLimit(10, lambda: 0.0),
        origins=FrameOrigins(),
        clock=lambda: now[0],
        now_ns=lambda: int(now[0] * 1e9),
    )
    source.start()
    source.tick()
    for _ in range(20):
        now[0] += 1
        assert not taps[0].frame(), "a suspended camera's frames go no further"
        source.tick()
        assert (source.status.state, source.status.cause) == (CameraState.LIVE, Cause.NONE)
    now[0], box.withheld = now[0] + 4, withheld
    source.tick()
    assert (source.status.state, source.status.cause) == (CameraState.STALE, cause)
    now[0] += 2 * RESCUE_S
    source.tick()
    assert (source.status.state, source.status.cause) == (CameraState.BACKOFF, cause)
    assert source.take_withheld() == 2 * withheld
    assert source.take_withheld() == 0


def test_a_silent_camera_that_refuses_to_play_is_lost_with_the_cause():
    now, asked = [0.0], []
    policy = CameraPolicy(
        Backoff(1, 8, 0, random.Random(0)), stale_after_s=3, connect_timeout_s=15, finite=False, loop=False
    )
    source = CameraSource(
        "door",
        policy,
        lambda _tap: FakeBin(),
        limit=lambda: FrameRateLimit(10, lambda: 0.0),
        origins=FrameOrigins(),
        clock=lambda: now[0],
        now_ns=lambda: int(now[0] * 1e9),
        ask=lambda: asked.append(now[0]) or (Cause.ANSWER, "405 Method Not Allowed"),
    )
    source.start()
    source.tick()
    now[0] = 5.0
    source.tick()
    assert not asked
    now[0] = 7.0

    def lost() -> bool:
        source.tick()
        return source.status.cause is Cause.ANSWER

    wait_for(lost)
    assert asked == [7.0]
    source.stop()
