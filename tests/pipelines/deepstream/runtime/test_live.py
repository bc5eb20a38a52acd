"""Live pictures for the page from the stand-in pipeline."""

from __future__ import annotations

import queue
import threading
from functools import partial
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pipelines.deepstream.cameras import Clocks
from pipelines.deepstream.checks.privacy_proof import Proof
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.live import DeepStreamLive, reduced
from pipelines.deepstream.runtime.outputs import DeepStreamOutputs
from pipelines.outputs.fragments import FragmentOutput
from pipelines.outputs.live import LiveOutput
from probes.nvds.redaction_gate import BufferVerdict
from tests import plain_http
from tests.fakes.rtsp_viewer import RtspViewer
from tests.fakes.served_page import wait_long_for_pictures
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import rtsp
from tests.pipelines.deepstream.test_analysis import Shop
from tests.waiting import wait_for
from web.backend import Backend
from web.page import PageOutputs, _live_of
from web.server import PageServer


def watch(live, camera="c0", **how):
    got = queue.Queue()
    return live.watch(camera, got.put, **how), got


def valves(run, camera="c0"):
    """Return what the two valves of a camera do, True where they drop; one is turned after the other."""
    return {
        run.platform.pipeline.get_by_name(f"{role}_{camera}").get_property("drop")
        for role in ("demand", "picturevalve")
    }


def is_open(run, camera="c0"):
    return valves(run, camera) == {False}


def is_shut(run, camera="c0"):
    return valves(run, camera) == {True}


def width(picture):
    return cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), 1).shape[1]


