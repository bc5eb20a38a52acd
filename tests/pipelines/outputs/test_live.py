import queue
import threading

import cv2
import numpy as np
import pytest

from pipelines.outputs.jpeg import encode_jpeg
from pipelines.outputs.live import LiveOutput, LivePicture
from tests.fakes.redacted import plain
from tests.waiting import wait_for


@pytest.fixture
def live():
    output = LiveOutput(["entrance", "till"])
    yield output
    output.close()


def _watch(live: LiveOutput, camera: str = "entrance", **how) -> "queue.Queue[LivePicture]":
    got: queue.Queue[LivePicture] = queue.Queue()
    live.watch(camera, got.put, **how)
    return got


def test_nobody_watches_nothing_is_wanted(live):
    assert not live.wanted("entrance")
    live.publish(plain())
    assert live.encoded == 0


def test_one_encoding_for_all_who_share_a_size(live):
    viewers = [_watch(live, width=300) for _ in range(20)]
    assert live.wanted("entrance")
    assert not live.wanted("till")
    live.publish(plain(640, 480, captured_at=7))
    pictures = [viewer.get(timeout=120) for viewer in viewers]
    assert live.encoded == 1
    assert {id(p) for p in pictures} == {id(pictures[0])}
    assert pictures[0].captured_at == 7
    assert cv2.imdecode(np.frombuffer(pictures[0].jpeg, np.uint8), 1).shape == (240, 320, 3)


@pytest.mark.parametrize(("asked", "width"), [(1, 320), (320, 320), (321, 640), (5000, 700)])
def test_sizes(live, asked, width):
    got = _watch(live, width=asked)
    live.publish(plain(700, 500))
    assert cv2.imdecode(np.frombuffer(got.get(timeout=120).jpeg, np.uint8), 1).shape[1] == width


def test_a_camera_that_is_taken_out_is_forgotten_though_a_frame_of_it_comes_late(live):
    assert not live.wanted("till")
    assert live.age_s("till") is not None
    live.remove_camera("till")
    assert not live.wanted("till")
    assert live.age_s("till") is None


def test_a_change_of_masks_drops_the_picture_that_waits(live):
    go, got = threading.Event(), _watch(live)
    live.watch("till", lambda _: go.wait(300))
    live.publish(plain(camera="till"))
    wait_for(lambda: not live._thread.frames.waits("till"))
    old = plain(captured_at=1)
    live.publish(old)
    old.masked_by.replace()
    go.set()
    wait_for(lambda: live.dropped == 1)
    live.publish(plain(captured_at=2))
    assert got.get(timeout=120).captured_at == 2
    assert got.empty()


def test_a_picture_under_encoding_goes_to_nobody_once_masks_have_changed(live, monkeypatch):
    def slow(pixels, quality):
        if old.pixels is pixels:
            old.masked_by.replace()
        return encode_jpeg(pixels, quality)

    old, got = plain(captured_at=1), _watch(live)
    monkeypatch.setattr("pipelines.outputs.live.encode_jpeg", slow)
    live.publish(old)
    wait_for(lambda: live.encoded == 1)
    live.publish(plain(captured_at=2))
    assert got.get(timeout=120).captured_at == 2
    assert got.empty()


def test_rate_is_the_viewers():
    now = [0.0]
    live = LiveOutput(["entrance"], clock=lambda: now[0])
    got = _watch(live, fps=2)
    live.publish(plain())
    got.get(timeout=120)
    wanted = []
    for now[0] in (0.1, 0.39, 0.4, 0.9):
        wanted.append(live.wanted("entrance"))
    assert wanted == [False, False, True, True]
    assert live.age_s("entrance") == 0
    assert live.age_s("till") is None
    live.close()


def test_who_has_gone_gets_nothing(live):
    watch = live.watch("entrance", lambda _: pytest.fail("still called"))
    live.unwatch(watch)
    assert not live.wanted("entrance")
    assert live.watched("entrance") == 0


def test_one_viewers_fault_does_not_end_the_pictures(live):
    live.watch("till", lambda _: 1 / 0)
    got = _watch(live)
    live.publish(plain(camera="till"))
    live.publish(plain())
    assert got.get(timeout=120).camera == "entrance"


def test_takes_redacted_frames_alone(live):
    with pytest.raises(TypeError):
        live.publish(object())


def test_unknown_camera(live):
    with pytest.raises(KeyError):
        live.watch("nowhere", print)
