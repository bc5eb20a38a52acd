"""What the DeepStream that is installed can do: asked of its elements, not of its version."""

from __future__ import annotations

import itertools
import logging
import os
from typing import TYPE_CHECKING, Any

from pipelines.cameras import login_guard
from pipelines.cameras.file_demuxers import forbid_demuxers
from pipelines.deepstream.graph.camera import NVMM
from pipelines.deepstream.graph.capabilities import Capabilities, Mux
from pipelines.deepstream.runtime.elements import Gst, GstElementFactory
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from pipelines.deepstream.runtime.elements import ElementFactory
    from pipelines.graph.graph import PipelineGraph

logger = logging.getLogger(__name__)

OLDEST, NEWER_THAN_KNOWN = (7, 1), (10, 0)
TRIAL_S = 10


def installed(element_factory: ElementFactory | None = None) -> Capabilities:
    """Return what is there. Raises BadInput where DeepStream is missing, not whole, or of another version."""
    # Read when a mux is made: its batch then follows the pads that are there, not the slots that it has.
    os.environ["NVSTREAMMUX_ADAPTIVE_BATCHING"] = "yes"
    Gst.init(None)
    forbid_demuxers(Gst)
    login_guard.register()
    element_factory = element_factory or GstElementFactory()
    version = element_factory.version_of("nvinfer")
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
    if missing := [str(path) for path in element_factory.libraries() if not path.exists()]:
        raise BadInput(
            f"platform: DeepStream is not whole, {', '.join(missing)} is not there: install it again,"
            ' or set platform.kind to "cpu"'
        )
    return Capabilities(
        element_factory.device(),
        Mux.LEGACY if _has(element_factory, "nvstreammux", "live-source") else Mux.NEW,
        blur=_has(element_factory, "nvdsosd", "blur-bbox")
        and _has(element_factory, "nvdsosd", "blur-on-gie-class-ids"),
        nvenc=encodes(element_factory),
        tracker_classes=_has(element_factory, "nvtracker", "operate-on-class-ids"),
        version=version,
    )


def encodes(element_factory: ElementFactory) -> bool:
    """Return whether the hardware encoder encodes, by having it do so.

    The element is there on boxes without the hardware too (Orin Nano, A100, H100), and opens all the same.
    """
    Gst.init(None)  # without it, GStreamer ends the process
    pipeline: Any = Gst.Pipeline.new(None)
    try:
        elements = [
            element_factory.make("videotestsrc", "source"),
            element_factory.make("nvvideoconvert", "upload"),
            element_factory.make("capsfilter", "caps"),
            element_factory.make("nvv4l2h264enc", "encoder"),
            element_factory.make("fakesink", "sink"),
        ]
    except BadInput as error:
        logger.info("no hardware encoder: %s", error)
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


def check_encoder(graph: PipelineGraph, element_factory: ElementFactory | None = None) -> None:
    """Raise BadInput where pictures are to be encoded, and there is nothing to do it with."""
    if not graph.of("x264enc"):
        return
    try:
        (element_factory or GstElementFactory()).make("x264enc", "probe-x264enc")
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
        logger.info("no hardware encoder: %s", message.parse_error()[0].message)
    return message is not None and message.type == Gst.MessageType.EOS


def _has(element_factory: ElementFactory, factory: str, key: str) -> bool:
    return element_factory.make(factory, f"probe-{factory}").find_property(key) is not None
