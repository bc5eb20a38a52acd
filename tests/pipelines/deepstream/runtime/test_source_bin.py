"""A camera's bin that cannot be linked gives its pad at the mux back, so that the next one can have it."""

from types import SimpleNamespace

import pytest

from pipelines.deepstream.runtime.camera_source import FrameTap, RtspAccess, SourceBin
from pipelines.deepstream.runtime.elements import Gst
from pipelines.deepstream.runtime.mux_pads import MuxPads
from pipelines.errors import BadInput
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
