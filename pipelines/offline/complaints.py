"""What demuxers and decoders complain of while a film is read: they tell it to GStreamer's log alone.

A decoder leaves out a damaged picture, or guesses it, and a demuxer goes on behind a gap: to whoever takes
the pictures, such a film is like a shorter one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pipelines.cpu import gst
from pipelines.cpu.gst import Gst

if TYPE_CHECKING:
    from collections.abc import Iterator

_WATCHED: Final = {
    "libav": (Gst.DebugLevel.ERROR, ""),
    "videodecoder": (Gst.DebugLevel.WARNING, "error: "),
    "tsdemux": (Gst.DebugLevel.WARNING, "warning: CONTINUITY"),
    "asfdemux": (Gst.DebugLevel.WARNING, "Parse error"),
}
"""By category: from which level, and how the line begins. None of them was seen with a whole film."""
_listening: Final[list[list[str]]] = []


@contextmanager
def listen() -> Iterator[list[str]]:
    """Yield a list to which the complaints of this process are added meanwhile.

    The lines of FFmpeg's decoders do not say which pipeline they are about: of two films that are read at the
    same time in one process, both get them all.
    """
    _add_ear()
    complaints: list[str] = []
    for name, (level, _) in _WATCHED.items():
        Gst.debug_set_threshold_for_name(name, level)
    _listening.append(complaints)
    try:
        yield complaints
    finally:
        _listening[:] = [others for others in _listening if others is not complaints]
        if not _listening and "GST_DEBUG" not in os.environ:
            for name in _WATCHED:
                Gst.debug_unset_threshold_for_name(name)


@cache
def _add_ear() -> None:
    gst.init()
    if "GST_DEBUG" not in os.environ:  # else the lines are wanted on the terminal too
        Gst.debug_remove_log_function(None)
    Gst.debug_set_active(True)
    Gst.debug_add_log_function(_hear, None)


def _hear(category: Any, level: Any, *details: Any) -> None:
    """Take one line of the log; details: file, function, line, object, message, nothing."""
    wanted, begin = _WATCHED.get(category.get_name(), (Gst.DebugLevel.NONE, ""))
    if 0 < int(level) <= int(wanted):
        line = details[4].get() or ""
        if line.startswith(begin):
            for complaints in _listening:
                complaints.append(line)
