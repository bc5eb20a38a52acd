"""A camera's bin: its pad at the mux, its times, and which coded pictures reach its decoder."""

from types import SimpleNamespace

import pytest

from pipelines.cameras.loss_guard import LossGuard
from pipelines.cameras.source import PROTOCOLS, Transport
from pipelines.cpu import gst
from pipelines.deepstream.runtime import source_bin
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.mux_pads import MuxPads
from pipelines.deepstream.runtime.source_bin import FrameTap, RtspAccess, SourceBin
from pipelines.errors import BadInput
from tests.fakes.deepstream import FakeElementFactory
from tests.pipelines.deepstream.stores import BOXES
from tests.waiting import wait_for


def test_a_pad_that_could_not_be_linked_is_given_back():
    Gst.init(None)
    pipeline = Gst.Pipeline.new()
    mux = Gst.ElementFactory.make("audiomixer", "mux")
    pipeline.add(mux)
    pads = MuxPads(mux)
    other = pads.take("sink_0")  # else the one below would be the last, which is kept

    kinds = iter(["videotestsrc", "audiotestsrc"])

    def camera_bin(_camera):
        box, source = Gst.Bin.new(None), Gst.ElementFactory.make(next(kinds))
        box.add(source)
        box.add_pad(Gst.GhostPad.new("src", source.get_static_pad("src")))
        return box

    built = SimpleNamespace(
        exit_of=lambda _camera: SimpleNamespace(sink="mux", sink_pad="sink_1"),
        camera_bin=camera_bin,
        pipeline=pipeline,
        mux_pads=pads,
    )
    for linked in (False, True):  # sound is what this mux takes
        one = SourceBin(built, "door", FrameTap(lambda: 0.0, None), RtspAccess())
        if linked:
            one.open()
        else:
            with pytest.raises(BadInput, match=r"mux\.sink_1 cannot be linked"):
                one.open()
        one.close()
        wait_for(lambda one=one: one.closed)
        assert [pad.get_name() for pad in mux.sinkpads] == ["sink_0"]
    pads.give_back(other)


@pytest.mark.parametrize(("uri", "from_now"), [("file:///film.mp4", False), ("rtsp://127.0.0.1/x", True)])
def test_the_stand_in_stamps_a_file_from_0_and_a_camera_from_now(uri, from_now):
    """The film of the self-check is opened each minute: stamped from now it would come twice as late."""
    Gst.init(None)
    pipeline, stamps = Gst.Pipeline.new(), []
    source = FakeElementFactory(BOXES["orin-legacy-blur"]).make("nvurisrcbin", "source")
    source.set_property("uri", uri)
    sink = Gst.ElementFactory.make("fakesink")
    sink.set_property("sync", False)
    pipeline.add(source)
    pipeline.add(sink)
    source.connect("pad-added", lambda _source, pad: pad.link(sink.get_static_pad("sink")))

    def note(_pad, info):
        stamps.append(info.get_buffer().pts / 1e9)
        return Gst.PadProbeReturn.OK

    probe = sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, note)
    clock = Gst.SystemClock.obtain()
    pipeline.use_clock(clock)
    pipeline.set_start_time(Gst.CLOCK_TIME_NONE)
    pipeline.set_base_time(0)  # it has run since the machine was started
    age_s = clock.get_time() / Gst.SECOND
    pipeline.set_state(Gst.State.PLAYING)
    try:
        wait_for(lambda: stamps)
        now_s = clock.get_time() / Gst.SECOND
    finally:
        pipeline.set_state(Gst.State.NULL)
        sink.get_static_pad("sink").remove_probe(probe)
    assert age_s <= stamps[0] <= now_s if from_now else stamps[0] == 0


FRAMES, KEYFRAMES, LOST = 40, 10, 13
ENCODERS = {
    "h264": f"x264enc tune=zerolatency key-int-max={KEYFRAMES}",
    "h265": f"x265enc tune=zerolatency speed-preset=ultrafast key-int-max={KEYFRAMES}",
}


