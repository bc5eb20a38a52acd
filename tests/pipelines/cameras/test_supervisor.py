import logging
import random
import threading
from collections import Counter

import pytest

from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import CameraState, Cause
from pipelines.cameras.supervisor import MAX_STUCK, CameraSupervisor
from tests.fakes.sources import Ear, ScriptedSource

SPEC = SourceSpec("c", "rtsp://cam/x", reconnect_first_ms=2, reconnect_max_ms=4, fps=1000)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Cameras:
    """Opens one script after the other; the last one again and again."""

    def __init__(self, *scripts, closed=None):
        self.scripts, self.closed, self.opened = list(scripts), closed, []

    def __call__(self, spec):
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if isinstance(script, Exception):
            raise script
        self.opened.append(ScriptedSource(script, self.closed))
        return self.opened[-1]


@pytest.fixture
def supervise():
    started = []

    def start(cameras, spec=SPEC, listener=None, **options):
        ear = listener or Ear()
        supervisor = CameraSupervisor(spec, ear, cameras, rng=random.Random(1), **options)
        started.append(supervisor)
        supervisor.start()
        return supervisor, ear

    yield start
    for supervisor in started:
        assert supervisor.stop(120)


def test_connects_shows_frames_and_stops(supervise):
    cameras = Cameras([False, True, True, True])
    supervisor, ear = supervise(cameras, SourceSpec("c", "rtsp://cam/x", fps=1e9))
    ear.until(lambda: ear.frames["c"] == 3)
    assert supervisor.stop()
    assert ear.pairs() == [("connecting", "none"), ("live", "none"), ("stopped", "none")]
    status = supervisor.status()
    assert (status.state, status.frames_received, status.connects) == (CameraState.STOPPED, 3, 1)
    assert status.last_frame_at == max(ear.times)
    assert [source.closes for source in cameras.opened] == [1]


def test_a_film_is_read_for_its_missing_end_in_the_cameras_own_thread(supervise, monkeypatch):
    read = []
    monkeypatch.setattr(
        "pipelines.cameras.supervisor.log_cut_off",
        lambda camera, _path: read.append((camera, threading.current_thread().name)),
    )
    spec = SourceSpec("c", "/films/door.mp4", reconnect_first_ms=2, reconnect_max_ms=4, fps=1000)
    CameraSupervisor(spec, Ear(), Cameras([True]))
    assert read == []
    _, ear = supervise(Cameras([True]), spec)
    ear.until_state(CameraState.LIVE)
    assert read == [("c", "camera-c")]


def test_a_camera_whose_share_hangs_while_its_end_is_looked_for_is_connecting(supervise, monkeypatch):
    gone_on = threading.Event()
    monkeypatch.setattr("pipelines.cameras.supervisor.log_cut_off", lambda *_: gone_on.wait(300))
    _, ear = supervise(Cameras([True]), SourceSpec("c", "/films/door.mp4", fps=1000))
    try:
        ear.until_state(CameraState.CONNECTING)
    finally:
        gone_on.set()
    ear.until_state(CameraState.LIVE)
    assert ear.pairs()[:2] == [("connecting", "none"), ("live", "none")]


def test_each_failure_leads_back_by_the_same_way(supervise):
    cameras = Cameras(
        SourceLost(Cause.DEVICE), [SourceLost(Cause.REFUSED)], [True, SourceLost(Cause.ENDED)], [True]
    )
    _, ear = supervise(cameras)
    ear.until(lambda: len(ear.connects) == 4)
    assert [result for _, result in ear.connects] == ["device", "refused", "ok", "ok"]
    assert ear.pairs()[-4:] == [
        ("live", "none"),
        ("backoff", "ended"),
        ("connecting", "ended"),
        ("live", "none"),
    ]
    assert [source.closes for source in cameras.opened] == [1, 1, 0]


def test_silence_makes_stale_then_back(supervise):
    clock = Clock()
    supervisor, ear = supervise(Cameras([True], [True]), clock=clock)
    ear.until_state(CameraState.LIVE)
    clock.now += 3.5
    ear.until_state(CameraState.STALE, Cause.STALLED)
    ear.until_state(CameraState.BACKOFF, Cause.STALLED)
    clock.now += 1
    supervisor.stop()
    assert ear.pairs()[:4] == [
        ("connecting", "none"), ("live", "none"), ("stale", "stalled"), ("backoff", "stalled"),
    ]  # fmt: skip


def test_a_camera_of_which_only_key_frames_are_decoded_is_not_stalled(supervise):
    clock = Clock()

    class KeyFramesOnly(ScriptedSource):
        waits = 0

        def wait(self, timeout_s):
            clock.now, self.waits = clock.now + 1, self.waits + 1
            return self.waits == 1 or super().wait(timeout_s)

        def take_undecoded(self):
            return 25 if self is opened[0] and 1 < self.waits <= 15 else 0

    opened = []
    _, ear = supervise(lambda _: opened.append(KeyFramesOnly()) or opened[-1], clock=clock)
    ear.until_state(CameraState.STALE, Cause.STALLED)  # after that it is silent indeed
    assert (ear.drops["undecoded"], opened[0].waits > 15) == (14 * 25, True)


