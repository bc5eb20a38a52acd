"""Counts the pictures of a film in IVF, the bare form of VP8, VP9 and AV1, that are to be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from pipelines.cameras.file_end import file_size, read_exactly
from pipelines.offline.packet_count import TornError

if TYPE_CHECKING:
    from collections.abc import Iterator

IVF: Final = b"DKIF"
_HEAD: Final = 12
"""Bytes before each picture: its length, and its time in ticks."""
_VP8, _VP9, _AV1 = b"VP80", b"VP90", b"AV01"
_LEAST_HEADER: Final = 32
_UNWRITTEN: Final = (0, 2**32 - 1)


def ivf_frames(file: BinaryIO) -> int:
    """Return how many pictures are shown. Raises TornError where one is missing or makes no sense."""
    codec, total = read_exactly(file, 8, 4), int.from_bytes(read_exactly(file, 24, 4), "little")
    if codec not in (_VP8, _VP9, _AV1):
        raise ValueError("a codec that may show pictures in another order")
    count = shown = 0
    first = last = None
    for time, head, tail in _pictures(file):
        if last is not None and time < last:
            raise TornError("a time that goes back")
        first, last = time if first is None else first, time
        count += 1
        shown += _is_shown(codec, head, tail)
    if first is None or last is None:
        raise ValueError("no picture")
    # Some write how many pictures there are, others how many ticks they last.
    step = (last - first) / (count - 1) if count > 1 else 1
    if total not in _UNWRITTEN and count < total and last - first + 2 * step < total:
        raise TornError("fewer pictures than announced")
    return shown


def _pictures(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield time, first and last byte of each packet; those of an empty one are 0."""
    at, end = int.from_bytes(read_exactly(file, 6, 2), "little"), file_size(file)
    if at < _LEAST_HEADER:
        raise ValueError("no header")
    while at < end:
        if at + _HEAD > end:
            raise TornError("no picture")
        head = read_exactly(file, at, _HEAD)
        length, time = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
        if at + _HEAD + length > end:
            raise TornError("no picture")
        ends = (at + _HEAD, at + _HEAD + length - 1) if length else ()
        first, last = [read_exactly(file, one, 1)[0] for one in ends] or (0, 0)
        yield time, first, last
        at += _HEAD + length


def _is_shown(codec: bytes, first: int, last: int) -> bool:
    """Return whether a packet shows a picture, by its first and last byte: others are only referred to."""
    if codec == _VP8:  # RFC 6386, 9.1
        return bool(first & 0x10)
    is_several = last & 0xE0 == 0xC0  # VP9 bitstream, annex B: the last of several is shown
    is_profile_3 = first & 0x30 == 0x30  # has one bit more
    if codec == _VP9 and not is_several and not is_profile_3 and not first & 8:  # 6.2
        return bool(first & 2)
    return True
