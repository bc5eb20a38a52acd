"""What NVIDIA's own elements refuse, or do otherwise than one would think, the stand-ins do too."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pipelines.deepstream.graph.capabilities import Capabilities, Device
from pipelines.deepstream.runtime.elements import Gst
from tests.fakes.batching import Batcher, Router
from tests.fakes.deepstream import ADAPTIVE, FakeElementFactory
from tests.pipelines.deepstream.stores import JETSON
from tests.waiting import wait_for

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
    demux.rates = mux.rates
    times = {0: 3 * Gst.SECOND, 1: 7 * Gst.SECOND}
    sources: dict[int, Any] = {slot: Gst.ElementFactory.make("appsrc", None) for slot in times}
    sinks: dict[int, Any] = {slot: Gst.ElementFactory.make("appsink", None) for slot in times}
    for slot in times:
        sources[slot].set_property("format", Gst.Format.TIME)
        sources[slot].set_property("caps", Gst.Caps.from_string("application/x-test,framerate=10/1"))
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


@pytest.mark.parametrize("told", [True, False])
def test_frames_of_an_unknown_frame_rate_do_not_leave_the_demultiplexer(told: bool) -> None:
    """Its pad has no caps before the mux has told the rate; then frames are dropped, and nobody says so."""
    pipeline: Any = Gst.Pipeline.new(None)
    mux, demux = Batcher(), Router()
    left: list[int] = []
    pipeline.add(mux)
    pipeline.add(demux)
    mux.link(demux)
    demux.rates = mux.rates
    sources: list[Any] = [Gst.ElementFactory.make("appsrc", None) for _ in range(2)]
    for slot, source in enumerate(sources):
        rate = ",framerate=10/1" if slot or told else ""
        source.set_property("format", Gst.Format.TIME)
        source.set_property("caps", Gst.Caps.from_string(f"application/x-test{rate}"))
        sink: Any = Gst.ElementFactory.make("fakesink", None)
        sink.set_property("async", False)
        pipeline.add(source)
        pipeline.add(sink)
        source.link_pads("src", mux, f"sink_{slot}")
        demux.link_pads(f"src_{slot}", sink, "sink")
        sink.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, _note, left, slot)
    pipeline.set_state(Gst.State.PLAYING)
    for source in sources:
        for number in range(3):
            buffer: Any = Gst.Buffer.new_wrapped(b"1234")
            buffer.pts = number * Gst.SECOND
            source.emit("push-buffer", buffer)
    wait_for(lambda: left.count(1) == 3)
    if told:
        wait_for(lambda: left.count(0) == 3)
    assert (0 in left) is told
    pipeline.set_state(Gst.State.NULL)


def _note(_pad: Any, _info: Any, left: list[int], slot: int) -> Any:
    left.append(slot)
    return Gst.PadProbeReturn.OK


@pytest.mark.parametrize("version", [(9, 1), (9, 2)])
def test_a_pad_of_the_demultiplexer_that_is_asked_for_twice_is_refused(version: tuple[int, int]) -> None:
    """Up to 9.1 it then keeps its lock, and nothing gets through any more."""
    factory = FakeElementFactory(Capabilities(Device.DGPU, version=version))
    demux = factory.make("nvstreamdemux", "demux")
    assert demux.request_pad_simple("src_0") is not None
    assert demux.request_pad_simple("src_0") is None
    assert bool(factory.faults) is (version < (9, 2))


@pytest.mark.parametrize("dropped", [True, False])
def test_the_end_of_all_streams_ends_the_pipeline_unless_the_mux_drops_it(dropped: bool) -> None:
    pipeline: Any = Gst.Pipeline.new(None)
    mux = FakeElementFactory(JETSON).make("nvstreammux", "mux")
    for key, value in {"width": 64, "height": 64, "batch-size": 1, "drop-pipeline-eos": dropped}.items():
        mux.set_property(key, value)
    sink: Any = Gst.ElementFactory.make("fakesink", None)
    pipeline.add(mux)
    pipeline.add(sink)
    mux.link(sink)
    entry = mux.request_pad_simple("sink_0")
    ends: list[Any] = []
    kind = Gst.PadProbeType.EVENT_DOWNSTREAM
    sink.get_static_pad("sink").add_probe(kind, lambda _, info: _note_end(info.get_event(), ends))
    pipeline.set_state(Gst.State.PLAYING)
    entry.send_event(Gst.Event.new_stream_start("x"))
    entry.send_event(Gst.Event.new_eos())
    assert ends == ([] if dropped else [Gst.EventType.EOS])
    assert mux.batcher.spins
    entry.send_event(Gst.Event.new_flush_stop(False))
    assert not mux.batcher.spins
    pipeline.set_state(Gst.State.NULL)


def _note_end(event: Any, ends: list[Any]) -> Any:
    if event.type == Gst.EventType.EOS:
        ends.append(event.type)
    return Gst.PadProbeReturn.OK


def fed_mux(slots: int) -> tuple[Any, Any, dict[int, Any]]:
    """Return a pipeline that plays, its mux, and the source of each of its pads."""
    pipeline: Any = Gst.Pipeline.new(None)
    mux, sink = Batcher(), Gst.ElementFactory.make("fakesink", None)
    sink.set_property("async", False)
    for element in (mux, sink):
        pipeline.add(element)
    mux.link(sink)
    sources: dict[int, Any] = {}
    for slot in range(slots):
        sources[slot] = source = Gst.ElementFactory.make("appsrc", None)
        source.set_property("format", Gst.Format.TIME)
        source.set_property("caps", Gst.Caps.from_string("application/x-test"))
        pipeline.add(source)
        source.link_pads("src", mux, f"sink_{slot}")
    pipeline.set_state(Gst.State.PLAYING)
    return pipeline, mux, sources


def feed(source: Any) -> None:
    buffer: Any = Gst.Buffer.new_wrapped(b"1234")
    buffer.pts = 0
    source.emit("push-buffer", buffer)


def test_the_mux_has_one_lock_and_holds_it_while_what_follows_is_busy() -> None:
    pipeline, mux, sources = fed_mux(1)
    busy, go_on, order = threading.Event(), threading.Event(), []

    def block(_pad: Any, _info: Any) -> Any:
        busy.set()
        go_on.wait(WAIT_S)
        order.append("pushed")
        return Gst.PadProbeReturn.OK

    mux.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, block)
    feed(sources[0])
    assert busy.wait(WAIT_S)
    asks = threading.Thread(target=lambda: order.append(mux.request_pad_simple("sink_1").get_name()))
    asks.start()
    assert not mux._change.acquire(blocking=False)
    go_on.set()
    asks.join(WAIT_S)
    assert order == ["pushed", "sink_1"]
    pipeline.set_state(Gst.State.NULL)


def test_a_pad_of_the_mux_is_released_once_its_frames_are_taken() -> None:
    pipeline, mux, sources = fed_mux(2)
    mux.timeout_s = 1e6
    batches: list[int] = []
    kind = Gst.PadProbeType.BUFFER
    mux.get_static_pad("src").add_probe(kind, lambda _, info: _note_batch(info.get_buffer(), batches))
    feed(sources[1])
    wait_for(lambda: 1 in mux._waiting)
    leaves = threading.Thread(target=lambda: mux.release_request_pad(mux.get_static_pad("sink_1")))
    leaves.start()
    wait_for(lambda: mux.releasing == {1})
    assert mux.get_static_pad("sink_1") is not None
    feed(sources[0])
    leaves.join(WAIT_S)
    assert mux.get_static_pad("sink_1") is None
    wait_for(lambda: batches == [0b11])
    pipeline.set_state(Gst.State.NULL)


def _note_batch(batch: Any, batches: list[int]) -> Any:
    batches.append(batch.offset)
    return Gst.PadProbeReturn.OK


def test_what_comes_to_the_demultiplexer_without_metadata_of_a_batch_is_an_error() -> None:
    demux: Any = Router()
    demux.set_state(Gst.State.PLAYING)
    segment = Gst.Segment()
    segment.init(Gst.Format.TIME)
    for event in (Gst.Event.new_stream_start("x"), Gst.Event.new_segment(segment)):
        demux.into.send_event(event)
    for offset in (Gst.BUFFER_OFFSET_NONE, 0b1):
        buffer: Any = Gst.Buffer.new_wrapped(b"1234")
        buffer.offset = offset
        assert demux.into.chain(buffer) == Gst.FlowReturn.ERROR
    demux.set_state(Gst.State.NULL)


@pytest.mark.parametrize(
    ("size", "frame", "reads"),
    [
        ((426, 239), (1280, 720), (432, 240)),
        ((426, 239), (426, 239), (426, 239)),
        ((424, 240), (64, 64), (424, 240)),
    ],
)
def test_the_mux_rounds_its_size_up_once_a_frame_must_be_scaled(
    size: tuple[int, int], frame: tuple[int, int], reads: tuple[int, int]
) -> None:
    pipeline: Any = Gst.Pipeline.new(None)
    mux = FakeElementFactory(JETSON).make("nvstreammux", "mux")
    for key, value in {"width": size[0], "height": size[1], "batch-size": 1}.items():
        mux.set_property(key, value)
    pipeline.add(mux)
    entry = mux.request_pad_simple("sink_0")
    pipeline.set_state(Gst.State.PAUSED)
    entry.send_event(Gst.Event.new_stream_start("x"))
    shape = f"format=NV12,width={frame[0]},height={frame[1]},framerate=10/1"
    entry.send_event(Gst.Event.new_caps(Gst.Caps.from_string(f"video/x-raw(memory:NVMM),{shape}")))
    assert (mux.get_property("width"), mux.get_property("height")) == reads
    bus, warnings = pipeline.get_bus(), 0
    while bus.pop_filtered(Gst.MessageType.WARNING) is not None:
        warnings += 1
    assert warnings == 2 * (size != reads)
    pipeline.set_state(Gst.State.NULL)


@pytest.mark.parametrize(
    ("change", "works"),
    [
        ({}, True),
        ({"width": 0}, False),
        ({"batch-size": 0}, False),
        ({"sync-inputs": True}, False),
        ({"sync-inputs": True, "batched-push-timeout": 50_000}, True),
    ],
)
def test_a_mux_that_cannot_work_does_not_start(change: dict[str, Any], works: bool) -> None:
    mux = FakeElementFactory(JETSON).make("nvstreammux", "mux")
    for key, value in {"width": 64, "height": 64, "batch-size": 1, **change}.items():
        mux.set_property(key, value)
    assert (mux.set_state(Gst.State.READY) != Gst.StateChangeReturn.FAILURE) is works
    mux.set_state(Gst.State.NULL)


@pytest.mark.parametrize(("value", "works"), [("yes", True), ("Yes", False), (None, False)])
def test_a_mux_that_waits_for_every_slot_of_its_batch_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, value: str | None, works: bool
) -> None:
    if value is None:
        monkeypatch.delenv(ADAPTIVE, raising=False)
    else:
        monkeypatch.setenv(ADAPTIVE, value)
    factory = FakeElementFactory(JETSON)
    factory.make("nvstreammux", "mux")
    assert bool(factory.faults) is not works


@pytest.mark.parametrize(
    ("factory", "key"), [("nvurisrcbin", "smart-rec-status"), ("nvv4l2h264enc", "device")]
)
def test_what_can_only_be_read_cannot_be_set(factory: str, key: str) -> None:
    element = FakeElementFactory(JETSON).make(factory, "x")
    before = element.get_property(key)
    with pytest.raises(TypeError, match="not writable"):
        element.set_property(key, before)
