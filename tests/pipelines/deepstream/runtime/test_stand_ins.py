"""What NVIDIA's own elements refuse, or do otherwise than one would think, the stand-ins do too."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.deepstream.graph.capabilities import Capabilities, Device
from pipelines.deepstream.runtime.elements import Gst
from tests.fakes.batching import Batcher, Router
from tests.fakes.deepstream import FakeElementFactory

WAIT_S = 60


@pytest.mark.parametrize(("version", "refused"), [((7, 1), True), ((9, 1), True), ((9, 2), False)])
def test_a_pad_of_the_demultiplexer_that_is_asked_for_late_is_a_fault(
    version: tuple[int, int], refused: bool
) -> None:
    """Up to 9.1 such a pad may get neither stream-start nor caps, and drops its frames in silence."""
    factory = FakeElementFactory(Capabilities(Device.DGPU, version=version))
    pipeline: Any = Gst.Pipeline.new(None)
    demux = factory.make("nvstreamdemux", "demux")
    pipeline.add(demux)
    demux.request_pad_simple("src_0")
    assert factory.faults == []
    pipeline.set_state(Gst.State.PLAYING)
    demux.request_pad_simple("src_1")
    pipeline.set_state(Gst.State.NULL)
    assert bool(factory.faults) is refused


def test_a_demultiplexed_frame_has_the_time_of_its_camera_not_of_its_batch() -> None:
    pipeline: Any = Gst.Pipeline.new(None)
    mux, demux = Batcher(), Router()
    for element in (mux, demux):
        pipeline.add(element)
    mux.link(demux)
    times = {0: 3 * Gst.SECOND, 1: 7 * Gst.SECOND}
    sources: dict[int, Any] = {slot: Gst.ElementFactory.make("appsrc", None) for slot in times}
    sinks: dict[int, Any] = {slot: Gst.ElementFactory.make("appsink", None) for slot in times}
    for slot in times:
        sources[slot].set_property("format", Gst.Format.TIME)
        sources[slot].set_property("caps", Gst.Caps.from_string("application/x-test"))
        sinks[slot].set_property("sync", False)
        sinks[slot].set_property("async", False)
        pipeline.add(sources[slot])
        pipeline.add(sinks[slot])
        sources[slot].link_pads("src", mux, f"sink_{slot}")
        demux.link_pads(f"src_{slot}", sinks[slot], "sink")
    pipeline.set_state(Gst.State.PLAYING)
    for slot, at in times.items():
        buffer: Any = Gst.Buffer.new_wrapped(b"1234")
        buffer.pts = at
        sources[slot].emit("push-buffer", buffer)
    samples = {slot: sinks[slot].emit("try-pull-sample", WAIT_S * Gst.SECOND) for slot in times}
    pipeline.set_state(Gst.State.NULL)
    assert {slot: sample.get_buffer().pts for slot, sample in samples.items()} == times
