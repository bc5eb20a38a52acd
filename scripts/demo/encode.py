"""H.264 in MP4: written once when a scene is made, read back as access units to be served as they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gi

from engines.colour import from_bgr

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
from gi.repository import GLib, Gst, GstApp  # noqa: E402, F401

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engines.colour import Bgr

WAIT_S = 300


class EncodingFailed(Exception):
    """GStreamer could not write or read a clip; the text says why."""


def write_mp4(frames: Iterable[Bgr], size: tuple[int, int], fps: int, path: Path) -> int:
    """Encode BGR frames of size (width, height), both multiples of 4, with one keyframe a second.

    Returns how many were written. No B-frames: each access unit can be sent as it is, in order.
    """
    pipeline = _launch(
        f"appsrc name=in format=time block=true max-bytes=16000000"
        f" caps=video/x-raw,format=I420,width={size[0]},height={size[1]},framerate={fps}/1"
        f" ! x264enc speed-preset=veryfast pass=quant quantizer=23 bframes=0 key-int-max={fps} threads=2"
        f" ! video/x-h264,profile=main ! h264parse ! mp4mux faststart=true ! filesink name=out"
    )
    pipeline.get_by_name("out").set_property("location", str(path))
    source = pipeline.get_by_name("in")
    pipeline.set_state(Gst.State.PLAYING)
    count = 0
    try:
        for frame in frames:
            buffer = Gst.Buffer.new_wrapped(from_bgr(frame).tobytes())
            buffer.pts, buffer.duration = count * Gst.SECOND // fps, Gst.SECOND // fps
            if source.push_buffer(buffer) != Gst.FlowReturn.OK:
                break
            count += 1
        source.end_of_stream()
        _finish(pipeline, path)
    finally:
        pipeline.set_state(Gst.State.NULL)
    return count


def read_access_units(path: Path) -> list[bytes]:
    """Return a clip's H.264 access units, byte-stream, parameter sets before every keyframe."""
    pipeline = _launch(
        "filesrc name=in ! qtdemux ! h264parse config-interval=-1"
        " ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=out sync=false"
    )
    pipeline.get_by_name("in").set_property("location", str(path))
    sink = pipeline.get_by_name("out")
    pipeline.set_state(Gst.State.PLAYING)
    units: list[bytes] = []
    deadline = time.monotonic() + WAIT_S
    try:
        while not sink.is_eos():
            _raise_error(pipeline, path)
            sample = sink.try_pull_sample(Gst.SECOND // 10)
            if sample is not None:
                buffer = sample.get_buffer()
                units.append(buffer.extract_dup(0, buffer.get_size()))
            elif time.monotonic() > deadline:
                raise EncodingFailed(f"{path}: not read after {WAIT_S} s")
    finally:
        pipeline.set_state(Gst.State.NULL)
    if not units:
        raise EncodingFailed(f"{path}: holds no H.264 video")
    return units


def _launch(line: str) -> Any:
    Gst.init(None)
    try:
        return Gst.parse_launch(line)
    except GLib.Error as error:
        raise EncodingFailed(f"GStreamer lacks a part (scripts/run installs all): {error.message}") from error


def _raise_error(pipeline: Any, path: Path) -> None:
    message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    if message is not None:
        raise EncodingFailed(f"{path}: {message.parse_error()[0].message}")


def _finish(pipeline: Any, path: Path) -> None:
    """Wait for the end of the stream; EncodingFailed on an error or where none comes."""
    message = pipeline.get_bus().timed_pop_filtered(
        WAIT_S * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    if message is None:
        raise EncodingFailed(f"{path}: not done after {WAIT_S} s")
    if message.type == Gst.MessageType.ERROR:
        raise EncodingFailed(f"{path}: {message.parse_error()[0].message}")
