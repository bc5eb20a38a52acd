"""What the headers of video files announce: whether all of it is there, and how long an MP4's video is.

GStreamer's MP4 demuxer takes a video track of less than a fifth of the movie's duration for a preview picture
and leaves it out (qtdemux, seen with 1.22): a short film with a long sound track has no video then. Read with
a longer duration in the track's header, it is a movie like any other.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from pipelines.cpu.gst import Gst

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LEAST_SHARE: Final = 5
"""The demuxer leaves a track out that is less than one part in so many of the movie."""
MAX_BOXES: Final = 4096
_MAX_READ: Final = 2**26


@dataclass(frozen=True, slots=True)
class HeaderPatch:
    """Bytes to be read instead of those at a place of a file."""

    at: int
    data: bytes


def longer_video(path: Path | str) -> HeaderPatch | None:
    """Return what makes the video of an MP4 as long as the movie; None where nothing is to be done."""
    if not is_whole(path):
        return None  # the demuxer pulls it, which ends badly where the end is missing
    with contextlib.suppress(OSError, ValueError), Path(path).open("rb") as file:
        movie = next((box for box in _boxes(file, 0, _size(file)) if box[0] == b"moov"), None)
        if movie is not None:
            return _patch(file, movie[1], movie[2])
    return None


def is_whole(path: Path | str) -> bool:
    """Return whether an MP4, MOV, 3GP, AVI, MKV or WebM has all the bytes that its header announces.

    False where it has not, where that is not announced, and for all other files.
    """
    with contextlib.suppress(OSError, ValueError), Path(path).open("rb") as file:
        size = _size(file)
        head = _read(file, 0, 12)
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:8], "little") <= size
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return _matroska_end(file) <= size
        return b"moov" in {kind for kind, _, _ in _boxes(file, 0, size)}
    return False


def _matroska_end(file: BinaryIO) -> int:
    """Return where the segment ends (RFC 8794, 4 and 5: sizes of variable length); ValueError: unknown."""
    at = 4
    for segment in (False, True):
        if segment:
            if _read(file, at, 4) != b"\x18\x53\x80\x67":
                raise ValueError("no segment")
            at += 4
        first = _read(file, at, 1)[0]
        length = 9 - first.bit_length()
        size = int.from_bytes(_read(file, at, length), "big") & ((1 << 7 * length) - 1)
        if size == (1 << 7 * length) - 1:
            raise ValueError("of unknown size")
        at += length + size
    return at


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
        self.size = _size(self._file)
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


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _boxes(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin and end of the content of each box (ISO/IEC 14496-12, 4.2); ValueError: none."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = int.from_bytes(_read(file, at, 4), "big"), _read(file, at + 4, 4)
        head = 8
        if size == 1:
            size, head = int.from_bytes(_read(file, at + 8, 8), "big"), 16
        size = size or end - at
        if size < head or at + size > end:
            raise ValueError("no box")
        yield kind, at + head, at + size
        at += size


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) < count:
        raise ValueError("the file ends")
    return data


def _patch(file: BinaryIO, begin: int, end: int) -> HeaderPatch | None:
    movie_s, videos = 0.0, []
    for kind, first, last in _boxes(file, begin, end):
        if kind == b"mvhd":
            _, _, scale, duration = _duration(file, first)
            movie_s = duration / scale
        elif kind == b"trak" and (media := _video_header(file, first, last)) is not None:
            videos.append(_duration(file, media))
    if not videos:
        return None
    at, width, scale, duration = max(videos, key=lambda video: video[3] / video[2])
    wanted = round(movie_s * scale)
    if not 0 < duration * LEAST_SHARE < wanted < 2 ** (8 * width) - 1:
        return None
    return HeaderPatch(at, wanted.to_bytes(width, "big"))


def _duration(file: BinaryIO, at: int) -> tuple[int, int, int, int]:
    """Return place and width of the duration in an mvhd or mdhd, the time scale, and the duration."""
    wide = _read(file, at, 1) == b"\1"
    scale_at, width = (at + 20, 8) if wide else (at + 12, 4)
    scale = int.from_bytes(_read(file, scale_at, 4), "big")
    if not scale:
        raise ValueError("no time scale")
    return scale_at + 4, width, scale, int.from_bytes(_read(file, scale_at + 4, width), "big")


def _video_header(file: BinaryIO, begin: int, end: int) -> int | None:
    """Return where the content of a track's mdhd begins; None where it is no video."""
    media = next((box for box in _boxes(file, begin, end) if box[0] == b"mdia"), None)
    if media is None:
        return None
    boxes = {kind: first for kind, first, _ in _boxes(file, media[1], media[2])}
    if b"hdlr" not in boxes or _read(file, boxes[b"hdlr"] + 8, 4) != b"vide":
        return None
    return boxes.get(b"mdhd")
