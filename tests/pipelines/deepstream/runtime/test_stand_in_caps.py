"""Memory and formats: a stand-in's pads take what the genuine ones take, when linked and when caps arrive."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest

from pipelines.deepstream.checks.contract import load_contract
from pipelines.deepstream.graph.camera import NVMM
from pipelines.deepstream.runtime.elements import Gst
from tests.fakes.deepstream import FakeElementFactory
from tests.pipelines.deepstream.stores import BOXES, JETSON
from tests.waiting import wait_for

SIZE = "width=1280,height=720,framerate=10/1"
KINDS = {
    f"{memory}-{form}": f"{medium},format={form},{SIZE}"
    for (memory, medium), form in product(
        (("nvmm", NVMM), ("system", "video/x-raw")), ("NV12", "RGBA", "I420", "YUY2", "BGRx")
    )
} | {"h264": "video/x-h264,stream-format=byte-stream,alignment=au", "avc": "video/x-h264,stream-format=avc"}
WITH_SINKS = (
    "nvdsosd",
    "nvinfer",
    "nvmultistreamtiler",
    "nvstreamdemux",
    "nvstreammux",
    "nvtracker",
    "nvv4l2decoder",
    "nvv4l2h264enc",
    "nvvideoconvert",
)


def caps(text: str) -> Any:
    return Gst.Caps.from_string(text)


@pytest.mark.parametrize("factory", WITH_SINKS)
@pytest.mark.parametrize("box", ["orin-legacy-blur", "orin-new-blur", "dgpu-legacy-blur"])
def test_a_pad_takes_what_its_template_says_and_nothing_else(box: str, factory: str) -> None:
    contract = load_contract(BOXES[box])
    (template,) = [pad for pad in contract.pads(factory) if pad.direction == "sink"]
    element = FakeElementFactory(BOXES[box]).make(factory, "x")
    name = template.name.replace("%u", "0")
    sink = element.get_static_pad(name) or element.request_pad_simple(name)
    wanted = caps(template.caps)
    for kind, text in KINDS.items():
        fits = wanted.can_intersect(caps(text))
        held: Any = Gst.ElementFactory.make("capsfilter", None)
        held.set_property("caps", caps(text))
        source = held.get_static_pad("src")
        linked = source.link_full(sink, Gst.PadLinkCheck.DEFAULT) == Gst.PadLinkReturn.OK
        if linked:
            source.unlink(sink)
        assert (kind, linked, sink.query_accept_caps(caps(text))) == (kind, fits, fits)


@pytest.mark.parametrize(
    ("mode", "form", "works"), [("GPU", "NV12", 1), ("CPU", "NV12", 0), ("CPU", "RGBA", 1)]
)
def test_on_the_cpu_nvdsosd_takes_rgba_alone(mode: str, form: str, works: int) -> None:
    element = FakeElementFactory(JETSON).make("nvdsosd", "x")
    Gst.util_set_object_arg(element, "process-mode", f"MODE_{mode}")
    element.set_state(Gst.State.READY)
    sink = element.get_static_pad("sink")
    assert sink.query_accept_caps(caps(f"{NVMM},format={form},{SIZE}")) == bool(works)
    element.set_state(Gst.State.NULL)


def test_what_the_encoder_gives_is_a_byte_stream() -> None:
    """And no AVC, which a recording wants and a stream does not."""
    factory: Any = FakeElementFactory(JETSON)
    pipeline: Any = Gst.Pipeline.new(None)
    names = ("videotestsrc", "nvvideoconvert", "capsfilter", "nvv4l2h264enc", "fakesink")
    made = [factory.make(name, f"e{number}") for number, name in enumerate(names)]
    made[0].set_property("num-buffers", 3)
    made[2].set_property("caps", caps(f"{NVMM},format=NV12,width=320,height=240"))
    for element in made:
        pipeline.add(element)
    for one, other in pairwise(made):
        assert one.link(other)
    out = made[3].get_static_pad("src")
    pipeline.set_state(Gst.State.PLAYING)
    wait_for(out.get_current_caps)
    assert out.get_current_caps().is_subset(caps(KINDS["h264"]))
    pipeline.set_state(Gst.State.NULL)
