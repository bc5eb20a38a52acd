"""Redacted pictures into GStreamer: caps, buffers, and the encoder that all outputs share."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstApp, GstVideo  # noqa: E402, F401 - GstApp gives appsrc its methods

from pipelines.errors import BadInput  # noqa: E402
from probes.redaction.redact import RedactedFrame  # noqa: E402

__all__ = [
    "Gst",
    "GstVideo",
    "caps",
    "encoder",
    "even_size",
    "initialise",
    "launch",
    "only_redacted",
    "plays",
    "to_buffer",
]

if TYPE_CHECKING:
    from fractions import Fraction

    from engines.image import I420

KEYFRAME_S = 2
_I420 = GstVideo.VideoFormat.I420  # read before threads: see pipelines.cameras.login_guard
NEEDED = {"appsrc": "base", "videoscale": "base", "h264parse": "bad", "x264enc": "ugly"}


def initialise(*more: str) -> None:
    """Start GStreamer; raises BadInput naming the Debian package of an element that is missing."""
    Gst.init(None)
    for element in (*NEEDED, *more):
        if Gst.ElementFactory.find(element) is None:
            package = f"gstreamer1.0-plugins-{NEEDED.get(element, 'good')}"
            raise BadInput(f"outputs: GStreamer has no {element}; install it: apt-get install {package}")


def launch(line: str) -> Any:
    """Make a pipeline from a launch line."""
    return Gst.parse_launch(line)


def plays(source: Any) -> bool:
    """Return whether an appsrc that stamps its buffers may be given one.

    Before it plays, it has no base time: it would stamp the buffer hours ahead, and the stream would hang.
    """
    return bool(source.get_state(0).state == Gst.State.PLAYING)


def only_redacted(frame: RedactedFrame) -> None:
    """Refuse whatever did not come out of the redactor, with TypeError."""
    if type(frame) is not RedactedFrame:
        raise TypeError(f"outputs take redacted frames alone, not {type(frame).__name__}")


def even_size(picture: I420) -> tuple[int, int]:
    """Return width and height as H.264 in 4:2:0 can hold them: an odd last row or column is dropped."""
    return picture.width & ~1, picture.height & ~1


def caps(size: tuple[int, int], fps: int | Fraction) -> str:
    """Return the caps of raw pictures; without square pixels videoscale stretches and adds no borders."""
    rate = f"{fps.numerator}/{fps.denominator}"
    return f"video/x-raw,format=I420,width={size[0]},height={size[1]},framerate={rate},pixel-aspect-ratio=1/1"


def encoder(fps: int | Fraction, bitrate_kbit: int | None, *, live: bool, quantiser: int = 21) -> str:
    """Return the launch line from raw pictures of one size to H.264 without B-frames.

    Without a bit rate the quality is constant, by its quantiser, up to x264enc's own 2048 kbit/s.
    """
    rate = f"pass=qual quantizer={quantiser}" if bitrate_kbit is None else f"bitrate={bitrate_kbit}"
    pace = "tune=zerolatency speed-preset=ultrafast threads=1" if live else "speed-preset=veryfast"
    keyframes = max(1, round(KEYFRAME_S * fps))
    return f"x264enc name=encoder {pace} {rate} bframes=0 key-int-max={keyframes} ! h264parse"


@lru_cache(maxsize=32)
def _layout(size: tuple[int, int]) -> Any:
    info = GstVideo.VideoInfo.new()
    info.set_format(_I420, *size)
    return info


def to_buffer(picture: I420) -> Any:
    """Copy the picture, cut to even_size, into a new buffer in GStreamer's own layout."""
    size = even_size(picture)
    info = _layout(size)
    buffer: Any = Gst.Buffer.new_allocate(None, info.size, None)
    with buffer.map(Gst.MapFlags.WRITE) as mapped:
        memory = np.frombuffer(mapped.data, np.uint8)
        for index, plane in enumerate((picture.y, picture.u, picture.v)):
            columns, rows = (size[0], size[1]) if index == 0 else (size[0] // 2, size[1] // 2)
            stride, offset = info.stride[index], info.offset[index]
            target = memory[offset : offset + stride * rows].reshape(rows, stride)
            np.copyto(target[:, :columns], plane[:rows, :columns])
        del memory, target
    return buffer
