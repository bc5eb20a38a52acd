"""When a store is unwell, and when a restart might mend that."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from pipelines.cameras.states import CameraState, CameraStatus, Cause
from pipelines.cameras.throttle import Throttle
from pipelines.governor import Governor
from pipelines.load_reading import LoadCounters
from pipelines.overload import Overload
from pipelines.store_status import StoreStatus
from probes.metrics import Metrics


def status_of(problems=(), *, state=CameraState.LIVE, redacting=True, withheld="", starting="", failed=False):
    camera = CameraStatus(state, Cause.NONE, time.time_ns(), None, 0, 0, 0)
    platform = SimpleNamespace(
        starting=starting,
        failed=failed,
        withheld=withheld,
        cameras=lambda: {"door": camera},
        redacting=lambda within_s: redacting,
    )
    return StoreStatus(
        platform,
        floor=None,
        overload=SimpleNamespace(
            problems=lambda live: list(problems), silent=lambda live: [], withholding=lambda within_s: False
        ),
        settings=lambda: SimpleNamespace(cameras={"door": SimpleNamespace(fps=10)}),
        metrics=None,
        clock=SimpleNamespace(now=time.time_ns),
    ).health()


def test_a_store_that_works_is_well():
    assert (status_of().ok, status_of().stuck) == (True, False)


@pytest.mark.parametrize(
    "ill",
    [
        {"problems": ["camera door: suspended, too many cameras for this machine"]},
        {"problems": ["camera door: 0.3 frames per second analysed, below 0.5"]},
        {"problems": ["frames are 7 s old when they are published, above 5"]},
        {"state": CameraState.BACKOFF},
        {"state": CameraState.CONNECTING, "starting": "building engine nanodet-416 fp16, 2 left"},
    ],
)
def test_what_no_restart_mends_is_told_and_does_not_count_as_stuck(ill):
    health = status_of(**ill)
    assert health.reasons
    assert (health.ok, health.stuck) == (False, False)


@pytest.mark.parametrize(
    "ill", [{"redacting": False}, {"withheld": "no face was found"}, {"failed": True, "problems": ["slow"]}]
)
def test_what_a_restart_may_mend_counts_as_stuck(ill):
    health = status_of(**ill)
    assert (health.ok, health.stuck) == (False, True)


class Box:
    """A store of two cameras, live since it began; `run` lets seconds pass."""

    def __init__(self, monkeypatch, starting=""):
        self.now, self.frames = 0.0, {"door": 0, "till": 0}
        self.starting, self.state = starting, CameraState.LIVE
        self.came_at, self.redacted_at = None, None  # seconds; None: now
        metrics = Metrics([state.value for state in CameraState])
        self.metrics = metrics
        self.throttle = Throttle()
        self.overload = Overload(
            metrics,
            self.throttle,
            lambda: self.frames,
            clock=lambda: self.now,
            idle_s=lambda: 0.9 * self.now,
            governor=Governor(warm_up_s=0),
        )
        monkeypatch.setattr("pipelines.store_status.time", SimpleNamespace(monotonic=lambda: self.now))
        self.settings = {camera: SimpleNamespace(fps=10) for camera in self.frames}
        settings = SimpleNamespace(cameras=self.settings)
        self.status = StoreStatus(
            self,
            floor=None,
            overload=self.overload,
            settings=lambda: settings,
            metrics=metrics,
            clock=SimpleNamespace(now=lambda: int(self.now * 1e9)),
        )
        self.failed, self.withheld = False, ""

    def cameras(self):
        came_at = int((self.now if self.came_at is None else self.came_at) * 1e9)
        return dict.fromkeys(self.frames, CameraStatus(self.state, Cause.NONE, 0, came_at, 0, 0, 0))

    def redacting(self, within_s):
        return self.redacted_at is None or self.now - self.redacted_at <= within_s

    def run(self, seconds, late=0, **fps):
        for _ in range(seconds):
            self.now += 1
            for camera, frames in fps.items():
                self.frames[camera] += frames
                self.metrics.frames_processed.labels(camera).inc(frames)
                self.metrics.frames_dropped.labels(camera, "superseded").inc(late)
            self.overload.check()


def test_a_live_camera_of_which_nothing_is_analysed_for_minutes_is_stuck_though_another_goes_on(monkeypatch):
    box = Box(monkeypatch)
    box.run(60, door=10, till=10)
    box.run(120, door=10)
    assert not box.status.health().stuck
    box.run(120, door=10)
    health = box.status.health()
    assert health.stuck
    assert "camera till: live, and no frame of it was analysed for 3 min" in health.reasons
    box.run(1, door=10, till=10)
    assert not box.status.health().stuck


@pytest.mark.parametrize("on_gpu", [False, True])
def test_cameras_whose_frames_are_all_withheld_are_not_stuck_and_not_well(monkeypatch, on_gpu):
    box = Box(monkeypatch)
    box.run(60, door=10, till=10)
    box.redacted_at = box.now
    for _ in range(400):
        for camera in box.frames:
            if on_gpu:
                box.metrics.redaction_failures.labels(camera).inc(10)
            else:
                box.metrics.frames_dropped.labels(camera, "too_many_faces").inc(10)
        box.run(1)
        assert not box.status.health().stuck
    assert "no frame was redacted in the last 10 s" in box.status.health().reasons
    assert "camera till: 0.0 frames per second analysed, below 0.5" in box.status.health().reasons
    box.metrics.frames_dropped.labels("door", "inference_failed").inc(10)
    box.run(11)
    assert box.status.health().stuck


def test_a_store_is_not_stuck_while_no_camera_sends_anything_and_is_still_live(monkeypatch):
    """`stale_after_ms` may be two minutes; systemd waits for one."""
    box = Box(monkeypatch)
    box.run(60, door=10, till=10)
    box.came_at = box.redacted_at = box.now
    for _ in range(120):
        box.run(1)
        assert not box.status.health().stuck
    assert not box.status.health().ok
    box.came_at = None
    assert box.status.health().stuck


def test_cameras_of_a_frame_in_ten_seconds_are_well(monkeypatch):
    box = Box(monkeypatch)
    for one in box.settings.values():
        one.fps = 0.1
    for _ in range(20):
        box.redacted_at = box.now
        for _ in range(11):
            box.run(1)
            assert box.status.health().ok
    box.run(15)
    assert box.status.health().stuck


def test_no_camera_is_stuck_because_the_process_was_paused_for_minutes(monkeypatch):
    box = Box(monkeypatch)
    box.run(60, door=10, till=10)
    box.now += 600
    for _ in range(20):
        box.run(1, door=10)
        assert not box.status.health().stuck
    box.run(180, door=10)
    assert box.status.health().stuck


def test_no_camera_is_stuck_for_overload_alone_however_rarely_it_has_a_frame(monkeypatch):
    box = Box(monkeypatch)
    box.run(200, late=30, door=1, till=1)
    assert box.throttle.share < 1
    for _ in range(5):
        for _ in range(20):  # a frame in twenty seconds of the door, in seven minutes of the till
            box.run(19, late=30, door=0, till=0)
            box.run(1, late=30, door=1)
            assert not box.status.health().stuck
        box.run(1, late=30, till=1)


def test_cameras_that_are_suspended_in_turn_are_not_stuck_and_one_that_is_dead_is(monkeypatch):
    box = Box(monkeypatch)
    while not box.throttle.suspended:
        box.run(1, late=30, door=1, till=1)
    told = set()
    for _ in range(900):
        told |= box.throttle.suspended
        box.run(1, late=30, **{camera: 2 for camera in box.frames if camera not in box.throttle.suspended})
        assert not box.status.health().stuck
    assert told == {"door", "till"}
    for _ in range(600):
        box.run(1, late=30, door=0 if "door" in box.throttle.suspended else 2)
    assert "camera till: live, and no frame of it was analysed for 3 min" in box.status.health().reasons


def test_a_camera_that_has_just_returned_is_not_said_to_have_too_few_frames(monkeypatch):
    box = Box(monkeypatch)
    while not box.throttle.suspended:
        box.run(1, late=30, door=1, till=1)
    (back,) = box.throttle.suspended
    while back in box.throttle.suspended:
        box.run(1, late=30, **{camera: 1 for camera in box.frames if camera != back})
    for _ in range(9):
        box.run(1, late=30, **{back: 1})
        assert not any("frames per second" in reason for reason in box.status.health().reasons)
    box.run(12, late=30, **{back: 0})
    assert f"camera {back}: 0.0 frames per second analysed, below 0.5" in box.status.health().reasons


def test_a_camera_that_is_passed_by_for_minutes_is_stuck_though_the_box_always_leaves_something_out(
    monkeypatch,
):
    box = Box(monkeypatch)
    box.run(60, late=2, door=6, till=6)
    for _ in range(300):
        box.run(1, late=1, door=6)
        assert box.throttle.share < 1
        assert not box.throttle.suspended
    assert "camera till: live, and no frame of it was analysed for 3 min" in box.status.health().reasons
    assert box.status.health().stuck
    box.run(1, late=1, door=6, till=1)
    assert not box.status.health().stuck


def test_a_camera_is_not_stuck_soon_after_an_overload(monkeypatch):
    box = Box(monkeypatch)
    box.run(300, late=30, door=1)
    while box.throttle.suspended or box.throttle.share < 1:
        box.run(1, door=10, till=1)
    box.run(170, door=10)
    assert not box.status.health().stuck
    box.run(20, door=10)
    assert box.status.health().stuck


def test_engines_are_waited_for_while_they_come_and_not_for_ever(monkeypatch):
    box = Box(monkeypatch, starting="building engine nanodet-416 fp16, 2 left")
    box.state = CameraState.CONNECTING
    told = []
    for text in ("building engine nanodet-416 fp16, 2 left", "building engine centerface fp16, 1 left"):
        box.starting = text
        for _ in range(80):  # minutes
            box.now += 60
            told.append(box.status.health().stuck)
    assert not any(told)
    box.now += 20 * 60
    health = box.status.health()
    assert health.stuck
    assert "no progress for 90 min: building engine centerface fp16, 1 left" in health.reasons
    box.starting = ""
    assert not box.status.health().stuck


def test_what_is_shown_but_was_not_analysed_is_late_and_left_out_unless_it_was_never_meant_to_be():
    metrics = Metrics([state.value for state in CameraState])
    metrics.frames_dropped.labels("door", "superseded").inc(2)
    metrics.frames_between.labels("door", "superseded").inc(3)
    metrics.frames_between.labels("door", "rate").inc(4)
    status = StoreStatus(None, None, None, settings=None, metrics=metrics, clock=None)
    assert status._dropped("door") == 5
    assert LoadCounters(metrics).totals(0).frames_late == 5
