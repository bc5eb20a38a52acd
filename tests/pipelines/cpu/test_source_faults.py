"""Streams with a gap, and sessions with two videos."""

from __future__ import annotations

import contextlib
import re
import threading
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gi
import pytest

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

from pipelines.cameras.loss_guard import DecodeFilter, LossGuard  # noqa: E402
from pipelines.cameras.memory import resident_bytes  # noqa: E402
from pipelines.cameras.play_check import silent_fault, why_silent  # noqa: E402
from pipelines.cameras.source import SourceLost, SourceSpec, Transport  # noqa: E402
from pipelines.cameras.states import REMEDY, Cause  # noqa: E402
from pipelines.cameras.throttle import DecodeGate  # noqa: E402
from pipelines.cameras.trial import first_frame  # noqa: E402
from pipelines.cpu import gst  # noqa: E402
from pipelines.cpu.source import GstSource, open_source  # noqa: E402
from tests.fakes.interleaved_proxy import cutting_proxy, interleaved_proxy  # noqa: E402
from tests.fakes.rtsp_camera import RtspCamera  # noqa: E402
from tests.fakes.rtsp_replies import (  # noqa: E402
    flooding_camera,
    hanging_up_camera,
    playing_camera,
    refusing_camera,
)
from tests.waiting import wait_for  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

KEYFRAMES = 10
LOST = 13


@pytest.fixture
def patient(monkeypatch):
    """Time for a busy machine's camera: a connection is asked once why it is silent."""
    monkeypatch.setattr("pipelines.cpu.source.why_silent", partial(why_silent, timeout_s=60))


