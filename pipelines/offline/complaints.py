"""What demuxers and decoders complain of while a film is read: they tell it to GStreamer's log alone.

A decoder leaves out a damaged picture, or guesses it, and a demuxer goes on behind a gap: to whoever takes
the pictures, such a film is like a shorter one. Not all that they complain of is damage: a film that was
cut out of a longer one by its key frames refers to pictures before its first.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pipelines.cpu import gst
from pipelines.cpu.gst import Gst
from pipelines.gst_structure import caps_structure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WATCHED: Final = {
    "libav": {Gst.DebugLevel.ERROR: "", Gst.DebugLevel.INFO: "concealing "},
    "videodecoder": {Gst.DebugLevel.WARNING: "error: "},
    "tsdemux": {Gst.DebugLevel.WARNING: "warning: CONTINUITY"},
    "asfdemux": {Gst.DebugLevel.WARNING: "Parse error"},
}
"""By category: from which level, how the line begins. None of them was seen with a whole film.

FFmpeg calls most damage an error. Where broken bytes could be a picture's, or a part of it never came, it
only says that it guesses the rest.
"""
_HARMLESS: Final = re.compile("mmco: unref short|number of reference frames|co located POCs unavailable")
"""H.264 pictures to be forgotten, or asked for vectors, that never came: seen with all frames right."""
_REFERENCE: Final = re.compile("Missing reference picture|reference picture missing")
"""An H.264 picture shows what another one shows that never came."""
_NO_PICTURE: Final = ("no frame!", "error: Failed to send data for decoding", "error: Invalid input packet")
"""What a decoder says of headers without a picture, such as those at the begin of an H.264 in ASF."""
_IDR: Final = 5
_IN_DECODER: Final = 32
"""Pictures that FFmpeg's threads may hold: it may complain of one so many after that."""
MAX_LINES: Final = 20
_listening: Final[list[Complaints]] = []


class Complaints:
    """The first MAX_LINES complaints while a film is read."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._key_frames = self._behind = 0
        self._is_open = False

    def add(self, line: str) -> None:
        """Take a line, unless it says nothing of damage."""
        harmless = _HARMLESS.match(line) or (self._is_open and _REFERENCE.match(line))
        if not harmless and len(self.lines) < MAX_LINES:
            self.lines.append(line)

    def forgive(self, headers: int) -> None:
        """Drop what was said of so many packets without a picture, in a film of which none is missing."""
        for line in _NO_PICTURE * min(headers, MAX_LINES):
            if line in self.lines:
                self.lines.remove(line)

    def see(self, is_key: bool, is_idr: Callable[[], bool]) -> bool:
        """Note a coded picture before the H.264 decoder; return whether more need to be seen.

        A stream that begins with a key frame that is no IDR was cut at an open group: up to its second key
        frame pictures may refer to what was cut away.
        """
        if self._key_frames == 0:
            self._is_open = not is_idr()
        self._key_frames += is_key or self._key_frames == 0
        self._behind += self._key_frames > 1
        self._is_open = self._is_open and self._behind <= _IN_DECODER
        return self._is_open


@contextmanager
def listen(pipeline: Any) -> Iterator[Complaints]:
    """Yield what takes the complaints of this process meanwhile. pipeline: not yet started.

    The lines of FFmpeg's decoders do not say which pipeline they are about: of two films that are read at the
    same time in one process, both get them all.
    """
    _add_ear()
    complaints = Complaints()
    pipeline.connect("deep-element-added", _watch, complaints)
    for name, lines in _WATCHED.items():
        Gst.debug_set_threshold_for_name(name, max(lines))
    _listening.append(complaints)
    try:
        yield complaints
    finally:
        _listening[:] = [others for others in _listening if others is not complaints]
        if not _listening and "GST_DEBUG" not in os.environ:
            for name in _WATCHED:
                Gst.debug_unset_threshold_for_name(name)


def _watch(_pipeline: Any, _bin: Any, element: Any, complaints: Complaints) -> None:
    factory = element.get_factory()
    if factory is not None and factory.get_name() == "avdec_h264":
        element.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, _see, complaints)


def _see(pad: Any, info: Any, complaints: Complaints) -> Any:
    buffer = info.get_buffer()
    is_key = not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT)
    more = complaints.see(is_key, lambda: _is_idr(pad, buffer))
    return Gst.PadProbeReturn.OK if more else Gst.PadProbeReturn.REMOVE


def _is_idr(pad: Any, buffer: Any) -> bool:
    """Return whether a coded H.264 picture needs none before it, and none after it does."""
    data, caps = buffer.extract_dup(0, buffer.get_size()), pad.get_current_caps()
    if caps is not None and caps_structure(caps).get_string("stream-format") == "byte-stream":
        return any(found[1][0] & 31 == _IDR for found in re.finditer(rb"\0\0\x01(.)", data, re.DOTALL))
    at = 0
    while at + 4 < len(data):
        if data[at + 4] & 31 == _IDR:
            return True
        at += 4 + int.from_bytes(data[at : at + 4], "big")
    return False


@cache
def _add_ear() -> None:
    gst.init()
    if "GST_DEBUG" not in os.environ:  # else the lines are wanted on the terminal too
        Gst.debug_remove_log_function(None)
    Gst.debug_set_active(True)
    Gst.debug_add_log_function(_on_log_line, None)


def _on_log_line(category: Any, level: Any, *details: Any) -> None:
    """Take one line of the log; details: file, function, line, object, message, nothing."""
    for wanted, begin in _WATCHED.get(category.get_name(), {}).items():
        if 0 < int(level) <= int(wanted) and (line := details[4].get() or "").startswith(begin):
            for complaints in _listening:
                complaints.add(line)
            return
