"""Which coded pictures of a camera reach the decoder: none after a gap, until the next keyframe."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

from pipelines.cameras.throttle import Unit, unit_of  # noqa: E402
from pipelines.gst_structure import caps_structure  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.cameras.throttle import DecodeGate


HEAD_BYTES = 512
"""Of a coded picture, in which its first slice begins, mostly."""
_CODECS: Final = {"video/x-h264": "H264", "video/x-h265": "H265"}


class DecodeFilter:
    """Leaves coded pictures out before the decoder, as a gate decides; called in the streaming thread."""

    def __init__(self, gate: DecodeGate, clock: Callable[[], float] = time.monotonic) -> None:
        self._gate, self._clock = gate, clock
        self._left_out = self._taken = 0

    def take(self) -> int:
        """Return how many were left out since the last call; of one other thread."""
        total, before = self._left_out, self._taken
        self._taken = total
        return total - before

    def leave_out(self) -> None:
        """Count a picture that is left out for another reason."""
        self._left_out += 1

    def passes(self, unit: Unit) -> bool:
        """Return whether a coded picture goes on."""
        passes = self._gate.passes(unit, self._clock())
        self._left_out += not passes
        return passes


class LossGuard:
    """Withholds coded pictures after a gap in the stream, until the next keyframe.

    A frame that refers to a lost one is smeared, and its detections would be wrong. In an open group of
    pictures that are also those which follow the keyframe and are shown before it.
    decoded: what of the rest goes to the decoder. Called in the streaming thread; holds no element.
    """

    def __init__(self, decoded: DecodeFilter | None = None) -> None:
        self._decoded = decoded
        self._lost = self._begun = self._has_left_out = False
        self._leading_until: int | None = None
        self._by_loss = False
        self._codec = ""
        self._withheld = 0

    def take(self) -> int:
        """Return how many pictures were withheld since the last call."""
        withheld, self._withheld = self._withheld, 0
        return withheld

    def watch(self, depayloader: Any, parser: Any, codec: str = "") -> None:
        """Look at what comes out of both. codec: as RTP names it."""
        self._codec = codec
        depayloader.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._gap)
        parser.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._pass)

    def watch_decoder(self, decoder: Any) -> None:
        """Look at what comes to a decoder: parsers and queues hand the marks of a depayloader on."""
        decoder.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self._arrive)

    def _arrive(self, pad: Any, info: Any) -> Any:
        if not self._codec and (caps := pad.get_current_caps()) is not None:
            self._codec = _CODECS.get(caps_structure(caps).get_name(), "")
        self._gap(pad, info)
        return self._pass(pad, info)

    def _gap(self, _pad: Any, info: Any) -> Any:
        """Note a gap: depayloaders mark what follows one in the packets' numbers, and the first of all."""
        flags = info.get_buffer().get_flags()
        if self._begun and flags & (Gst.BufferFlags.DISCONT | Gst.BufferFlags.CORRUPTED):
            self._lost = True
        self._begun = True
        return Gst.PadProbeReturn.OK

    def _pass(self, _pad: Any, info: Any) -> Any:
        buffer = info.get_buffer()
        key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
        unit = unit_of(buffer.extract_dup(0, HEAD_BYTES), key=key, codec=self._codec)
        if unit is Unit.KEY:
            self._leading_until = buffer.pts if self._lost or self._has_left_out else None
            self._by_loss = self._lost
            self._lost = self._has_left_out = False
        elif self._lost or self._is_leading(buffer):
            if self._lost or self._by_loss or self._decoded is None:
                self._withheld += 1
            else:
                self._decoded.leave_out()
            return Gst.PadProbeReturn.DROP
        if self._decoded is None or self._decoded.passes(unit):
            return Gst.PadProbeReturn.OK
        self._has_left_out = True
        return Gst.PadProbeReturn.DROP

    def _is_leading(self, buffer: Any) -> bool:
        """Return whether a picture may refer past the last keyframe to one that did not go on."""
        return self._leading_until is not None and buffer.pts < self._leading_until
