"""Pictures by RTSP: what viewers see, cameras that come and go, start and end."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.errors import BadInput
from pipelines.outputs import rtsp_stream
from pipelines.outputs.gst import Gst
from pipelines.outputs.rtsp import RtspOutput
from pipelines.outputs.rtsp_stream import WAITING, RtspMedia
from tests.fakes.redacted import plain
from tests.fakes.rtsp_viewer import RtspViewer
from tests.pipelines.outputs.rtsp_serving import Feeder, halves, serving, url
from tests.waiting import wait_for


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_viewer_sees_the_picture_and_the_encoder_lives_only_as_long(protocol: str) -> None:
    counts: list[tuple[str, int]] = []
    watched: list[tuple[str, str, float | None]] = []
    listeners = {
        "on_viewers": lambda *seen: counts.append(seen),
        "on_watch": lambda *seen: watched.append(seen),
    }
    with serving(**listeners) as output, Feeder(output, halves) as feeder:
        time.sleep(0.2)
        assert not output.wanted("entrance")
        assert feeder.published == 0
        with RtspViewer(url(output), protocol=protocol) as viewer:
            picture = viewer.picture()
            assert picture is not None
            assert picture.shape == (240, 320)
            assert picture[:, :150].mean() == pytest.approx(40, abs=15)
            assert picture[:, 170:].mean() == pytest.approx(214, abs=15)
            wait_for(lambda: output.viewers("entrance") == 1)
        wait_for(lambda: not output.wanted("entrance"))
        wait_for(lambda: output.viewers("entrance") == 0)
    assert counts == [("entrance", 1), ("entrance", 0)]
    began, ended = watched
    assert began == ("entrance", "127.0.0.1", None)
    assert ended[:2] == began[:2]
    assert ended[2] is not None
    assert ended[2] > 0


def test_nothing_of_the_encoder_exists_without_a_viewer() -> None:
    with serving() as output:
        stream = output._streams["entrance"]
        assert stream.media is None
        with Feeder(output, halves), RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
            assert stream.media is not None
        wait_for(lambda: stream.media is None)


def test_a_frame_for_a_stream_that_does_not_play_yet_is_not_taken() -> None:
    """appsrc would stamp it without a base time: the first picture, and all after it, would come in hours."""
    with serving() as output:
        line = "appsrc name=in is-live=true do-timestamp=true format=time ! capsfilter name=size ! fakesink"
        pipeline: Any = Gst.parse_launch(line)
        media = RtspMedia(*(pipeline.get_by_name(name) for name in ("in", "size", "size")))
        output._streams["entrance"].media = media
        pipeline.set_state(Gst.State.PAUSED)
        output.publish(halves())
        assert media.source.get_property("current-level-buffers") == 0
        pipeline.set_state(Gst.State.PLAYING)
        wait_for(lambda: output.publish(halves()) or media.size is not None)
        pipeline.set_state(Gst.State.NULL)


def test_cameras_do_not_mix_and_one_without_pictures_holds_up_no_other() -> None:
    with serving("dead", "entrance") as output, RtspViewer(url(output, "dead")) as waiting:
        wait_for(lambda: output.wanted("dead"))
        with Feeder(output, halves), RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
        assert waiting.picture(0.05) is None


def test_the_size_stays_when_the_camera_s_changes_and_the_picture_is_letterboxed() -> None:
    with serving() as output, Feeder(output, lambda: plain(320, 240, 200)) as feeder:
        with RtspViewer(url(output)) as viewer:
            assert viewer.picture() is not None
            feeder.make = lambda: plain(121, 241, 200)
            pictures = [viewer.picture() for _ in range(25)]
        assert all(p is not None and p.shape == (240, 320) for p in pictures)
        last = pictures[-1]
        assert last is not None
        assert last[:, :90].mean() < 30
        assert last[60:180, 150:170].mean() > 180
        wait_for(lambda: not output.wanted("entrance"))
        with RtspViewer(url(output)) as viewer:
            picture = viewer.picture()
            assert picture is not None
            assert picture.shape == (240, 120)


@pytest.mark.parametrize("told", [True, False], ids=["event", "event lost"])
def test_no_picture_of_before_a_change_of_masks_leaves_the_encoder(told: bool, monkeypatch) -> None:
    before, on_the_way, after = (plain(320, 240, luma) for luma in (50, 130, 210))
    held, go, seen = threading.Event(), threading.Event(), [0.0]

    def hold(*_: object) -> Any:
        held.set()
        assert go.wait(300)
        return Gst.PadProbeReturn.REMOVE

    if not told:
        monkeypatch.setattr(rtsp_stream._Cut, "is_event", lambda *_: False)
    with serving() as output, RtspViewer(url(output)) as viewer:
        with Feeder(output, lambda: before):
            assert viewer.picture() is not None
        media = output._streams["entrance"].media
        wait_for(lambda: media.source.get_property("current-level-buffers") == 0)
        media.encoder.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, hold)
        output.publish(on_the_way)
        assert held.wait(300)
        for _ in range(WAITING):
            output.publish(on_the_way)
        output.forget_pictures("entrance")
        go.set()
        with Feeder(output, lambda: after):
            while seen[-1] < 180:
                picture = viewer.picture()
                assert picture is not None
                seen.append(float(picture.mean()))
    assert [level for level in seen if 100 < level < 160] == []


def test_frames_beyond_the_queue_are_dropped_and_counted() -> None:
    with serving() as output, RtspViewer(url(output)):
        big = plain(1280, 720, 90)

        def flood() -> bool:
            for _ in range(60):
                output.publish(big)
            return output.dropped("entrance") > 0

        wait_for(flood)


def test_only_redacted_frames_are_taken() -> None:
    frame = halves()
    forged = SimpleNamespace(frame=frame.frame, pixels=frame.pixels)
    with serving() as output:
        for wrong in (forged, frame.pixels, None):
            with pytest.raises(TypeError, match="redacted"):
                output.publish(wrong)  # type: ignore[arg-type]  # that is the test


def test_cameras_come_and_go_while_the_server_runs() -> None:
    with serving() as output, Feeder(output, lambda: halves(camera="till")):
        with RtspViewer(url(output, "till")) as viewer:
            assert "Not found" in viewer.error() or "404" in viewer.error(1)
        output.add_camera("till")
        with RtspViewer(url(output, "till")) as viewer:
            assert viewer.picture() is not None
            output.remove_camera("till")
            assert not output.wanted("till")
            for _ in range(200):
                if viewer.picture(0.3) is None:
                    break
            else:
                pytest.fail("the viewer of a camera that is gone still gets pictures")
        output.publish(halves(camera="till"))


def test_a_port_in_use_is_a_clear_mistake() -> None:
    with serving() as first, pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1:{first.port}"):
        RtspOutput("127.0.0.1", first.port).start()


@pytest.mark.parametrize("state", ["new", "started", "waiting", "watched", "closed"])
def test_it_stops_from_any_state(state: str) -> None:
    output = RtspOutput("127.0.0.1", 0)
    output.add_camera("entrance")
    if state != "new":
        output.start()
    address = url(output)
    if state == "closed":
        output.close()
    if state == "watched":
        with Feeder(output, halves), RtspViewer(address) as viewer:
            assert viewer.picture() is not None
            output.close()
            assert not output.wanted("entrance")
            assert output.viewers("entrance") == 0
            assert output._clients.wait_gone(0), "no handler is called after the end of Python"
    if state == "waiting":
        with RtspViewer(address):
            wait_for(lambda: output.wanted("entrance"))
            output.close()
    output.close()
    output.publish(halves())
    assert output.port == 0
    if state == "watched":
        with RtspViewer(address) as viewer:
            assert viewer.error()
