"""Real pipelines, real batch metadata, and the probe and the gate on their pads as in production."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gi
import pytest

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from probes.nvds.pads import filter_buffers  # noqa: E402
from probes.nvds.redaction_gate import BufferVerdict, RedactionGate  # noqa: E402
from tests.fakes.failing_pyds import Faulty  # noqa: E402
from tests.fakes.nvds import PROCESS_KEY, Pic, face, fill, person, pyds, rig  # noqa: E402
from tests.fakes.people import SECOND, START  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

Gst.init(None)
CAPS = "video/x-raw,format=RGBA,width=16,height=16,framerate=10/1"
GRAPH = (
    "appsrc name=in format=time caps={caps} ! identity name=batch ! queue name=demux ! {between} ! "
    "videobalance name=redact saturation=0.5 ! tee name=t "
    "t. ! queue ! appsink name=left sync=false async=false "
    "t. ! queue ! appsink name=right sync=false async=false"
)
TIMEOUT = 5 * Gst.SECOND


@pytest.fixture(scope="module")
def ds() -> Any:
    return pyds()


def run(
    ds: Any,
    judge: Callable[[int], BufferVerdict] | None,
    gate: Callable[[int], BufferVerdict],
    count: int = 4,
    attach: bool = True,
    between: str = "identity",
) -> tuple[dict[str, list[int]], list[int], list[int]]:
    """Return the times (s) of the buffers at each end, and the metadata's addresses before and after."""
    pipeline = Gst.parse_launch(GRAPH.format(caps=CAPS, between=between))
    addresses: dict[str, list[int]] = {"batch": [], "t": []}

    def note(pad: Any, info: Any) -> Any:
        meta = ds.gst_buffer_get_nvds_batch_meta(hash(info.get_buffer()))
        addresses[pad.get_parent_element().get_name()].append(ds.get_ptr(meta) if meta is not None else 0)
        return Gst.PadProbeReturn.OK

    for name in addresses:
        pipeline.get_by_name(name).get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, note)
    if judge is not None:
        filter_buffers(pipeline.get_by_name("demux").get_static_pad("sink"), judge)
    filter_buffers(pipeline.get_by_name("redact").get_static_pad("sink"), gate)
    pipeline.set_state(Gst.State.PLAYING)
    source = pipeline.get_by_name("in")
    for number in range(count):
        buffer = Gst.Buffer.new_allocate(None, 16 * 16 * 4, None)
        buffer.pts = number * Gst.SECOND
        if attach:
            batch = ds.new_batch(2)
            objects = [person(1), face()]
            at = START + number * SECOND // 10
            fill(ds, batch, [Pic(0, objects, number, at), Pic(1, objects, number, at)])
            ds.attach(hash(buffer), batch)
        flow = source.emit("push-buffer", buffer)
        assert flow == Gst.FlowReturn.OK
        del buffer
    source.emit("end-of-stream")
    seen = {name: list(drain(pipeline.get_by_name(name))) for name in ("left", "right")}
    message = pipeline.get_bus().timed_pop_filtered(TIMEOUT, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    assert message is not None
    assert message.type == Gst.MessageType.EOS
    pipeline.set_state(Gst.State.NULL)
    return seen, addresses["batch"], addresses["t"]


def drain(sink: Any) -> Any:
    while (sample := sink.emit("try-pull-sample", TIMEOUT)) is not None:
        yield sample.get_buffer().pts // Gst.SECOND


def test_good_buffers_reach_every_branch_uncopied(ds: Any) -> None:
    using = rig(ds)
    seen, before, after = run(ds, using.probe.process, RedactionGate(using.meta, PROCESS_KEY).verify)
    assert seen == {"left": [0, 1, 2, 3], "right": [0, 1, 2, 3]}
    assert before == after
    assert len(using.frame_queue.take(1)) == 8


def test_the_pipeline_goes_on_without_untagged_frames(ds: Any) -> None:
    using = rig(ds)

    def failing(address: int) -> BufferVerdict:
        verdict = using.probe.process(address)
        using.meta._pyds = Faulty(ds, 0, RuntimeError) if len(using.frame_queue.take(0)) == 2 else ds
        return verdict

    seen, before, _ = run(ds, failing, RedactionGate(rig(ds).meta, PROCESS_KEY).verify)
    assert len(before) == 4
    assert seen["left"] == seen["right"] == [0, 2]
    assert using.failures == [None, None]


@pytest.mark.parametrize("attach", [True, False])
def test_without_the_probe_or_metadata_no_picture_leaves(ds: Any, attach: bool) -> None:
    gate = RedactionGate(rig(ds).meta, PROCESS_KEY)
    seen, *_ = run(ds, None, gate.verify, attach=attach)
    assert seen == {"left": [], "right": []}
    assert gate.dropped == 4


def test_what_loses_the_metadata_on_the_way_to_redaction_loses_the_picture(ds: Any) -> None:
    using = rig(ds)
    gate = RedactionGate(using.meta, PROCESS_KEY)
    # videoconvert keeps it up to GStreamer 1.20; what is written into bytes and read again never has it.
    seen, before, _ = run(ds, using.probe.process, gate.verify, between="gdppay ! gdpdepay")
    assert (seen["left"], using.failures, gate.dropped) == ([], [], 4)
    assert all(before)


def test_a_judge_that_raises_drops_the_picture_not_the_pipeline(ds: Any) -> None:
    def broken(_address: int) -> BufferVerdict:
        raise RuntimeError("a bug")

    using = rig(ds)
    assert run(ds, using.probe.process, broken)[0] == {"left": [], "right": []}
    assert run(ds, broken, RedactionGate(using.meta, PROCESS_KEY).verify)[0] == {"left": [], "right": []}


def test_lists_of_buffers_are_dropped() -> None:
    pad, peer = Gst.Pad.new("src", Gst.PadDirection.SRC), Gst.Pad.new("sink", Gst.PadDirection.SINK)
    got = []
    peer.set_chain_function_full(lambda *_: got.append(1) or Gst.FlowReturn.OK)
    pad.link(peer)
    filter_buffers(pad, lambda _address: BufferVerdict.PASS)
    for one in (pad, peer):
        one.set_active(True)
    pad.push_event(Gst.Event.new_stream_start("s"))
    segment = Gst.Segment()
    segment.init(Gst.Format.TIME)
    pad.push_event(Gst.Event.new_segment(segment))
    assert pad.push(Gst.Buffer.new_allocate(None, 4, None)) == Gst.FlowReturn.OK
    assert got == [1]
    several = Gst.BufferList.new()
    several.insert(-1, Gst.Buffer.new_allocate(None, 4, None))
    pad.push_list(several)
    assert got == [1]