def test_too_many_frames_are_dropped_before_the_copy_and_counted(supervise):
    clock = Clock()
    _, ear = supervise(Cameras([True] * 10), clock=clock)
    ear.until(lambda: ear.drops["rate"] == 9)
    assert ear.frames["c"] == 1


@pytest.mark.parametrize(
    ("share", "is_watched", "analysed", "between", "left_out"),
    [(1, True, 10, 0, 0), (0.25, True, 3, 7, 0), (0.25, False, 3, 0, 7), (0, True, 0, 0, 10)],
)
def test_frames_that_a_share_leaves_out_are_handed_on_where_they_are_shown(
    share, is_watched, analysed, between, left_out
):
    clock, ear, wanted = Clock(), Ear(), Counter()
    ear.on_frame = lambda frame: wanted.update([frame.wanted])
    spec = SourceSpec("c", "rtsp://cam/x", fps=10)
    one = CameraSupervisor(
        spec, ear, Cameras([True]), clock=clock, share=lambda: share, more=lambda: is_watched
    )
    for _ in range(10):
        one._receive(ScriptedSource([True]))
        clock.now += 0.1
    assert (wanted[True], wanted[False], ear.drops["rate"]) == (analysed, between, left_out)


def test_a_finished_file_stays_stopped(supervise, tmp_path):
    spec = SourceSpec("c", str(tmp_path / "x.mp4"), reconnect_first_ms=2)
    supervisor, ear = supervise(Cameras([True, SourceLost(Cause.ENDED)]), spec)
    ear.until_state(CameraState.STOPPED, Cause.ENDED)
    assert supervisor.stop(120)
    assert [result for _, result in ear.connects] == ["ok"]


def test_connections_that_never_close_are_left_behind_and_bounded(supervise):
    release = threading.Event()
    cameras = Cameras([SourceLost(Cause.DECODE)], closed=release)
    supervisor, ear = supervise(cameras, close_timeout_s=0.01)
    ear.until_state(CameraState.BACKOFF, Cause.STUCK)
    assert (supervisor.status().stuck, len(cameras.opened)) == (MAX_STUCK, MAX_STUCK)
    release.set()
    ear.until(lambda: len(cameras.opened) > MAX_STUCK)


def test_nothing_ends_the_thread(supervise, caplog):
    class Deaf(Ear):
        def on_state(self, *args):
            super().on_state(*args)
            raise RuntimeError("deaf")

    with caplog.at_level(logging.CRITICAL):
        _, ear = supervise(Cameras(RuntimeError("odd"), [ValueError("odder")], [True]), listener=Deaf())
        ear.until(lambda: ear.frames["c"] == 1)
    assert [result for _, result in ear.connects] == ["unknown", "unknown", "ok"]


STATES = {
    "connecting": ([], CameraState.CONNECTING),
    "live": ([True], CameraState.LIVE),
    "backoff": ([SourceLost(Cause.REFUSED)], CameraState.BACKOFF),
    "auth_failed": ([SourceLost(Cause.AUTH)], CameraState.AUTH_FAILED),
    "not_found": ([SourceLost(Cause.NOT_FOUND)], CameraState.NOT_FOUND),
}


@pytest.mark.parametrize("name", STATES)
def test_stops_from_every_state(supervise, name):
    script, state = STATES[name]
    spec = SourceSpec("c", "rtsp://cam/x", reconnect_first_ms=60_000, reconnect_max_ms=60_000)
    supervisor, ear = supervise(Cameras(script), spec)
    ear.until_state(state)
    assert supervisor.stop(120)
    assert ear.pairs()[-1] == ("stopped", "none")


def test_stop_before_start_and_twice():
    supervisor = CameraSupervisor(SPEC, Ear(), Cameras([]))
    assert supervisor.stop()
    assert supervisor.stop()
    assert supervisor.status().state is CameraState.STOPPED


def test_a_supervisor_that_was_left_behind_says_nothing_more():
    """Its driver answers after all: by then another supervisor has the camera, under other masks."""
    holds, goes, left = threading.Event(), threading.Event(), threading.Event()

    class Slow(ScriptedSource):
        def take(self):
            holds.set()
            assert goes.wait(120)
            return super().take()

        def close(self):
            left.set()

    ear = Ear()
    supervisor = CameraSupervisor(SPEC, ear, lambda spec: Slow([True, True]))
    supervisor.start()
    assert holds.wait(120)
    assert not supervisor.stop(0.01)
    said = ear.pairs()
    goes.set()
    assert left.wait(120)
    assert supervisor.stop(60)
    assert (ear.pairs(), ear.frames, ear.connects, ear.drops) == (said, {}, [], {})
