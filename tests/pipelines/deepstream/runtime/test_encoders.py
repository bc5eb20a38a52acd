"""Encoders that fail: they start again, and pictures of their camera go on meanwhile."""

from __future__ import annotations

import logging

import pytest

from pipelines.deepstream.graph.outlets import WALL
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.valves import STREAM
from pipelines.settings.outputs import RtspConfig, SnapshotsConfig
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import BOXES, DGPU, rtsp
from tests.waiting import wait_for

HARDWARE, SOFTWARE = ("encoder_c0", DGPU), ("soft_c0", BOXES["h100-legacy-blur"])


@pytest.fixture
def soon(monkeypatch):
    """What failed is tried again at once, and has held after a moment."""
    for name, value in (("retries.RETRY_S", 0.1), ("retries.MAX_RETRY_S", 0.2), ("encoders.STEADY_S", 0.3)):
        monkeypatch.setattr(f"pipelines.deepstream.runtime.{name}", value)


def everything(settings):
    """Streams and pictures beside recordings."""
    outputs = {
        "rtsp": RtspConfig(listen="127.0.0.1:0"),
        "snapshots": SnapshotsConfig(folder=settings.outputs.record.folder.parent / "shots", interval_s=3600),
    }
    return settings.model_copy(update={"outputs": settings.outputs.model_copy(update=outputs)})


def said(caplog, words):
    return [record for record in caplog.records if words in record.getMessage()]


def goes_on(run, *sinks):
    before = dict(run.samples)
    wait_for(lambda: all(run.samples[sink] > before.get(sink, 0) + 10 for sink in sinks))


def breakable(run, name):
    """What stands in for an element that may fail."""
    element = run.platform.pipeline.get_by_name(name)
    return getattr(element, "entry", None) or element.children[0]


@pytest.mark.parametrize(("name", "box"), [HARDWARE, SOFTWARE], ids=["hardware", "software"])
def test_an_encoder_that_fails_starts_again_and_costs_no_picture_of_its_camera(
    tmp_path, caplog, soon, name, box
):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "video" / "c0"
    with running(tmp_path, rtsp(2), box, outputs="record", change=everything) as run:
        run.listen("stream_c0", "stream_c1", "picture_c0")
        run.platform.start()
        run.platform.outputs.pictures.listen("c0", lambda _: None)
        goes_on(run, "stream_c0", "stream_c1", "picture_c0")
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        broken = breakable(run, name)
        broken.broken = True
        wait_for(lambda: said(caplog, "camera c0: the encoder has failed"))
        goes_on(run, "stream_c1", "picture_c0")
        assert run.platform.take_picture("c0") == ""
        wait_for(lambda: list(folder.glob("*.mp4")))  # what was recorded is not left open
        assert not said(caplog, "camera c0: encoded again")
        broken.broken = False
        goes_on(run, "stream_c0", "stream_c1", "picture_c0")
        wait_for(lambda: said(caplog, "camera c0: encoded again"))
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        assert not run.platform.failed
    assert len(said(caplog, "the encoder has failed")) == 1
    assert not said(caplog, "c1")


def test_pictures_that_cannot_be_encoded_come_again_and_cost_no_stream_and_no_other_camera(
    tmp_path, caplog, soon
):
    caplog.set_level(logging.INFO)
    with running(tmp_path, rtsp(2), DGPU, outputs="record", change=everything) as run:
        run.listen("stream_c0", "picture_c0", "picture_c1")
        run.platform.start()
        for camera in ("c0", "c1"):
            run.platform.outputs.pictures.listen(camera, lambda _: None)
        goes_on(run, "stream_c0", "picture_c0", "picture_c1")
        broken = breakable(run, "flat_c0")
        broken.broken = True
        wait_for(lambda: said(caplog, "camera c0: pictures cannot be encoded"))
        goes_on(run, "stream_c0", "picture_c1")
        wait_for(lambda: "tried again by itself" in run.platform.take_picture("c0"))
        assert run.platform.take_picture("c1") == ""
        assert not said(caplog, "camera c0: pictures are encoded again")
        broken.broken = False
        goes_on(run, "stream_c0", "picture_c0", "picture_c1")
        wait_for(lambda: said(caplog, "camera c0: pictures are encoded again"))
        wait_for(lambda: run.platform.take_picture("c0") == "")
        assert not run.platform.failed
    assert len(said(caplog, "pictures cannot be encoded")) == 1
    assert not said(caplog, "the encoder has failed")
    assert not said(caplog, "not recorded")


def test_the_encoder_of_all_cameras_starts_again_too(tmp_path, caplog, soon):
    caplog.set_level(logging.INFO)
    with running(tmp_path, rtsp(2), DGPU, outputs="rtsp") as run:
        wall = f"stream_{WALL}"
        run.listen(wall, "stream_c0")
        run.platform.start()
        run.platform.valves.want(WALL, STREAM, wanted=True)
        run.platform.valves.want("c0", STREAM, wanted=True)
        goes_on(run, wall, "stream_c0")
        broken = breakable(run, f"encoder_{WALL}")
        broken.broken = True
        wait_for(lambda: said(caplog, "the picture of all cameras: the encoder has failed"))
        goes_on(run, "stream_c0")
        broken.broken = False
        goes_on(run, wall, "stream_c0")
        wait_for(lambda: said(caplog, "the picture of all cameras: encoded again"))


def test_a_store_stops_while_an_encoder_waits_to_start_again(tmp_path, caplog):
    with running(tmp_path, rtsp(1), DGPU, outputs="record", change=everything) as run:
        run.listen("stream_c0")
        run.platform.start()
        goes_on(run, "stream_c0")
        breakable(run, "encoder_c0").broken = True
        wait_for(lambda: said(caplog, "camera c0: the encoder has failed"))


def test_frames_that_cannot_be_copied_cost_all_that_leaves_until_they_can(tmp_path, caplog, soon):
    caplog.set_level(logging.INFO)
    folder = tmp_path / "video" / "c0"
    with running(tmp_path, rtsp(2), DGPU, outputs="record", change=everything) as run:
        run.listen("stream_c0", "stream_c1", "picture_c0")
        run.platform.start()
        run.platform.outputs.pictures.listen("c0", lambda _: None)
        goes_on(run, "stream_c0", "stream_c1", "picture_c0")
        broken = breakable(run, "copy_c0")
        broken.broken = True
        wait_for(lambda: said(caplog, "camera c0: its frames cannot be copied"))
        goes_on(run, "stream_c1")
        wait_for(lambda: "tried again by itself" in run.platform.take_picture("c0"))
        wait_for(lambda: list(folder.glob("*.mp4")))
        broken.broken = False
        goes_on(run, "stream_c0", "stream_c1", "picture_c0")
        wait_for(lambda: said(caplog, "camera c0: its frames are copied again"))
        wait_for(lambda: any(b"moof" in part.read_bytes() for part in folder.glob("*.part")))
        assert not run.platform.failed
    assert not said(caplog, "c1")


def test_what_covers_a_camera_is_not_started_again(tmp_path, caplog, soon):
    with running(tmp_path, rtsp(1), DGPU, outputs="record", change=everything) as run:
        run.listen("stream_c0")
        run.platform.start()
        goes_on(run, "stream_c0")
        run.platform._built.element("redact_c0").fail(Gst.StreamError.quark(), 1, "broken")
        wait_for(lambda: said(caplog, "c0: no more pictures or streams until the next start"))
        assert not run.platform.valves.works("c0")
