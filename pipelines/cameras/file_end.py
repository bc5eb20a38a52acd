"""Whether the end of a video file is there, by what its container says of sizes and ends.

A file that was cut off while it was copied or recorded plays like a shorter one: no decoder says a word.
"""

from __future__ import annotations

import contextlib
import logging
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from engines.file_type import JPEG, sniff
from engines.jpeg_film import JPEG_END, jpegs
from pricing.plain_file import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

MAX_BOXES: Final = 2**18
"""No more boxes are read of a file: a day of one fragment a second has fewer. Beyond, its end is unknown."""
MAX_TAGS: Final = 2_000_000
HEAD_BYTES: Final = 8192
TAIL_BYTES: Final = 2**22
RIFF_SPARE: Final = 8
"""Bytes that an AVI may lack: some announce the size of the whole file, or leave out the last byte."""
CUT_SHORT: Final = "the file is cut short"
_BOXES: Final = frozenset(
    b"ftyp moov mdat free skip wide uuid pnot meta moof mfra styp sidx ssix prft emsg pdin udta".split()
)
_ASF: Final = bytes.fromhex("3026b2758e66cf11")
_ASF_FILE: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
TS_SYNC: Final = b"\x47"
_TS_PACKETS: Final = (188, 192)
_PACK, _PROGRAM_END = b"\0\0\x01\xba", b"\0\0\x01\xb9"
_PROGRAM_STREAM: Final = (_PACK, b"IMKH")


def is_whole(path: Path | str) -> bool:
    """Return whether an MP4, MOV, 3GP, AVI, MKV or WebM has all the bytes that its header announces.

    False where it has not, where that is not announced, and for all other files. Of an MP4 the boxes, of any
    kind, go on to the end of the file.
    """
    with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
        end, size = announced_end(file, any_box=True), file_size(file)
        return end is not None and end <= size
    return False


def is_cut_off(path: Path | str) -> bool:
    """Return whether the end of a video file is surely missing; False where nobody can tell."""
    with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
        end = announced_end(file)
        return end > file_size(file) if end is not None else _breaks_off(file)
    return False


def has_lost_index(path: Path | str) -> bool:
    """Return whether an MP4, MOV or 3GP was cut off before its index ended: no picture of it can be read."""
    if not is_cut_off(path):
        return False
    with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
        size = file_size(file)
        if read_exactly(file, 4, 4) in _BOXES:
            return not any(
                kind == b"moov" and end <= size for kind, _, end in boxes(file, 0, size, whole=False)
            )
    return False


def log_cut_off(camera: str, path: Path | str) -> None:
    """Log that a camera's file was cut off, where it surely was, and what of it is played."""
    if is_cut_off(path):
        what = "no picture of it can be read" if has_lost_index(path) else "what is there is played"
        logger.warning("camera %s: %s: %s; %s", camera, path, CUT_SHORT, what)


def _breaks_off(file: BinaryIO) -> bool:
    """Return whether a file that announces no size ends within a packet, or without the mark of its end."""
    size = file_size(file)
    head = read_exactly(file, 0, min(size, HEAD_BYTES))
    tail = read_exactly(file, max(0, size - TAIL_BYTES), min(size, TAIL_BYTES))
    if sniff(head) is JPEG:  # a film of JPEGs
        *_, last = jpegs(tail)
        return not last.is_whole and tail[last.end - 2 : last.end] != JPEG_END
    if head.startswith(b"FLV\x01"):
        return _flv_end(file, size) > size
    if head.startswith(_ASF):
        at = head.find(_ASF_FILE)
        return at >= 0 and int.from_bytes(head[at + 40 : at + 48], "little") > size
    if head.startswith(b"OggS"):
        return not _ogg_ends(tail)
    return not _program_stream_ends(tail) if head.startswith(_PROGRAM_STREAM) else _ends_in_packet(head, tail)


def announced_end(file: BinaryIO, *, any_box: bool = False) -> int | None:
    """Return at which byte a file ends by its header; None where it does not say. Raises ValueError.

    any_box: what looks like a box of an unknown kind is one; else nobody can tell.
    """
    size = file_size(file)
    head = read_exactly(file, 0, 12)
    if head[:4] == b"RIFF":
        return _riff_end(file, size)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _matroska_end(file)
    if not any_box and head[4:8] not in _BOXES:
        return None
    at, kinds = 0, set[bytes]()
    for kind, _, end in boxes(file, 0, size, whole=False):
        if not any_box and kind not in _BOXES:  # may be what somebody put behind the film
            return None
        at = end
        kinds.add(kind)
    return at if b"moov" in kinds or at > size else None


