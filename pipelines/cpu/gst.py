"""The little of GStreamer that all CPU sources share: elements, the tail to I420, pixels out of a sample."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any

import cv2
import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstApp, GstVideo  # noqa: E402, F401  (GstApp gives appsink its methods)

from engines.image import I420  # noqa: E402
from pipelines.cameras import login_guard  # noqa: E402
from pipelines.cameras.file_demuxers import forbid_demuxers  # noqa: E402
from pipelines.cameras.source import SourceLost  # noqa: E402
from pipelines.cameras.states import Cause  # noqa: E402
from pipelines.gst_elements import make_element  # noqa: E402

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CONVERT", "SINK", "Gst", "chain", "copy_i420", "init", "make", "pipeline_to_i420"]

_starting = threading.Lock()
_started: list[bool] = []
CONVERT, SINK = "convert", "sink"
FULL_RANGE = 1  # GST_VIDEO_COLOR_RANGE_0_255, a name that Python cannot write
_I420 = GstVideo.VideoFormat.I420  # read before threads: see login_guard
_STUDIO_LUMA = (219 / 255, 16.0)  # factor and offset from full range, ITU-R BT.601
_STUDIO_CHROMA = (224 / 255, 128 * (1 - 224 / 255))


def init() -> None:
    """Start GStreamer; quick when called again, and from any thread: it returns once GStreamer is whole.

    `Gst.is_initialized` is true a while before the registry of plugins is read, so it is not asked.
    """
    with _starting:
        if not _started:
            Gst.init(None)
            forbid_demuxers(Gst)
            login_guard.register()
            _started.append(True)


def make(factory: str, name: str | None = None, **properties: object) -> Any:
    """Return a new element. SourceLost(CODEC) where the plugin is not installed."""
    element = make_element(factory, name)
    if element is None:
        raise SourceLost(
            Cause.CODEC, f"GStreamer has no element {factory}: install the package that holds it"
        )
    for key, value in properties.items():
        element.set_property(key.replace("_", "-"), value)
    return element


def chain(pipeline: Any, *elements: Any) -> None:
    """Add elements to the pipeline and link each to the next."""
    for element in elements:
        pipeline.add(element)
    for first, second in itertools.pairwise(elements):
        if not first.link(second):
            raise SourceLost(Cause.CODEC, f"{first.get_name()} does not link to {second.get_name()}")


def pipeline_to_i420(*, max_buffers: int, drop: bool, sync: bool, upright: bool = False) -> Any:
    """Return a pipeline that holds only the tail: convert, named CONVERT, to an appsink, named SINK.

    The conversion costs nothing where the decoder gives I420, nor does the scaling where pixels are square:
    others are made so, for every part behind this one takes them as square. upright: turn pictures as their
    file says.
    """
    pipeline = Gst.Pipeline.new(None)
    sink = make(
        "appsink",
        SINK,
        caps=Gst.Caps.from_string("video/x-raw,format=I420,pixel-aspect-ratio=1/1"),
        max_buffers=max_buffers,
        drop=drop,
        sync=sync,
        enable_last_sample=False,
    )
    middle = []
    if upright:
        middle.append(make("videoflip"))
        Gst.util_set_object_arg(middle[0], "video-direction", "auto")
    chain(pipeline, make("videoconvert", CONVERT), *middle, make("videoscale", add_borders=False), sink)
    return pipeline


def copy_i420(sample: Any) -> I420:
    """Copy the picture of an I420 sample; its caps are read anew, for they may change in mid-stream.

    Decoders pad planes, so strides and offsets come from the buffer's video meta, else from the caps.
    Full-range video (JPEG, and H.264 of many cameras) is brought to studio range, as `I420` means it.
    """
    info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
    if info is None or info.finfo.format != _I420:
        raise SourceLost(Cause.CODEC, "the decoder gives no I420")
    buffer = sample.get_buffer()
    layout: Any = GstVideo.buffer_get_video_meta(buffer) or info
    strides, offsets = list(layout.stride), list(layout.offset)
    half = ((info.height + 1) // 2, (info.width + 1) // 2)
    full_range = int(info.colorimetry.range) == FULL_RANGE
    to_luma, to_chroma = (_STUDIO_LUMA, _STUDIO_CHROMA) if full_range else (None, None)
    ok, mapped = buffer.map(Gst.MapFlags.READ)
    if not ok:
        raise SourceLost(Cause.DECODE, "a frame cannot be mapped")
    try:
        return I420(
            _plane(mapped.data, (info.height, info.width), strides[0], offsets[0], to_luma),
            _plane(mapped.data, half, strides[1], offsets[1], to_chroma),
            _plane(mapped.data, half, strides[2], offsets[2], to_chroma),
        )
    except (TypeError, ValueError) as error:
        raise SourceLost(Cause.DECODE, f"a frame is too short for its size: {error}") from None
    finally:
        buffer.unmap(mapped)


def _plane(
    data: Any, shape: tuple[int, int], stride: int, offset: int, scale: tuple[float, float] | None
) -> npt.NDArray[np.uint8]:
    """Copy one plane; no view of `data` survives, for reading one after unmap is a crash."""
    view: npt.NDArray[np.uint8] = np.ndarray(shape, np.uint8, data, offset, (stride, 1))
    if scale is not None:
        return np.asarray(cv2.convertScaleAbs(view, alpha=scale[0], beta=scale[1]), np.uint8)
    return np.array(view, copy=True)
