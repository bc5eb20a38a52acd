"""A GStreamer source of a film that is JPEGs one behind another, which has no times of its own."""

from __future__ import annotations

import mmap
from array import array
from pathlib import Path
from typing import Any, Final

from engines.jpeg_film import jpegs
from pipelines.cpu.gst import Gst, make

RATE: Final = 25
"""Pictures a second, as FFmpeg and others take it where nothing tells."""


def jpeg_source(path: str) -> Any:
    """Return an element that gives the pictures of the file, coded. Raises OSError."""
    source = make("appsrc")
    pictures = _Pictures(path)
    source.set_property("format", Gst.Format.TIME)
    width, height = pictures.size
    form = f"image/jpeg,parsed=true,framerate={RATE}/1,width={width},height={height}"
    source.set_property("caps", Gst.Caps.from_string(form))
    source.set_property("duration", pictures.count * Gst.SECOND // RATE)
    Gst.util_set_object_arg(source, "stream-type", "seekable")
    source.connect("need-data", pictures.give)
    source.connect("seek-data", pictures.seek)
    return source


class _Pictures:
    """Feeds an appsrc; holds no element. Called in the source's thread.

    Where the pictures lie is found out once. They are read from the file, not from memory mapped to it: who
    writes another film over it while it is played would end the process (SIGBUS).
    """

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115  closed with the source
        self._places, self.size = array("Q"), (0, 0)
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for one in jpegs(data):
                self.size = self.size if self._places else one.size
                self._places.extend((one.begin, one.end))
        self.count = len(self._places) // 2
        self._next = 0

    def give(self, source: Any, _length: int) -> None:
        """Push the next picture."""
        number, data = self._next, b""
        if number < self.count:
            begin, end = self._places[2 * number : 2 * number + 2]
            self._file.seek(begin)
            data = self._file.read(end - begin)
        if not data:  # the end, or the file is shorter by now
            source.emit("end-of-stream")
            return
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts = buffer.dts = number * Gst.SECOND // RATE
        buffer.duration = Gst.SECOND // RATE
        self._next += 1
        source.emit("push-buffer", buffer)

    def seek(self, _source: Any, time_ns: int) -> bool:
        """Go on at another time; called before the first picture too."""
        self._next = max(0, time_ns) * RATE // Gst.SECOND
        return True