def boxes(file: BinaryIO, at: int, end: int, *, whole: bool = True) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, begin and end of the content of each box (ISO/IEC 14496-12, 4.2); ValueError: none.

    whole: a box that goes past the end is none; else it is the last.
    """
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind = int.from_bytes(read_exactly(file, at, 4), "big"), read_exactly(file, at + 4, 4)
        head = 8
        if size == 1:
            size, head = int.from_bytes(read_exactly(file, at + 8, 8), "big"), 16
        size = size or end - at
        if size < head or (whole and at + size > end):
            raise ValueError("no box")
        yield kind, at + head, at + size
        at += size
    raise ValueError("too many boxes")


def file_size(file: BinaryIO) -> int:
    """Return how many bytes a file has."""
    return file.seek(0, 2)


def read_exactly(file: BinaryIO, at: int, count: int) -> bytes:
    """Return so many bytes from a place of a file; ValueError where it ends before."""
    file.seek(at)
    data = file.read(count)
    if len(data) < count:
        raise ValueError("the file ends")
    return data


def _riff_end(file: BinaryIO, size: int) -> int | None:
    """Return where the last RIFF chunk ends: an AVI above 1 GB has several (OpenDML)."""
    at = 0
    while at + 12 <= size and read_exactly(file, at, 4) == b"RIFF":
        length = int.from_bytes(read_exactly(file, at + 4, 4), "little")
        if not 4 < length < 0xFFFFFF00:  # of a recorder that wrote to a pipe
            return None
        at += 8 + length + length % 2
    return size if size < at <= size + RIFF_SPARE else at


def _matroska_end(file: BinaryIO) -> int | None:
    """Return where the segment ends (RFC 8794, 4 and 5: sizes of variable length); None: unknown."""
    at = 4
    for segment in (False, True):
        if segment:
            if read_exactly(file, at, 4) != b"\x18\x53\x80\x67":
                raise ValueError("no segment")
            at += 4
        first = read_exactly(file, at, 1)[0]
        length = 9 - first.bit_length()
        size = int.from_bytes(read_exactly(file, at, length), "big") & ((1 << 7 * length) - 1)
        if size == (1 << 7 * length) - 1:
            return None
        at += length + size
    return at


def _flv_end(file: BinaryIO, size: int) -> int:
    """Return where the last tag ends that begins in the file (Adobe FLV 10.1, E.3 and E.4)."""
    at = int.from_bytes(read_exactly(file, 5, 4), "big") + 4
    for _ in islice(iter(int, 1), MAX_TAGS):
        if at + 11 > size:
            return size + 1 if at < size else at
        kind = read_exactly(file, at, 1)[0]
        if kind & 0x1F not in (8, 9, 18):
            return size
        at += 11 + int.from_bytes(read_exactly(file, at + 1, 3), "big") + 4
        if size < at <= size + 4:  # some leave out the last tag's length
            return size
    return size


def _ogg_ends(tail: bytes) -> bool:
    """Return whether the last page is whole and the last of its stream (RFC 3533, 6)."""
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return False
    count = tail[at + 26]
    sizes = tail[at + 27 : at + 27 + count]
    return bool(tail[at + 5] & 4) and at + 27 + count + sum(sizes) <= len(tail)


def _program_stream_ends(tail: bytes) -> bool:
    """Return whether the last packet is whole (ISO/IEC 13818-1, 2.5; ISO/IEC 11172-1, 2.4).

    True also where no pack begins in the tail: nobody can tell.
    """
    at = tail.rfind(_PACK)
    if at < 0:
        return True
    if at + 14 > len(tail):
        return False
    at += 14 + (tail[at + 13] & 7) if tail[at + 4] & 0xC0 == 0x40 else 12
    while at + 6 <= len(tail) and tail[at : at + 3] == b"\0\0\x01":
        if tail.startswith(_PROGRAM_END, at):
            return True
        at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    return at == len(tail) or (at < len(tail) and not tail[at:].strip(b"\0\xff"))


def _ends_in_packet(head: bytes, tail: bytes) -> bool:
    """Return whether an MPEG transport stream surely ends within a packet (ISO/IEC 13818-1, 2.4.3).

    The step of the tail counts: in the middle a packet may be short, where segments were joined.
    """
    if (packets := ts_packets(head)) is None:
        return False
    tail = tail[-HEAD_BYTES:]
    last = _last_mark(tail, packets[1])
    return last is not None and len(tail) - last != 188


def ts_packets(head: bytes) -> tuple[int, int] | None:
    """Return where the packets of an MPEG transport stream begin, and their length; None of another file."""
    for length in _TS_PACKETS:
        if (mark := _last_mark(head[:HEAD_BYTES], length)) is not None:
            return mark % length, length
    return None


def _last_mark(data: bytes, length: int) -> int | None:
    """Return where the last packet of so many bytes begins; None where they do not go on to the end."""
    for first in range(length):
        marks = range(first, len(data), length)
        if len(marks) > 20 and all(data[at : at + 1] == TS_SYNC for at in marks):
            return marks[-1]
    return None
