"""Small video files for tests, made with GStreamer alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

H264 = "x264enc speed-preset=ultrafast key-int-max=10"


def write_video(
    path: Path,
    *,
    frames: int = 20,
    fps: int = 10,
    size: tuple[int, int] = (320, 240),
    pixels: str = "I420",
    encoder: str = H264,
    mux: str = "mp4mux",
    pattern: str = "smpte",
) -> Path:
    """Write colour bars. pixels: GStreamer's raw format given to the encoder."""
    Gst.init(None)
    pipeline: Any = Gst.parse_launch(
        f"videotestsrc pattern={pattern} num-buffers={frames}"
        f" ! video/x-raw,format={pixels},width={size[0]},height={size[1]},framerate={fps}/1"
        f" ! {encoder} ! {mux} ! filesink name=file"
    )
    pipeline.get_by_name("file").set_property("location", str(path))
    pipeline.set_state(Gst.State.PLAYING)
    message = pipeline.get_bus().timed_pop_filtered(
        20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR
    )
    pipeline.set_state(Gst.State.NULL)
    if message is None or message.type != Gst.MessageType.EOS:
        raise RuntimeError(f"{path.name} was not written: {message and message.parse_error()}")
    return path
