"""What the DeepStream that is installed can do: asked of its elements, not of its version."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

from pipelines.deepstream.graph.camera import NVMM
from pipelines.deepstream.graph.capabilities import Capabilities, Device, Mux
from pipelines.deepstream.runtime.elements import Gst, GstKit
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from pipelines.deepstream.runtime.elements import Kit
    from pipelines.graph.graph import Graph

_log = logging.getLogger(__name__)

OLDEST, NEWER_THAN_KNOWN = (7, 1), (10, 0)
TRIAL_S = 10


def installed(kit: Kit | None = None) -> Capabilities:
    """Return what is there. Raises BadInput where DeepStream is missing, or of an unknown version."""
    Gst.init(None)
    kit = kit or GstKit()
    version = kit.version_of("nvinfer")
    if version is None:
        raise BadInput(
            "platform: DeepStream is not installed here (GStreamer has no nvinfer);"
            ' install it, or set platform.kind to "cpu"'
        )
    if not OLDEST <= version < NEWER_THAN_KNOWN:
        raise BadInput(
            f"platform: DeepStream {version[0]}.{version[1]} is not supported; 7.1 to 9.x are,"
            ' or set platform.kind to "cpu"'
        )
    return Capabilities(
        # By what the elements offer: the properties that differ are what the graph must know (contract).
        Device.DGPU if _has(kit, "nvurisrcbin", "gpu-id") else Device.JETSON,
        Mux.LEGACY if _has(kit, "nvstreammux", "live-source") else Mux.NEW,
        blur=_has(kit, "nvdsosd", "blur-bbox") and _has(kit, "nvdsosd", "blur-on-gie-class-ids"),
        nvenc=encodes(kit),
        tracker_classes=_has(kit, "nvtracker", "operate-on-class-ids"),
        version=version,
    )


def encodes(kit: Kit) -> bool:
    """Tell whether the hardware encoder encodes, by having it do so.

    The element is there on boxes without the hardware too (Orin Nano, A100, H100), and opens all the same.
    """
    pipeline: Any = Gst.Pipeline.new(None)
    try:
        elements = [
            kit.make("videotestsrc", "source"),
            kit.make("nvvideoconvert", "upload"),
            kit.make("capsfilter", "caps"),
            kit.make("nvv4l2h264enc", "encoder"),
            kit.make("fakesink", "sink"),
        ]
    except BadInput as error:
        _log.info("no hardware encoder: %s", error)
        return False
    elements[0].set_property("num-buffers", 3)
    size = "format=NV12,width=320,height=240"
    elements[2].set_property("caps", Gst.Caps.from_string(f"{NVMM},{size}"))
    for element in elements:
        pipeline.add(element)
    linked = all(a.link(b) for a, b in itertools.pairwise(elements))
    try:
        return linked and _plays(pipeline)
    finally:
        pipeline.set_state(Gst.State.NULL)


def check_encoder(graph: Graph, kit: Kit | None = None) -> None:
    """Raise BadInput where pictures are to be encoded, and there is nothing to do it with."""
    if not graph.of("x264enc"):
        return
    try:
        (kit or GstKit()).make("x264enc", "probe-x264enc")
    except BadInput:
        raise BadInput(
            "platform: no H.264 encoder: this GPU has none, and GStreamer has no x264enc;"
            " install gstreamer1.0-plugins-ugly, or leave out outputs.rtsp and outputs.record"
        ) from None


def _plays(pipeline: Any) -> bool:
    if pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
        return False
    wanted = Gst.MessageType.ERROR | Gst.MessageType.EOS
    message = pipeline.get_bus().timed_pop_filtered(TRIAL_S * Gst.SECOND, wanted)
    if message is not None and message.type == Gst.MessageType.ERROR:
        _log.info("no hardware encoder: %s", message.parse_error()[0].message)
    return message is not None and message.type == Gst.MessageType.EOS


def _has(kit: Kit, factory: str, key: str) -> bool:
    return kit.make(factory, f"probe-{factory}").find_property(key) is not None
