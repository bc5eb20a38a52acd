"""A camera's bin that cannot be linked gives its pad at the mux back, so that the next one can have it."""

from types import SimpleNamespace

import pytest

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


@pytest.mark.parametrize(("uri", "from_now"), [("file:///film.mp4", False), ("rtsp://10.0.0.1/stream", True)])
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
