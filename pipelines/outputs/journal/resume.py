"""Tells a record from another file, and mends one that a kill broke off: the next run goes on in it."""

from __future__ import annotations

import errno
import os
import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pricing.plain_file import open_plain

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 16_000_000
"""Larger records are not mended: reading them would hold up the start by more than a second."""
_FLUSHED: Final = b"\x00\x00\xff\xff"
"""What each flush of a deflate stream ends with, at the edge of a byte."""
_END: Final = b"\x03\x00"
"""A last, empty block."""
_GZIP: Final = zlib.MAX_WBITS | 16
_FIRST: Final = b'{"schema":"msh.record/'
_AT: Final = re.compile(rb'"at":([0-9]{1,19})')


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """A record without its end. good: bytes that can be read. crc, size: of the text of its last part.

    crc is None where that part began and nothing of it can be read: the parts before it are whole.
    """

    path: Path
    good: int
    crc: int | None
    size: int
    first_ns: int | None

    def mend(self) -> None:
        """Cut off what a power cut left of an unfinished flush, and write the end. Raises OSError."""
        with self.path.open("r+b") as file:
            file.truncate(self.good)
            file.seek(self.good)
            if self.crc is not None:
                file.write(_END + struct.pack("<II", self.crc, self.size & 0xFFFFFFFF))
            file.flush()
            os.fsync(file.fileno())


def check_record(path: Path) -> None:
    """Raise OSError where a path leads to anything but a record, whole or broken, or an empty file."""
    if not is_record(path):
        raise OSError(errno.EEXIST, "it is another file, not a record; name a file of its own", str(path))


def is_record(path: Path) -> bool:
    """Return whether a file is a record, whole or broken, or empty. Raises OSError, also for a folder."""
    with open_plain(path) as file:
        text = file.read(4096)
    if text[:2] == b"\x1f\x8b":
        try:
            text = zlib.decompressobj(_GZIP).decompress(text, len(_FIRST))
        except zlib.error:
            text = b""
    return text.startswith(_FIRST) or not text.strip(b"\0")  # a power cut may leave zeros


def find_broken(path: Path) -> BrokenRecord | None:
    """Return what a run left that did not end by itself; None where there is none that can be gone on with.

    Raises OSError.
    """
    if not path.is_file() or not 0 < path.stat().st_size <= MAX_BYTES:
        return None
    data = path.read_bytes()
    first = None
    while data[:2] == b"\x1f\x8b":
        begin = path.stat().st_size - len(data)
        unpacker = zlib.decompressobj(_GZIP)
        try:
            text = unpacker.decompress(data)
        except zlib.error:
            text, unpacker = b"", zlib.decompressobj(_GZIP)  # damaged within its last flush, perhaps
        found = _AT.search(text[:100_000])
        first = first or (int(found[1]) if found else None)
        if not unpacker.eof:
            broken = _broken(path, data, begin, first)
            return broken or (BrokenRecord(path, begin, None, 0, first) if begin else None)
        data = unpacker.unused_data
    return None


def _broken(path: Path, data: bytes, begin: int, first_ns: int | None) -> BrokenRecord | None:
    """Return the part that begins at `begin` up to its last flush; None where that cannot be read either."""
    good = data.rfind(_FLUSHED) + len(_FLUSHED)
    if good < len(_FLUSHED):
        return None
    unpacker = zlib.decompressobj(_GZIP)
    try:
        text = unpacker.decompress(data[:good])
    except zlib.error:
        return None
    if unpacker.eof or not text.endswith(b"\n"):
        return None
    return BrokenRecord(path, begin + good, zlib.crc32(text), len(text), first_ns)