def test_after_a_gap_no_picture_comes_until_the_next_keyframe():
    gst.init()
    pipeline: Any = Gst.parse_launch(
        "videotestsrc num-buffers=40 pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1"
        f" ! x264enc tune=zerolatency key-int-max={KEYFRAMES} bframes=0 ! rtph264pay name=pay mtu=600"
        " ! rtph264depay name=depay ! h264parse name=parse ! avdec_h264 max-threads=1 output-corrupt=false"
        " ! appsink name=out sync=false max-buffers=100"
    )
    guard, seen = LossGuard(), set()

    def lose(_pad: Any, info: Any) -> Any:
        number = info.get_buffer().pts // (Gst.SECOND // 10)
        first, _ = number not in seen, seen.add(number)
        return Gst.PadProbeReturn.DROP if first and number == base + LOST else Gst.PadProbeReturn.OK

    base = 1000 * 3600 * 10  # x264enc begins its times there
    pipeline.get_by_name("pay").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, lose)
    guard.watch(pipeline.get_by_name("depay"), pipeline.get_by_name("parse"), "H264")
    pipeline.set_state(Gst.State.PLAYING)
    shown = []
    while (sample := pipeline.get_by_name("out").emit("pull-sample")) is not None:
        shown.append(sample.get_buffer().pts // (Gst.SECOND // 10) - base)
    pipeline.set_state(Gst.State.NULL)
    assert sorted(seen)[0] == base
    assert shown == [*range(LOST), *range(2 * KEYFRAMES, 40)]
    assert guard.take() >= 2 * KEYFRAMES - LOST - 1
    assert guard.take() == 0


def test_after_a_gap_what_an_open_group_shows_before_its_keyframe_is_withheld_too():
    gst.init()
    guard = LossGuard()

    def decoded(pts: int, *, key: bool = False) -> bool:
        buffer = Gst.Buffer.new()
        buffer.pts = pts
        if not key:
            buffer.set_flags(Gst.BufferFlags.DELTA_UNIT)
        return bool(guard._pass(None, SimpleNamespace(get_buffer=lambda: buffer)) == Gst.PadProbeReturn.OK)

    gap = Gst.Buffer.new()
    assert decoded(10, key=True)
    guard._gap(None, SimpleNamespace(get_buffer=lambda: gap))
    gap.set_flags(Gst.BufferFlags.DISCONT)
    guard._gap(None, SimpleNamespace(get_buffer=lambda: gap))
    went = [decoded(14), decoded(20, key=True), decoded(18), decoded(19), decoded(24), decoded(22)]
    assert went == [False, True, False, False, True, True]
    assert [decoded(30, key=True), decoded(28), decoded(34)] == [True] * 3
    assert guard.take() == 3


H264 = f"x264enc speed-preset=ultrafast key-int-max={KEYFRAMES} b-adapt=false bframes="
SLOWLY = f"x264enc speed-preset=ultrafast tune=zerolatency key-int-max={KEYFRAMES} intra-refresh=true"
OPEN = f"x265enc speed-preset=ultrafast key-int-max={KEYFRAMES} option-string=open-gop=1:bframes=3:b-adapt=0"


@pytest.mark.parametrize(
    ("part", "encoder"),
    [
        (1.0, f"{H264}0"),
        (0.5, f"{H264}0"),
        (0.0, f"{H264}0"),
        (0.5, f"{H264}2"),
        (0.5, OPEN),
        (0.0, OPEN),
        (0.5, SLOWLY),
    ],
)
def test_what_is_left_out_before_the_decoder_smears_no_picture(part, encoder):
    """The pictures that come are, byte for byte, those that come when all are decoded."""
    codec = "H264" if encoder.startswith("x264") else "H265"
    name = codec.lower()
    gst.init()

    def run(decoded: DecodeFilter | None) -> dict[int, bytes]:
        pipeline: Any = Gst.parse_launch(
            "videotestsrc num-buffers=60 pattern=ball ! video/x-raw,width=160,height=120,framerate=10/1"
            f" ! {encoder} ! rtp{name}pay mtu=600 ! rtp{name}depay name=depay ! {name}parse name=parse"
            f" ! avdec_{name} max-threads=1 output-corrupt=false"
            " ! appsink name=out sync=false max-buffers=100"
        )
        LossGuard(decoded).watch(pipeline.get_by_name("depay"), pipeline.get_by_name("parse"), codec)
        pipeline.set_state(Gst.State.PLAYING)
        shown = {}
        while (sample := pipeline.get_by_name("out").emit("pull-sample")) is not None:
            shown[sample.get_buffer().pts] = sample.get_buffer().extract_dup(0, 160 * 120 * 3 // 2)
        pipeline.set_state(Gst.State.NULL)
        return shown

    ticks = iter(range(10**6))
    gate = DecodeGate(lambda: part, max_gap_s=100)
    decoded = DecodeFilter(gate, lambda: next(ticks) / 10)
    some = run(decoded)
    left_out = decoded.take()
    every = run(None)
    assert len(every) == 60
    assert len(some) + left_out == 60
    assert some == {at: every[at] for at in some}
    assert bool(left_out) == (part < 1 and encoder != SLOWLY)  # of that one each picture needs those before
    assert decoded.take() == 0


def test_an_error_before_the_one_that_tells_the_cause_ends_nothing():
    """GStreamer 1.20 gives two for each 401 and 404: this one first."""
    with RtspCamera() as camera:
        source = GstSource(SourceSpec("c", camera.url))
        try:
            error = GLib.GError.new_literal(Gst.ResourceError.quark(), "Could not open resource", 5)
            details = "No supported authentication protocol was found"
            source.pipeline.get_bus().post(Gst.Message.new_error(source.pipeline, error, details))
            wait_for(lambda: source.wait(0.1))
        finally:
            source.close()


TWO = (
    "( videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=10/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=5 ! rtph264pay name=pay0 pt=96"
    " videotestsrc is-live=true ! video/x-raw,width=128,height=96,framerate=10/1,format=I420"
    " ! jpegenc ! rtpjpegpay name=pay1 pt=26 )"
)


def test_of_two_videos_in_one_session_it_is_always_the_one_named():
    gst.init()
    server: Any = GstRtspServer.RTSPServer()
    server.set_service("0")
    server.set_address("127.0.0.1")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(TWO)
    factory.set_shared(True)
    server.get_mount_points().add_factory("/two", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    try:
        address = f"rtsp://127.0.0.1:{server.get_bound_port()}/two"
        for track, width in [(1, 64), (2, 128)] * 3:
            source = GstSource(SourceSpec("c", address, track=track))
            try:
                wait_for(lambda source=source: source.wait(0.1))
                assert source.take().width == width
            finally:
                source.close()
        source = GstSource(SourceSpec("c", address, track=3))
        try:
            with pytest.raises(SourceLost) as lost:
                wait_for(lambda: source.wait(0.1))
            assert lost.value.cause is Cause.NO_VIDEO
        finally:
            source.close()
    finally:
        loop.quit()
        thread.join(120)


def test_a_camera_that_floods_the_memory_is_given_up(monkeypatch):
    gst.init()
    monkeypatch.setattr("pipelines.cameras.memory.MAX_GROWTH", 60_000_000)
    before = resident_bytes()
    with flooding_camera() as url:
        source = GstSource(SourceSpec("c", url))
        try:
            with pytest.raises(SourceLost) as lost:
                wait_for(lambda: source.wait(0.02))
            assert lost.value.cause is Cause.ANSWER
        finally:
            source.close()
    wait_for(lambda: resident_bytes() - before < 400_000_000)


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("454 Session Not Found", Cause.ANSWER),
        ("500 Internal Server Error", Cause.ANSWER),
        ("453 Not Enough Bandwidth", Cause.BUSY),
        ("503 Service Unavailable", Cause.BUSY),
        ("403 Forbidden", Cause.AUTH),
    ],
)
def test_a_refusal_at_any_step_has_a_cause_and_the_cameras_words(method, status, cause):
    def watch(url: str) -> None:
        with contextlib.closing(open_source(SourceSpec("c", url))) as source:
            for _ in range(600):
                source.wait(0.1)

    with refusing_camera(method, status) as url, pytest.raises(SourceLost) as lost:
        watch(url)
    assert lost.value.cause is cause
    assert cause is Cause.AUTH or lost.value.answer.endswith(status)


@pytest.mark.parametrize("by_reset", [False, True])
@pytest.mark.parametrize("method", ["", "OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
def test_a_camera_that_hangs_up_is_told_whenever_it_does(
    monkeypatch: pytest.MonkeyPatch, method: str, *, by_reset: bool
) -> None:
    """As one with too many viewers does, or after wrong logins: it was "unknown", or "unreachable"."""
    monkeypatch.setattr("pipelines.cameras.network.CUT_S", 300.0)
    with hanging_up_camera(method, by_reset=by_reset) as url, pytest.raises(SourceLost) as lost:
        first_frame(SourceSpec("c", url, connect_timeout_ms=100_000), 100, open_source)
    assert lost.value.cause is Cause.HANGS_UP


@pytest.mark.parametrize("long_ago_s", [0.0, 3600.0])
def test_a_stream_that_is_reset_was_cut_by_the_camera_however_long_it_ran(long_ago_s: float) -> None:
    """It was "unknown", or after a while "no answer in time: check address and firewall"."""
    cut = threading.Event()
    with RtspCamera() as camera, cutting_proxy(camera.url, cut) as url:
        source = open_source(SourceSpec("c", url))
        with contextlib.closing(source):
            wait_for(lambda: source.wait(0.1))
            source._began -= long_ago_s
            cut.set()
            with pytest.raises(SourceLost) as lost:
                wait_for(lambda: source.wait(0.1) and False)
    assert lost.value.cause is Cause.HANGS_UP


@pytest.mark.parametrize("login", [None, ("anna", 'Sommer 2026"ö')])
@pytest.mark.parametrize(
    "status",
    ["405 Method Not Allowed", "406 Not Acceptable", "501 Not Implemented", "551 Option Not Supported"],
)
def test_a_silent_fault_that_rtspsrc_keeps_quiet_about_is_found(patient, status, login):
    name, password = login or (None, None)
    with refusing_camera("PLAY", status, login) as url:
        spec = SourceSpec("c", url, name, password, connect_timeout_ms=1000)
        with contextlib.closing(open_source(spec)) as source, pytest.raises(SourceLost) as lost:
            wait_for(lambda: source.wait(0.1))
    assert (lost.value.cause, lost.value.answer) == (Cause.ANSWER, status)


@pytest.mark.parametrize(
    ("method", "status"),
    [("SETUP", "453 Not Enough Bandwidth"), ("PLAY", "454 Session Not Found"), ("PLAY", "200 OK")],
)
def test_what_only_the_second_connection_meets_is_not_believed(method, status):
    with refusing_camera(method, status) as url:
        assert silent_fault(SourceSpec("c", url)) == ""
    assert silent_fault(SourceSpec("c", url)) == ""  # nobody listens any more


def told(channels: str) -> Callable[[str], str]:
    """Return what changes the channels in an answer to SETUP."""
    return lambda line: re.sub(r";interleaved=[\d-]+", channels, line)


@pytest.mark.parametrize(
    ("channels", "line", "answer"),
    [
        ({0: 1, 1: 0}, told(";interleaved=0-1"), "its video comes on channel 1, not on 0: try transport udp"),
        ({0: 4, 1: 5}, told(";interleaved=0-1"), "its video comes on channel 4, not on 0: try transport udp"),
        ({}, told(";interleaved=2-3"), "its video comes on channel 0, not on 2: try transport udp"),
        ({}, told(""), "SETUP names no channel: try transport udp"),
    ],
    ids=["swapped", "others", "misnamed", "unnamed"],
)
def test_video_on_another_channel_than_agreed_is_no_firewall(patient, channels, line, answer):
    with RtspCamera() as camera, interleaved_proxy(camera.url, channels, line) as url:
        source = open_source(SourceSpec("c", url, connect_timeout_ms=1000))
        with contextlib.closing(source), pytest.raises(SourceLost) as lost:
            wait_for(lambda: source.wait(0.1))
        assert (
            silent_fault(SourceSpec("c", url, transport=Transport.UDP)) == ""
        )  # channels do not matter there
    assert (lost.value.cause, lost.value.answer) == (Cause.ANSWER, f"200 OK, but {answer}")


@pytest.mark.parametrize("transport", list(Transport))
def test_video_of_another_payload_type_than_described_is_no_firewall(transport):
    def other(packet: bytearray) -> None:
        packet[1] = packet[1] & 0x80 | 97

    with RtspCamera() as camera, interleaved_proxy(camera.url, {}, changed=other) as url:
        fault = silent_fault(SourceSpec("c", url, transport=transport), timeout_s=60)
    assert fault == "200 OK, but its packets are of type 97, not 96 as it says"


@pytest.mark.parametrize(
    ("channels", "line"),
    [
        ({}, told(";interleaved=0-1")),
        ({0: 4, 1: 5}, told(";interleaved=4-5")),
        ({0: 1, 1: 0}, told(";interleaved=1-0")),
    ],
    ids=["asked", "others", "swapped"],
)
def test_other_channels_that_the_camera_names_are_followed(channels, line):
    with RtspCamera() as camera, interleaved_proxy(camera.url, channels, line) as url:
        with contextlib.closing(open_source(SourceSpec("c", url, connect_timeout_ms=60_000))) as source:
            wait_for(lambda: source.wait(0.1))
        assert silent_fault(SourceSpec("c", url), timeout_s=60) == ""


def test_a_sender_that_begins_anew_in_the_same_session_goes_on():
    """It was "its video format cannot be read", and the camera was called again."""
    anew = threading.Event()

    def other(packet: bytearray) -> None:
        if anew.is_set():
            packet[8:12] = b"anew"  # the SSRC

    with RtspCamera() as camera, interleaved_proxy(camera.url, {}, changed=other) as url:
        source = open_source(SourceSpec("c", url))
        with contextlib.closing(source):
            wait_for(lambda: source.wait(0.1))
            anew.set()
            for _ in range(15):
                wait_for(lambda: source.wait(0.1))
                source.take()


@pytest.mark.parametrize("status", ["400 Bad Request", "406 Not Acceptable", "461 No", "500 Internal Error"])
def test_a_camera_that_refuses_datagrams_is_asked_by_tcp(status):
    """Of 461 alone rtspsrc does so itself."""
    with playing_camera("7", datagrams=status) as (url, asked):
        spec = SourceSpec("c", url, transport=Transport.AUTO, connect_timeout_ms=300_000)
        with contextlib.closing(open_source(spec)) as source:
            wait_for(lambda: source.wait(0.1) or "PLAY" in asked)


def test_a_camera_that_refuses_every_transport_is_told_to_try_another():
    with refusing_camera("SETUP", "461 Unsupported Transport") as url:
        source = open_source(SourceSpec("c", url))
        with contextlib.closing(source), pytest.raises(SourceLost) as lost:
            wait_for(lambda: source.wait(0.1))
    assert lost.value.cause is Cause.NO_VIDEO
    assert "another transport" in REMEDY[lost.value.cause]
