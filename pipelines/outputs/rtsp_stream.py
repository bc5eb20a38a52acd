"""One camera's stream over RTSP: its viewers, and the encoder that runs while there are any."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.outputs.gst import Gst, caps, even_size, only_redacted, to_buffer
from pipelines.outputs.no_picture import UNKNOWN_GAP_S, Card

if TYPE_CHECKING:
    from probes.redaction.redact import RedactedFrame


@dataclass(slots=True)
class RtspMedia:
    """A running encoder: where pictures go in, and the size that its viewers were promised.

    picture_at: when the last picture came, by the monotonic clock. gap_s: after the one before.
    """

    source: Any
    scaled: Any
    encoder: Any
    size: tuple[int, int] | None = None
    fed: tuple[int, int] | None = None
    picture_at: float | None = None
    gap_s: float = UNKNOWN_GAP_S
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note_picture(self) -> None:
        """Take note of a picture of the camera's."""
        before, self.picture_at = self.picture_at, time.monotonic()
        if before is not None:
            self.gap_s = self.picture_at - before

    def push(self, shown: RedactedFrame | Card, fps: int) -> bool:
        """Copy a picture to the encoder; return whether it was taken. TypeError on a bare picture."""
        if type(shown) is not Card:
            only_redacted(shown)
        size, buffer = even_size(shown.pixels), to_buffer(shown.pixels)
        with self.lock:  # a card of another thread may come at the same moment
            if self.fed != size:
                self.fed = size
                self.source.set_property("caps", Gst.Caps.from_string(caps(size, fps)))
            return bool(self.source.push_buffer(buffer) == Gst.FlowReturn.OK)


@dataclass(frozen=True, slots=True)
class RtspWatcher:
    """Who watches: from which address, and since when by the monotonic clock."""

    address: str
    since: float


@dataclass(slots=True)
class RtspStream:
    """One camera's stream. `media` is there only while someone watches."""

    path: str
    fps: int
    media: RtspMedia | None = None
    viewers: dict[int, RtspWatcher] = field(default_factory=dict)
    dropped: int = 0
