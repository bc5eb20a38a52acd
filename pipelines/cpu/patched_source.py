"""A GStreamer source that gives a file's bytes with others in place of some, or between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.cameras.file_end import file_size
from pipelines.cpu.gst import Gst, make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.cameras.file_patch import FilePatch

_MAX_READ: Final = 2**26


def patched_source(path: str, patches: Sequence[FilePatch], *, pull: bool) -> Any:
    """Return an element that gives the file's bytes, the patches in them. Raises OSError.

    pull: let a demuxer pull what it wants; else it waits for data.
    """
    source = make("appsrc")
    reader = PatchedFile(path, patches)
    Gst.util_set_object_arg(source, "stream-type", "random-access" if pull else "seekable")
    source.set_property("format", Gst.Format.BYTES)
    source.set_property("size", reader.size)
    source.connect("need-data", reader.give)
    source.connect("seek-data", reader.seek)
    return source


class PatchedFile:
    """Feeds an appsrc; holds no element. Called in the source's thread."""

    def __init__(self, path: str, patches: Sequence[FilePatch]) -> None:
        """Open a file; patches: none reaches into another. Raises OSError."""
        self._file = Path(path).open("rb")  # noqa: SIM115 closed when the element that calls this is freed
        self._parts: list[bytes | range] = []
        at = 0
        for patch in sorted(patches, key=lambda patch: patch.at):
            self._parts += [range(at, patch.at), patch.data]
            at = patch.at + patch.replaced
        self._parts.append(range(at, max(at, file_size(self._file))))
        self.size = sum(map(len, self._parts))
        self._at = 0

    def read(self, length: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        data, begin = b"", 0
        for part in self._parts:
            wanted = part[max(0, self._at - begin) : max(0, self._at + length - begin)]
            if isinstance(wanted, range) and wanted:
                self._file.seek(wanted.start)
                data += self._file.read(len(wanted))
            elif isinstance(wanted, bytes):
                data += wanted
            begin += len(part)
        self._at += len(data)
        return data

    def give(self, source: Any, length: int) -> None:
        """Push what is wanted next."""
        start = self._at
        data = self.read(min(length, _MAX_READ))
        if not data:
            source.emit("end-of-stream")
            return
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.offset = start
        source.emit("push-buffer", buffer)

    def seek(self, _source: Any, offset: int) -> bool:
        """Go on at another place."""
        self._at = offset
        return True
