"""How many frames a film's container holds, where that can be counted: whether all of them were read.

The time that a header announces does not tell: the last picture of a film may stand still for long.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from pipelines.cameras.file_end import boxes, file_size, read_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT, _TRACKS, _TRACK, _CLUSTER = 0x18538067, 0x1654AE6B, 0xAE, 0x1F43B675
_NUMBER, _TYPE, _VIDEO = 0xD7, 0x83, 1
_SIMPLE_BLOCK, _GROUP, _BLOCK, _LACED = 0xA3, 0xA0, 0xA1, 6


def count_frames(path: Path | str) -> int | None:
    """Return how many frames the one video track of an MP4, MOV, 3GP, MKV or WebM holds.

    None where there are several, none, or they cannot be counted: in fragments, in a damaged file.
    """
    with contextlib.suppress(OSError, ValueError), Path(path).open("rb") as file:
        is_matroska = read_exactly(file, 0, 4) == _EBML
        return (_matroska_frames(file) if is_matroska else _movie_frames(file)) or None
    return None


def _movie_frames(file: BinaryIO) -> int:
    """Return how many samples the video track's table of sizes lists (ISO/IEC 14496-12, 8.7.3)."""
    counts = []
    for kind, begin, end in boxes(file, *_box(file, 0, file_size(file), b"moov")):
        if kind == b"trak":
            media = _box(file, begin, end, b"mdia")
            if read_exactly(file, _box(file, *media, b"hdlr")[0] + 8, 4) == b"vide":
                table = _box(file, *_box(file, *media, b"minf"), b"stbl")
                sizes, _ = _box(file, *table, b"stsz")
                counts.append(int.from_bytes(read_exactly(file, sizes + 8, 4), "big"))
    (count,) = counts
    return count


def _box(file: BinaryIO, begin: int, end: int, wanted: bytes) -> tuple[int, int]:
    for kind, first, last in boxes(file, begin, end):
        if kind == wanted:
            return first, last
    raise ValueError("no such box")


def _matroska_frames(file: BinaryIO) -> int:
    """Return how many blocks of the video track the clusters hold (RFC 9559, 5.1.3)."""
    videos, blocks = [], Counter[int]()
    segment = next((a, b) for kind, a, b in _elements(file, 0, file_size(file)) if kind == _SEGMENT)
    for kind, begin, end in _elements(file, *segment):
        if kind == _TRACKS:
            videos += [
                _field(file, first, last, _NUMBER)
                for track, first, last in _elements(file, begin, end)
                if track == _TRACK and _field(file, first, last, _TYPE) == _VIDEO
            ]
        elif kind == _CLUSTER:
            blocks.update(_block_tracks(file, begin, end))
    (video,) = videos
    return blocks[video]


def _block_tracks(file: BinaryIO, begin: int, end: int) -> Iterator[int]:
    """Yield the number of the track of each block of a cluster; ValueError where one holds several frames."""
    for kind, first, last in _elements(file, begin, end):
        if kind == _GROUP:
            starts = [at for inner, at, _ in _elements(file, first, last) if inner == _BLOCK]
        else:
            starts = [first] if kind == _SIMPLE_BLOCK else []
        for start in starts:
            track, at = _number(file, start)
            if read_exactly(file, at + 2, 1)[0] & _LACED:
                raise ValueError("several frames in a block")
            yield track


def _field(file: BinaryIO, begin: int, end: int, wanted: int) -> int:
    for kind, first, last in _elements(file, begin, end):
        if kind == wanted:
            return int.from_bytes(read_exactly(file, first, last - first), "big")
    raise ValueError("no such element")


def _elements(file: BinaryIO, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield identifier, begin and end of the content of each element (RFC 8794); ValueError: none."""
    while at < end:
        kind, at = _number(file, at, with_mark=True)
        size, at = _number(file, at)
        if at + size > end:
            raise ValueError("no element")
        yield kind, at, at + size
        at += size


def _number(file: BinaryIO, at: int, *, with_mark: bool = False) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    length = 9 - read_exactly(file, at, 1)[0].bit_length()
    number = int.from_bytes(read_exactly(file, at, length), "big")
    return number if with_mark else number & ((1 << 7 * length) - 1), at + length
