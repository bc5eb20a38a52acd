"""NVIDIA's decoder as decodebin meets it on a box with DeepStream; asked of the genuine one (wheel of 9.0.2).

Its rank is above that of all software, its class does not say "Hardware", so that `force-sw-decoders` leaves
it in, and what it gives lies in the GPU's memory alone.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

from pipelines.cpu import gst  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

gst.init()
NAME = "mshfakenvv4l2decoder"
RANK = 267
CODED = "image/jpeg; video/x-h264,stream-format=byte-stream,alignment=au"


def _template(name: str, direction: Any, caps: str) -> Any:
    parsed: Any = Gst.Caps.from_string(caps)
    return Gst.PadTemplate.new(name, direction, Gst.PadPresence.ALWAYS, parsed)


class NvidiaDecoder(Gst.Element):
    __gtype_name__ = "MshFakeNvV4l2Decoder"
    __gstmetadata__ = ("NVIDIA v4l2 video decoder", "Codec/Decoder/Video", "stand-in", "maintainers")
    __gsttemplates__ = (
        _template("sink", Gst.PadDirection.SINK, CODED),
        _template("src", Gst.PadDirection.SRC, "video/x-raw(memory:NVMM)"),
    )

    def __init__(self) -> None:
        super().__init__()
        sink, source = (self.get_pad_template(name) for name in ("sink", "src"))
        assert sink is not None
        assert source is not None
        self.into, self.out = (Gst.Pad.new_from_template(one, one.name_template) for one in (sink, source))
        self.into.set_chain_function_full(lambda _pad, _parent, buffer: self.out.push(buffer))
        self.into.set_event_function_full(self._event)
        self.add_pad(self.into)
        self.add_pad(self.out)

    def _event(self, _pad: Any, _parent: Any, event: Any) -> bool:
        if event.type == Gst.EventType.CAPS:
            size = "format=NV12,width=64,height=48,framerate=10/1"
            caps: Any = Gst.Caps.from_string(f"video/x-raw(memory:NVMM),{size}")
            event = Gst.Event.new_caps(caps)
        return bool(self.out.push_event(event))


@contextmanager
def nvidia_decoder() -> Iterator[None]:
    """Have it in this process's registry."""
    if Gst.ElementFactory.find(NAME) is None:
        assert Gst.Element.register(None, NAME, RANK, GObject.type_register(NvidiaDecoder))
    factory: Any = Gst.ElementFactory.find(NAME)
    factory.set_rank(RANK)
    try:
        yield
    finally:
        factory.set_rank(Gst.Rank.NONE)
