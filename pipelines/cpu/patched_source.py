"""A GStreamer source that gives a file's bytes with some others in place of a few of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.cameras.file_end import file_size
from pipelines.cpu.gst import Gst

if TYPE_CHECKING:
    from pipelines.cameras.movie_header import HeaderPatch

_MAX_READ: Final = 2**26


def patched_source(path: str, patch: HeaderPatch) -> Any:
    """Return an element from which a demuxer pulls the file's bytes, the patch in them. Raises OSError."""
    source: Any = Gst.ElementFactory.make("appsrc")
    reader = _Reader(path, patch)
    Gst.util_set_object_arg(source, "stream-type", "random-access")  # the demuxer pulls what it wants
    source.set_property("format", Gst.Format.BYTES)
    source.set_property("size", reader.size)
    source.connect("need-data", reader.give)
    source.connect("seek-data", reader.seek)
    return source


class _Reader:
    """Feeds an appsrc; holds no element. Called in the source's thread."""

    def __init__(self, path: str, patch: HeaderPatch) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 closed when the element that calls this is freed
        self._patch = patch
        self.size = file_size(self._file)
        self._file.seek(0)

    def give(self, source: Any, length: int) -> None:
        start = self._file.tell()
        data = self._file.read(min(length, _MAX_READ))
        if not data:
            source.emit("end-of-stream")
            return
        patch = self._patch
        begin, end = max(start, patch.at), min(start + len(data), patch.at + len(patch.data))
        if begin < end:
            new = patch.data[begin - patch.at : end - patch.at]
            data = data[: begin - start] + new + data[end - start :]
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.offset = start
        source.emit("push-buffer", buffer)

    def seek(self, _source: Any, offset: int) -> bool:
        self._file.seek(offset)
        return True
