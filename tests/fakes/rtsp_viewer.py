"""A viewer for tests: a real RTSP client that decodes to grey pictures."""

from __future__ import annotations

from typing import Any

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstApp, GstVideo  # noqa: E402, F401

from pipelines.cpu.gst import init  # noqa: E402

init()  # not Gst.init: the first rtspsrc of a process looks for the login guard, for all that follow

PATIENCE_S = 600
"""A busy machine lets a server answer after more than the 20 s of rtspsrc."""


class RtspViewer:
    """Watches one stream from start to close. protocol: tcp or udp."""

    def __init__(self, url: str, *, protocol: str = "tcp", user: str = "", password: str = "") -> None:
        self._pipeline: Any = Gst.parse_launch(
            f"rtspsrc name=in location={url} protocols={protocol} latency=0"
            f" tcp-timeout={PATIENCE_S * 1_000_000} ! rtph264depay ! h264parse"
            " ! avdec_h264 max-threads=1 ! videoconvert ! video/x-raw,format=GRAY8"
            " ! appsink name=out sync=false max-buffers=100 enable-last-sample=false"
        )
        if user:
            source = self._pipeline.get_by_name("in")
            source.set_property("user-id", user)
            source.set_property("user-pw", password)
        self._pipeline.set_state(Gst.State.PLAYING)

    def __enter__(self) -> RtspViewer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def picture(self, timeout_s: float = PATIENCE_S) -> np.ndarray | None:
        """Return the next picture as (height, width) uint8, or None when none comes."""
        sample = self._pipeline.get_by_name("out").try_pull_sample(int(timeout_s * Gst.SECOND))
        if sample is None:
            if timeout_s >= PATIENCE_S:  # pytest shows it where a test fails
                print(f"no picture came: {self.error(0) or 'no error'}")
            return None
        info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
        buffer = sample.get_buffer()
        data = np.frombuffer(buffer.extract_dup(0, buffer.get_size()), np.uint8)
        return data[: info.stride[0] * info.height].reshape(info.height, info.stride[0])[:, : info.width]

    def error(self, timeout_s: float = 120) -> str:
        """Wait for an error and return its text; empty where none comes."""
        message = self._pipeline.get_bus().timed_pop_filtered(
            int(timeout_s * Gst.SECOND), Gst.MessageType.ERROR
        )
        return "" if message is None else " ".join(str(part) for part in message.parse_error())

    def close(self) -> None:
        """Leave; twice is harmless."""
        self._pipeline.set_state(Gst.State.NULL)
