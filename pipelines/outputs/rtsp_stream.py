"""One camera's stream over RTSP: its viewers, and the encoder that runs while there are any."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from pipelines.gst_structure import structure_of
from pipelines.outputs.gst import Gst, GstVideo, caps, even_size, only_redacted, to_buffer
from pipelines.outputs.no_picture import UNKNOWN_GAP_S, Card

if TYPE_CHECKING:
    from probes.redaction.redact import RedactedFrame

WAITING = 2
"""Frames that may wait for the encoder; one more is dropped."""
MOST = 2 * WAITING + 2
"""More frames never lie between the source and the viewers, cards among them."""
_cuts = count(1)


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

    def begin_anew(self) -> None:
        """Let nothing more out that was pushed by now; viewers go on with a key frame of what comes next."""
        cut = _Cut(next(_cuts))
        kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM
        with self.lock:
            self.encoder.get_static_pad("src").add_probe(kinds, cut.pass_on)
            # It waits behind the frames of before, and the encoder sends it out before the one after it.
            never = Gst.CLOCK_TIME_NONE
            self.source.send_event(
                GstVideo.video_event_new_downstream_force_key_unit(never, never, never, True, cut.number)
            )

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


@dataclass(slots=True)
class _Cut:
    """What drops encoded frames until the event of this number, or until no frame of before can be left."""

    number: int
    dropped: int = 0

    def pass_on(self, _pad: Any, info: Any) -> Any:
        """Judge what the encoder sends out, in its thread."""
        if not info.type & Gst.PadProbeType.BUFFER:
            return Gst.PadProbeReturn.REMOVE if self.is_event(info.get_event()) else Gst.PadProbeReturn.OK
        self.dropped += 1
        is_key = not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT)
        if self.dropped > MOST and is_key:  # the event was lost
            return Gst.PadProbeReturn.REMOVE
        return Gst.PadProbeReturn.DROP

    def is_event(self, event: Any) -> bool:
        """Return whether it is that of this cut, or a later one."""
        structure = structure_of(event)
        is_cut = structure is not None and structure.get_name() == "GstForceKeyUnit"
        return is_cut and structure.get_value("count") >= self.number


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