class Fed:
    """A clock that moves only with each frame that camera c0 is given."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def feed(self, run, number, luma=128):
        pixels = np.full((720 * 3 // 2, 1280), 128, np.uint8)
        pixels[:720] = luma
        buffer = Gst.Buffer.new_wrapped(pixels.tobytes())
        buffer.pts, buffer.duration = number * Gst.SECOND // 10, Gst.SECOND // 10
        batches = run.analysis.batches
        self.now += 0.2
        run.element_factory.feeds["rtsp://127.0.0.1:554/stream"].emit("push-buffer", buffer)
        wait_for(lambda: run.analysis.batches > batches)


@pytest.fixture
def fed(tmp_path):
    """A store with one camera, begun, that gives a frame when it is fed one: `feed(number, luma=)`."""
    time = Fed()
    with running(tmp_path, rtsp(1), outputs="page", c0="fed", clocks=Clocks(clock=time)) as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.feeds)
        yield run, partial(time.feed, run), time


def test_a_camera_is_redacted_and_encoded_only_while_it_is_watched(tmp_path):
    with running(tmp_path, rtsp(2), outputs="web") as run:  # no picture goes to disk
        live = DeepStreamLive(run.platform.outputs)
        run.listen("picture_c0", "picture_c1")
        assert live.age_s("c0") is None
        run.platform.start()
        wait_for(lambda: run.state("c0") == run.state("c1") == "live:none")
        assert is_shut(run)
        first, got = watch(live)
        second, _ = watch(live)
        assert got.get(timeout=120).frame_size == (1280, 720)
        assert live.watched("c0") == 2
        live.unwatch(first)
        assert is_open(run)
        live.unwatch(second)
        live.unwatch(second)
        assert is_shut(run)
        assert live.watched("c0") == 0
        assert live.age_s("c0") == 0
        assert run.samples["picture_c1"] == 0


def test_sizes_are_made_once_for_all_who_share_them(tmp_path):
    with running(tmp_path, rtsp(1), outputs="page") as run:
        live = DeepStreamLive(run.platform.outputs, clock=lambda: 0.0)  # so each is due one picture alone
        asked = [320, 300, 640, 960, 1280]
        viewers = [watch(live, width=one)[1] for one in asked]
        run.platform.start()
        pictures = [viewer.get(timeout=120) for viewer in viewers]
        assert [width(picture) for picture in pictures] == [320, 320, 640, 1280, 1280]
        assert live.encoded == 3
        assert pictures[0] is pictures[1]


def test_each_picture_tells_when_its_own_frame_was_captured(fed):
    run, feed, time = fed
    _, got = watch(DeepStreamLive(run.platform.outputs, clock=time))
    for number, luma in ((1, 60), (2, 120), (3, 180)):
        run.analysis.capture = number
        feed(number, luma=luma)
        picture = got.get(timeout=120)
        assert picture.captured_at == number
        assert abs(cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), 0).mean() - luma) < 25


def test_no_old_picture_is_shown_to_who_comes_later(fed):
    run, feed, time = fed
    live = DeepStreamLive(run.platform.outputs, clock=time)
    run.listen("picture_c0")
    first, got = watch(live)
    for number in (1, 2):
        feed(number)
        assert got.get(timeout=120)
    live.unwatch(first)
    feed(3)
    _, later = watch(live)
    # What still lay in the branch comes only now: a frame from before this watch.
    before = run.samples["picture_c0"]
    left = Gst.Buffer.new_wrapped(bytes(1280 * 720 * 3 // 2))
    left.pts = 2 * Gst.SECOND // 10
    run.platform.pipeline.get_by_name("tee_c0").get_static_pad("sink").chain(left)
    wait_for(lambda: run.samples["picture_c0"] > before)
    run.analysis.capture = 4
    feed(4)
    assert later.get(timeout=120).captured_at == 4
    assert later.empty()


def test_no_picture_by_the_masks_of_before_is_shown_however_late_it_comes(fed):
    run, feed, time = fed
    _, got = watch(DeepStreamLive(run.platform.outputs, clock=time))
    reached, go = threading.Event(), threading.Event()

    def hold(*_):
        reached.set()
        assert go.wait(300)
        return Gst.PadProbeReturn.REMOVE

    sink = run.platform.pipeline.get_by_name("picture_c0").get_static_pad("sink")
    sink.add_probe(Gst.PadProbeType.BUFFER, hold)
    run.analysis.capture = 1
    feed(1)
    assert reached.wait(300)
    run.analysis.masked_by = run.analysis.masked_by.replace()
    go.set()
    run.analysis.capture = 2
    feed(2)
    assert got.get(timeout=120).captured_at == 2
    assert got.empty()


def test_no_frame_by_the_masks_of_before_is_streamed_however_late_it_comes(tmp_path):
    time, numbers, seen = Fed(), iter(range(1, 1000)), []
    with running(tmp_path, rtsp(1), outputs="served", c0="fed", clocks=Clocks(clock=time)) as run:
        run.platform.start()
        wait_for(lambda: run.element_factory.feeds)
        held, go = threading.Event(), threading.Event()

        def hold(*_):
            held.set()
            assert go.wait(300)
            return Gst.PadProbeReturn.REMOVE

        def look(luma):
            time.feed(run, next(numbers), luma)
            picture = viewer.picture(0.2)
            if picture is not None:
                seen.append(float(picture.mean()))

        with RtspViewer(f"rtsp://127.0.0.1:{run.platform.outputs.rtsp.port}/c0") as viewer:
            wait_for(lambda: look(40) or seen)
            entry = run.platform.pipeline.get_by_name("encoder_c0").get_static_pad("sink")
            entry.add_probe(Gst.PadProbeType.BUFFER, hold)
            wait_for(lambda: time.feed(run, next(numbers), 130) or held.is_set())
            run.platform.outputs.forget_pictures(["c0"])
            go.set()
            wait_for(lambda: look(220) or seen[-1] > 180)
    assert [level for level in seen if 90 < level < 160] == []


def test_rate_is_the_viewers(fed):
    run, feed, time = fed
    live = DeepStreamLive(run.platform.outputs, clock=time)
    _, slow = watch(live, fps=2)
    _, fast = watch(live)
    for number in range(5):  # every 0.2 s
        feed(number)
        fast.get(timeout=120)
    assert slow.qsize() == 3


@pytest.mark.parametrize("what", ["batch", "gate"])
def test_frames_without_a_redaction_tag_are_not_shown(tmp_path, what):
    with running(tmp_path, rtsp(1), outputs="page") as run:
        setattr(run.analysis, "verdict" if what == "batch" else "gates", BufferVerdict.DROP)
        _, got = watch(DeepStreamLive(run.platform.outputs))
        run.platform.start()
        wait_for(lambda: run.analysis.batches >= 5)
        assert got.empty()
        run.analysis.verdict = run.analysis.gates = BufferVerdict.PASS
        assert got.get(timeout=120)


def test_pictures_of_unknown_age_are_not_shown(tmp_path, caplog):
    with running(tmp_path, rtsp(1), outputs="page") as run:
        run.analysis.capture = None
        _, got = watch(DeepStreamLive(run.platform.outputs))
        run.platform.start()
        wait_for(lambda: "camera c0: frames without a capture time are not shown" in caplog.text)
        assert got.empty()


def test_snapshots_and_the_page_do_not_take_each_others_pictures(tmp_path):
    with running(tmp_path, rtsp(1), outputs="page") as run:
        live = DeepStreamLive(run.platform.outputs)
        run.platform.start()
        one, got = watch(live)
        assert got.get(timeout=120)
        assert run.platform.outputs.pictures.take("c0", 300)
        assert is_open(run)
        before = got.qsize()
        wait_for(lambda: got.qsize() > before)
        live.unwatch(one)
        assert run.platform.outputs.pictures.take("c0", 300)
        wait_for(lambda: is_shut(run))


def test_one_viewers_fault_does_not_end_the_pictures(tmp_path, caplog):
    with running(tmp_path, rtsp(2), outputs="page") as run:
        live = DeepStreamLive(run.platform.outputs)
        live.watch("c1", lambda _: 1 / 0)
        _, got = watch(live)
        run.platform.start()
        assert got.get(timeout=120).camera == "c0"
        wait_for(lambda: "camera c1: live picture listener failed (division by zero)" in caplog.text)
        assert not run.platform.failed
        with pytest.raises(KeyError):
            watch(live, "nowhere")


def test_time_and_age_are_those_of_the_metadata(tmp_path):
    shop = Shop()
    with running(
        tmp_path, rtsp(1), outputs="page", analyse=shop.analyse, note=shop.note, split=shop.split
    ) as run:
        live = DeepStreamLive(run.platform.outputs)
        _, got = watch(live)
        run.platform.start()
        times = [got.get(timeout=120).captured_at for _ in range(3)]
        assert times == sorted(set(times))
        wait_for(lambda: live.age_s("c0") is not None)
        wait_for(lambda: set(times) <= {frame.captured_at for frame in shop.floor.frames})


def test_there_is_no_bridge_without_a_proof(tmp_path):
    with running(tmp_path, rtsp(1), outputs="page") as run:
        with pytest.raises(TypeError, match=r"only privacy_proof\.prove"):
            Proof(object())
        with pytest.raises(TypeError, match="proven"):
            DeepStreamLive(SimpleNamespace(cameras=("c0",), pictures=run.platform.outputs.pictures))
        with pytest.raises(TypeError, match="proven"):
            DeepStreamOutputs(
                run.platform._cameras._settings,
                run.platform.pipeline,
                run.platform.valves,
                run.metrics,
                proof=None,
                analysis=run.analysis,
                cameras={"c0": 10},
            )


def test_the_platform_decides_where_the_page_gets_its_pictures(tmp_path):
    with running(tmp_path, rtsp(1), outputs="page") as run:
        cpu = PageOutputs(LiveOutput(["c0"]), FragmentOutput({"c0": 10}))
        found = _live_of(SimpleNamespace(platform=SimpleNamespace(name="cpu")), cpu)
        assert found == (cpu.pictures, cpu.film)
        live, film = _live_of(SimpleNamespace(platform=run.platform), cpu)
        assert isinstance(live, DeepStreamLive)
        assert film is None
        with pytest.raises(TypeError):
            _live_of(SimpleNamespace(platform=SimpleNamespace(name="deepstream")), cpu)


def test_the_page_shows_them(tmp_path, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    with running(tmp_path, rtsp(1), outputs="page") as run:
        live = DeepStreamLive(run.platform.outputs)
        backend = Backend(
            run.platform._cameras._settings,
            run.metrics,
            live=live,
            platform="deepstream",
            cameras=run.platform.cameras,
        )
        server = PageServer(backend, tmp_path / "page")
        server.start()
        run.platform.start()
        try:
            wait_for(lambda: run.state("c0") == "live:none")
            with plain_http.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
                small = client.get("/api/cameras/c0/picture.jpg", params={"width": 640})
                assert cv2.imdecode(np.frombuffer(small.content, np.uint8), 1).shape == (360, 640, 3)
                with client.stream("GET", "/api/cameras/c0/video.mjpg") as video:
                    parts = video.iter_raw()
                    assert b"\xff\xd8" in next(part for part in parts if b"image/jpeg" in part)
                    # Read on meanwhile: the page lets go of a viewer who takes nothing.
                    wait_for(lambda: next(parts) and live.watched("c0") == 1)
                camera = client.get("/api/cameras").json()["cameras"][0]
                assert (camera["size"], camera["picture_age_ms"]) == ([1280, 720], 0)
            wait_for(lambda: live.watched("c0") == 0 and is_shut(run))
        finally:
            server.stop()


def test_what_is_no_jpeg_is_told():
    with pytest.raises(ValueError, match="no JPEG"):
        reduced(b"\xff\xd8 nothing", 2, 75)