def after_a_gap(codec: str, *, rtsp: bool) -> tuple[list[int], int]:
    """Return the frames that reach the decoder of a source bin where one is lost, and how many are withheld.

    The elements and their order are those of nvurisrcbin's RTSP path; only the decoder is a stand-in.
    """
    Gst.init(None)
    pipeline = Gst.parse_launch(
        f"videotestsrc num-buffers={FRAMES} pattern=ball ! video/x-raw,width=320,height=240,framerate=10/1"
        f" ! {ENCODERS[codec]} ! rtp{codec}pay ! identity name=packets"
    )
    box = Gst.Bin.new("source")
    built = SimpleNamespace(
        exit_of=lambda _camera: SimpleNamespace(sink="mux", sink_pad="sink_0"),
        camera_bin=lambda _camera: box,
        pipeline=pipeline,
        mux_pads=SimpleNamespace(take=lambda _name: sink.get_static_pad("sink"), give_back=lambda _pad: None),
    )
    sink = Gst.ElementFactory.make("fakesink")
    sink.set_property("sync", False)
    pipeline.add(sink)
    label = Gst.ElementFactory.make("identity")
    box.add(label)
    box.add_pad(Gst.GhostPad.new("src", label.get_static_pad("src")))
    source = SourceBin(built, "door", FrameTap(lambda: 0.0, None), RtspAccess())
    source.open()
    if rtsp:
        call = Gst.ElementFactory.make("rtspsrc")
        call.set_locked_state(True)
        box.add(call)
    decoder = FakeElementFactory(BOXES["orin-legacy-blur"]).make("nvv4l2decoder", "decoder")
    parser = f"{codec}parse"
    chain = [Gst.ElementFactory.make(name) for name in (f"rtp{codec}depay", parser, "tee", "queue", parser)]
    chain[3].set_property("max-size-time", 0)  # these pictures come as fast as they are made
    for one in (*chain, decoder):
        box.add(one)
    for one, following in zip((*chain, decoder), (*chain[1:], decoder, label), strict=True):
        assert one.link(following)
    box.add_pad(Gst.GhostPad.new("sink", chain[0].get_static_pad("sink")))
    packets = pipeline.get_by_name("packets")
    went, came = [], []

    def number_of(info):
        return info.get_buffer().pts // (Gst.SECOND // 10)

    def lose(_pad, info):
        came.append(number_of(info))
        lost = came[-1] == came[0] + LOST
        return Gst.PadProbeReturn.DROP if lost else Gst.PadProbeReturn.OK

    def note(_pad, info):
        went.append(number_of(info) - came[0])
        return Gst.PadProbeReturn.OK

    packets.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, lose)
    decoder.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, note)
    assert packets.link(box)
    pipeline.set_state(Gst.State.PLAYING)
    try:
        ends = Gst.MessageType.EOS | Gst.MessageType.ERROR
        assert pipeline.get_bus().timed_pop_filtered(300 * Gst.SECOND, ends).type == Gst.MessageType.EOS
    finally:
        pipeline.set_state(Gst.State.NULL)
    return went, source.take_withheld()


@pytest.mark.parametrize("codec", list(ENCODERS))
def test_after_a_gap_no_picture_of_a_camera_is_decoded_until_the_next_keyframe(codec):
    went, withheld = after_a_gap(codec, rtsp=True)
    assert went == [*range(LOST), *range(2 * KEYFRAMES, FRAMES)]
    assert withheld == 2 * KEYFRAMES - LOST - 1


def test_of_a_film_all_goes_to_the_decoder():
    went, withheld = after_a_gap("h264", rtsp=False)
    assert (len(went), withheld) == (FRAMES - 1, 0)


def test_an_encrypted_camera_without_get_parameter_is_asked_by_options():
    """Of an encrypted one the transport is set by us, after which it is known that no datagrams come."""
    gst.init()
    box, call, keep_alives = Gst.Bin.new("source"), Gst.ElementFactory.make("rtspsrc"), []
    access = RtspAccess(protocols=PROTOCOLS[Transport.TCP])
    source_bin._configure(box, box, call, access, keep_alives, LossGuard())
    (keep_alive,) = keep_alives
    assert keep_alive._session.listed("OPTIONS, DESCRIBE, SETUP, PLAY") == "GET_PARAMETER"
