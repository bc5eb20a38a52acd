"""Counts the coded pictures that a decoder gets and the pictures that come out: which of a film are missing.

A decoder that cannot make out a picture leaves it out, and mostly says nothing of it.
"""

from __future__ import annotations

from typing import Any, Final

from pipelines.cpu.gst import Gst
from pipelines.gst_structure import caps_structure

SEEN_AFTER: Final = 64
"""Coded pictures after the first that comes out among which one may still be shown before that one."""
MAX_WAITING: Final = 4096
_UNEVEN: Final = ("video/x-vp8", "video/mpeg", "video/x-divx", "video/x-xvid", "video/x-theora")
"""Formats of which what goes in need not be shown, or may be one of two fields of a picture.

DivX and Xvid put two pictures into one chunk of an AVI, and then a chunk that stands for nothing.
"""

_UNPARSED: Final = "image/x-portable"
"""Pictures (PPM and its like) that reach their decoder in blocks of the file."""


class DecodedCount:
    """What went into the decoder of a pipeline's video, and came out; to be asked at its end."""

    def __init__(self, pipeline: Any) -> None:
        """Watch a pipeline that is not yet started."""
        self._decoders: list[_Decoder] = []
        pipeline.connect("deep-element-added", _watch, self._decoders)

    @property
    def given(self) -> int | None:
        """How many coded pictures went in; None where it is not one decoder."""
        return self._decoders[0].given if len(self._decoders) == 1 else None

    @property
    def lost(self) -> int:
        """How many of those that were to be shown did not come out; 0 also where that cannot be told."""
        return self._decoders[0].lost if len(self._decoders) == 1 else 0


class _Decoder:
    """The counts of one decoder; holds no element. Called in the streaming thread."""

    def __init__(self) -> None:
        self.given = 0
        self._taken = self._left_out = 0
        self._is_one_to_one = self._is_theora = False
        self._first_ns: int | None = None
        self._early: list[int] | None = []
        self._begin_ns, self._end_ns = 0, 2**64

    @property
    def lost(self) -> int:
        """Those before the first picture, as in a film that was cut at an open group, are not lost."""
        wanted = self.given - self._left_out - self._before_first()
        return max(0, wanted - self._taken) if self._is_one_to_one and self._taken else 0

    def see(self, _pad: Any, info: Any) -> Any:
        """Count what goes in."""
        if not info.type & Gst.PadProbeType.BUFFER:
            self._see_event(info.get_event())
            return Gst.PadProbeReturn.OK
        buffer = info.get_buffer()
        if self._is_theora and buffer.extract_dup(0, 1) >= b"\x80":
            return Gst.PadProbeReturn.OK
        self.given += 1
        if buffer.pts != Gst.CLOCK_TIME_NONE:
            self._left_out += not self._begin_ns <= buffer.pts < self._end_ns
            if self._early is not None and buffer.pts >= self._begin_ns:
                self._early.append(buffer.pts)
                self._forget()
        elif self._early:  # times before 0, which some containers cannot say
            self._left_out += 1
        return Gst.PadProbeReturn.OK

    def take(self, _pad: Any, info: Any) -> Any:
        """Count what comes out."""
        self._taken += 1
        if self._first_ns is None:
            self._first_ns = info.get_buffer().pts
            self._early = (self._early or [])[-MAX_WAITING:]
        return Gst.PadProbeReturn.OK

    def _forget(self) -> None:
        """Keep what stands before the first picture that came out, once no more such can come."""
        first = self._first_ns
        if first is not None and sum(at > first for at in self._early or ()) > SEEN_AFTER:
            self._left_out += self._before_first()
            self._early = None

    def _before_first(self) -> int:
        first = self._first_ns
        if first is None or not self._early:
            return 0
        return max(0, sum(at <= first for at in self._early) - 1)

    def _see_event(self, event: Any) -> None:
        if event.type == Gst.EventType.SEGMENT:
            segment = event.parse_segment()
            if segment.format == Gst.Format.TIME:
                self._begin_ns = segment.start
                self._end_ns = segment.stop if segment.stop != Gst.CLOCK_TIME_NONE else 2**64
        elif event.type == Gst.EventType.CAPS:
            structure = caps_structure(event.parse_caps())
            name, mode = structure.get_name(), structure.get_string("interlace-mode")
            self._is_theora = name == "video/x-theora"
            is_whole = name not in _UNEVEN and not name.startswith(_UNPARSED)
            self._is_one_to_one = is_whole and mode in (None, "progressive")


def _watch(_pipeline: Any, _bin: Any, element: Any, decoders: list[_Decoder]) -> None:
    factory = element.get_factory()
    kinds = set((factory.get_metadata("klass") or "").split("/")) if factory is not None else set()
    if "Decoder" in kinds and kinds & {"Video", "Image"}:
        decoders.append(_Decoder())
        wanted = Gst.PadProbeType.BUFFER | Gst.PadProbeType.EVENT_DOWNSTREAM
        element.get_static_pad("sink").add_probe(wanted, decoders[-1].see)
        element.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, decoders[-1].take)
