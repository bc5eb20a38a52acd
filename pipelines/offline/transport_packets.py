"""Whether an MPEG transport stream holds bytes that are no packet: some of it was overwritten.

A demuxer looks for the next packet and says nothing. Of what is lost a stream's own counter tells, but it has
4 bits: one run in 16 it does not.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Final

from pipelines.cameras.file_end import HEAD_BYTES, TS_SYNC, file_size, read_exactly, ts_packets

if TYPE_CHECKING:
    from typing import BinaryIO

_AT_ONCE: Final = 4096
_IN_STEP: Final = 5
"""Packets one behind another that are no chance."""


def breaks_packets(file: BinaryIO) -> bool:
    """Return whether a stream goes on behind bytes that are no packet; False for any other kind of film.

    A packet may be short, where segments were joined (ISO/IEC 13818-1, 2.4.3).
    """
    size = file_size(file)
    if (packets := ts_packets(read_exactly(file, 0, min(HEAD_BYTES, size)))) is None:
        return False
    at, length = packets
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        while at < size:
            marks = data[at : at + _AT_ONCE * length : length]
            good = len(marks) - len(marks.lstrip(TS_SYNC))
            at += good * length
            if good < len(marks):
                again = _in_step_again(data, at - length + 1, length)
                if again < 0 or again > at:
                    return again > at
                at = again
    return False


def _in_step_again(data: mmap.mmap, begin: int, length: int) -> int:
    """Return where packets go on; -1 where none do."""
    at = data.find(TS_SYNC, begin)
    while at >= 0 and data[at : at + _IN_STEP * length : length] != _IN_STEP * TS_SYNC:
        at = data.find(TS_SYNC, at + 1)
    return at
