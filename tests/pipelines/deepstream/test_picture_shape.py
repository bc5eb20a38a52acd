"""Cameras whose pictures are not 16:9 keep their shape, with masks, boxes and zones where they belong."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.checks.graph_check import violations
from pipelines.deepstream.checks.privacy_proof import prove
from pipelines.deepstream.graph.build import build_graph, engine_files
from pipelines.deepstream.graph.camera import UPRIGHT, picture_part
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.picture_shape import Misfit, ShapeCheck, shape_of
from pipelines.settings.area import MaskConfig
from pipelines.settings.camera import CameraConfig
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import BOXES, rtsp, store
from tests.pipelines.deepstream.test_analysis import Shop
from tests.waiting import wait_for

PILLARS = (160, 0, 960, 720)
URI = "rtsp://127.0.0.1:554/stream"


@pytest.mark.parametrize(
    ("shape", "rotate", "part"),
    [
        (None, 0, None),
        ((1920, 1080), 0, None),
        ((1920, 1088), 180, None),
        ((640, 360), 0, None),
        ((704 * 16, 576 * 11), 0, None),
        ((640, 480), 0, PILLARS),
        ((2592, 1944), 180, PILLARS),
        ((704 * 12, 576 * 11), 0, PILLARS),
        ((2048, 2048), 0, (280, 0, 720, 720)),
        ((3840, 1080), 0, (0, 180, 1280, 360)),
        ((9000, 100), 0, (0, 200, 1280, 320)),
        ((100, 9000), 0, (550, 0, 180, 720)),
        ((640, 480), 90, UPRIGHT),
        (None, 270, UPRIGHT),
    ],
)
def test_a_picture_keeps_its_shape_in_the_middle_of_the_frame(shape, rotate, part):
    camera = CameraConfig(source="rtsp://127.0.0.1/s", rotate=rotate)
    assert picture_part(camera, shape) == part
    assert part is None or not any(one % 2 for one in part)


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_only_the_sources_depend_on_the_shape_and_every_box_takes_them(tmp_path, box):
    settings = store(tmp_path, [*rtsp(2), "/dev/video0", "clip.mp4"])
    files = engine_files(settings)
    whole, _ = build_graph(settings, box, files)
    graph, redaction = build_graph(settings, box, files, dict.fromkeys(("c0", "c2", "c3"), (640, 480)))
    assert list(violations(graph, load_contract(box))) == []
    prove(graph, redaction)
    assert graph.shared == whole.shared
    crops = {element.name: element.get("dest-crop") for element in graph.of("nvvideoconvert")}
    assert [crops.get(f"fit_c{n}") for n in range(4)] == ["160:0:960:720", None, *["160:0:960:720"] * 2]
    assert "width=1280,height=720" in str(graph.by_name["fitted_c0"].get("caps"))


def test_the_aspect_of_pixels_comes_from_the_coded_stream_where_the_decoder_names_none():
    line = "video/x-raw,width=704,height=576,pixel-aspect-ratio=16/11 ! x264enc ! h264parse ! fakesink"
    pipeline = Gst.parse_launch(f"videotestsrc num-buffers=2 ! {line}")
    pipeline.set_state(Gst.State.PLAYING)
    try:
        pipeline.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS)
        for caps, shape in (
            ("video/x-raw,width=704,height=576", (704 * 16, 576 * 11)),
            ("video/x-raw,width=704,height=576,pixel-aspect-ratio=1/1", (704 * 16, 576 * 11)),
            ("video/x-raw,width=704,height=576,pixel-aspect-ratio=12/11", (704 * 12, 576 * 11)),
            ("video/x-raw,format=NV12", None),
        ):
            assert shape_of(Gst.Caps.from_string(caps), pipeline) == shape
        assert shape_of(Gst.Caps.from_string("video/x-raw,width=4,height=3"), Gst.Bin.new()) == (4, 3)
    finally:
        pipeline.set_state(Gst.State.NULL)


def test_frames_of_the_wrong_shape_are_told_only_while_they_come():
    now, dropped, passed = [1.0], [], []
    check = ShapeCheck(lambda one: one == (16, 9), on_drop=lambda: dropped.append(1), clock=lambda: now[0])
    box, element = Gst.Bin.new(), Gst.ElementFactory.make("identity")
    out = Gst.Pad.new("src", Gst.PadDirection.SRC)
    box.add(element)
    box.set_state(Gst.State.PAUSED)
    pad = element.get_static_pad("sink")
    check.put_on(pad)
    pad.add_probe(Gst.PadProbeType.BUFFER, lambda *_: passed.append(1) or Gst.PadProbeReturn.DROP)
    out.link(pad)
    out.set_active(True)
    out.push_event(Gst.Event.new_stream_start("s"))
    segment = Gst.Segment()
    segment.init(Gst.Format.TIME)

    def send(width, height, frames):
        caps = Gst.Caps.from_string(f"video/x-raw,width={width},height={height}")
        out.push_event(Gst.Event.new_caps(caps))
        out.push_event(Gst.Event.new_segment(segment))
        for _ in range(frames):
            out.push(Gst.Buffer.new_wrapped(b"x"))

    for now[0], sent, misfit, drops in (
        (1.0, (4, 3, 0), None, 0),  # caps alone are no picture
        (2.0, (16, 9, 1), None, 0),
        (3.0, (4, 3, 2), Misfit((4, 3), 3.0, 3.0), 2),
        (4.0, (4, 3, 1), Misfit((4, 3), 3.0, 3.0), 3),
        (5.0, (1, 1, 1), Misfit((1, 1), 5.0, 3.0), 4),
        (6.0, (16, 9, 1), None, 4),  # the right shape is back
        (7.0, (4, 3, 1), Misfit((4, 3), 7.0, 7.0), 5),
    ):
        send(*sent)
        assert (check.misfit, len(dropped)) == (misfit, drops)
    box.set_state(Gst.State.NULL)
    assert len(passed) == 2


def masked(settings):
    mask = MaskConfig(polygon=((0, 0), (1, 0), (1, 0.5), (0, 0.5)))
    camera = settings.cameras["c0"].model_copy(update={"masks": {"top": mask}})
    return settings.model_copy(update={"cameras": {**settings.cameras, "c0": camera}})


def jpeg_size(run):
    picture = run.platform.outputs.pictures.take("c0", 600)
    return cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape[1::-1]


def test_a_camera_of_another_shape_is_opened_again_before_anything_of_it_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.deepstream.runtime.reshape_pace.SETTLE_S", 0.0)
    shop = Shop()

    def prepare(element_factory):
        element_factory.aspects[URI] = "3/4"

    on = {"analyse": shop.analyse, "note": shop.note, "split": shop.split, "change": masked}
    with running(tmp_path, rtsp(2), outputs="page", prepare=prepare, **on) as run:
        run.platform.start()
        wait_for(lambda: {frame.camera for frame in shop.floor.frames} == {"c0", "c1"})
        assert {f.size for f in shop.floor.frames if f.camera == "c0"} == {(480, 480)}  # of 640 x 480
        assert {f.size for f in shop.floor.frames if f.camera == "c1"} == {(640, 480)}
        (mask,) = run.analysis._cameras["c0"].masks.polygons
        assert mask == ((0.125, 0), (0.875, 0), (0.875, 0.5), (0.125, 0.5))
        assert jpeg_size(run) == (960, 720)
        assert run.element_factory.opened.count(URI) >= 2
        # Frames come to the floor by another thread than the one that counts connections.
        wait_for(lambda: [run.platform.cameras()[name].connects for name in ("c0", "c1")] == [1, 1])
        # Masks that change while it runs lie in the same picture.
        run.analysis.reconfigure(masked(store(tmp_path, rtsp(2))), (), (), lambda _: None)
        assert run.analysis._cameras["c0"].masks.polygons[0] == mask

        # Somebody sets the camera to 16:9: what is under way is not shown by the new masks.
        run.platform._cameras._reshape_paces["c0"]._last = -1e9
        run.element_factory.aspects.clear()
        run.platform.remove("c0")
        wait_for(lambda: run.state("c0") == "stopped:none")
        run.platform.add("c0")
        wait_for(lambda: any(f.size == (640, 480) for f in shop.floor.frames if f.camera == "c0"))
        assert jpeg_size(run) == (1280, 720)
        assert run.analysis._cameras["c0"].masks.polygons[0][2] == (1, 0.5)
        assert run.element_factory.opened.count(URI) >= 4


@pytest.mark.parametrize(
    ("settle_s", "reshape_s", "due", "followed"),
    [
        (0.0, 3600.0, False, False),  # too soon after the last time
        (3600.0, 3600.0, True, False),  # each shape comes for a moment only
        (3600.0, 0.0, True, True),  # and none of them is the one for which the bin was built, for long
    ],
)
def test_a_stream_that_changes_its_shape_all_the_time_is_followed_where_nothing_is_seen_of_it(
    tmp_path, monkeypatch, settle_s, reshape_s, due, followed
):
    def prepare(element_factory):
        element_factory.aspects[URI] = "3/4"

    monkeypatch.setattr("pipelines.deepstream.runtime.reshape_pace.SETTLE_S", settle_s)
    monkeypatch.setattr("pipelines.deepstream.runtime.reshape_pace.RESHAPE_S", reshape_s)
    with running(tmp_path, rtsp(2), prepare=prepare) as run:
        run.platform.start()
        wait_for(lambda: run.state("c0") == "live:none")
        run.element_factory.aspects.clear()
        run.platform.remove("c0")
        wait_for(lambda: run.state("c0") == "stopped:none")
        if due:
            run.platform._cameras._reshape_paces["c0"]._last = -1e9
        run.platform.add("c0")
        if followed:
            wait_for(lambda: run.state("c0") == "live:none")
            assert len(run.analysis.reshaped) == 2
            return
        wait_for(lambda: run.platform._cameras._sources["c0"].misfit)
        seen = run.analysis.batches
        wait_for(lambda: run.analysis.batches > seen + 3)
        assert len(run.analysis.reshaped) == 1
        assert not run.state("c0").startswith("live")
        came, dropped = run.metrics.frames_received.labels("c0"), run.metrics.frames_dropped
        assert came._value.get() > dropped.labels("c0", "shape")._value.get() > 0
