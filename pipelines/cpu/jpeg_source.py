"""A GStreamer source of a film that is JPEGs one behind another, which has no times of its own."""

from __future__ import annotations

import mmap
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engines.jpeg_film import jpegs
from pipelines.cpu.gst import Gst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engines.jpeg_film import Jpeg

RATE: Final = 25
"""Pictures a second, as FFmpeg and others take it where nothing tells."""


def jpeg_source(path: str) -> Any:
    """Return an element that gives the pictures of the file, coded. Raises OSError."""
    source: Any = Gst.ElementFactory.make("appsrc")
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
    """Feeds an appsrc; holds no element. Called in the source's thread."""

    def __init__(self, path: str) -> None:
        with Path(path).open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        sizes = [one.size for one in jpegs(self._data)]
        self.size, self.count = sizes[0], len(sizes)
        self._left: Iterator[tuple[int, Jpeg]] = iter(())

    def give(self, source: Any, _length: int) -> None:
        """Push the next picture."""
        number, one = next(self._left, (0, None))
        if one is None:
            source.emit("end-of-stream")
            return
        buffer = Gst.Buffer.new_wrapped(self._data[one.begin : one.end])
        buffer.pts = buffer.dts = number * Gst.SECOND // RATE
        buffer.duration = Gst.SECOND // RATE
        source.emit("push-buffer", buffer)

    def seek(self, _source: Any, time_ns: int) -> bool:
        """Go on at another time; called before the first picture too."""
        self._left = islice(enumerate(jpegs(self._data)), max(0, time_ns) * RATE // Gst.SECOND, None)
        return True
