"""The map that an MPEG program stream lacks: which codec its video has.

GStreamer's demuxer (mpegpsdemux, seen with 1.22) takes the video of a program stream without a map (ISO/IEC
13818-1, 2.5.4) for MPEG-1 or MPEG-2, finds none, and gives up. Recorders and FFmpeg write H.264, H.265 and
MPEG-4 without one. Its first pictures tell what it is, and with a map in front of it, it is read.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Final

from pipelines.cameras.file_patch import FilePatch
from pricing.plain_file import open_plain

PACK: Final = b"\0\0\x01\xba"
SEARCHED: Final = 2**20
"""Of a file's beginning, what is searched for its first pictures."""
MAX_BEFORE: Final = 4096
"""Bytes before the first pack: recorders put a header of their own there."""
_MAP: Final = 0xBC
_VIDEO: Final = range(0xE0, 0xF0)
_H264_PROFILES: Final = frozenset({44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 244})
_MPEG4, _H264, _H265 = 0x10, 0x1B, 0x24
_CRC: Final = 0x04C11DB7


def stream_map(path: Path | str) -> FilePatch | None:
    """Return the map that a program stream needs to be read; None where it has one, or needs none."""
    with contextlib.suppress(OSError, IndexError), open_plain(Path(path)) as file:
        data = file.read(SEARCHED)
        pack = data.find(PACK, 0, MAX_BEFORE + len(PACK))
        if pack < 0:
            return None
        begin = _behind_pack(data, pack)
        has_map, video, pictures = _read(data, begin)
        codec = _codec(pictures)
        return FilePatch(begin, _map(video, codec), 0) if not has_map and video and codec else None
    return None


def _read(data: bytes, at: int) -> tuple[bool, int, bytes]:
    """Return whether there is a map, the number of the first video, and its content, as far as data goes."""
    video, pictures = 0, bytearray()
    with contextlib.suppress(IndexError):  # what was read may end in the midst of a header
        while (at := data.find(b"\0\0\x01", at)) >= 0:
            kind = data[at + 3]
            if kind == _MAP:
                return True, 0, b""
            if kind == PACK[3]:
                at = _behind_pack(data, at)
                continue
            end = at + 6 + int.from_bytes(data[at + 4 : at + 6], "big")
            if kind in _VIDEO and (not video or kind == video):
                video = kind
                pictures += data[_payload(data, at + 6) : end]
            at = end
    return False, video, bytes(pictures)


def _behind_pack(data: bytes, at: int) -> int:
    """Return where a pack's header ends (2.5.3.3; of MPEG-1, ISO/IEC 11172-1, 2.4.3.2)."""
    return at + 14 + (data[at + 13] & 7) if data[at + 4] & 0xC0 == 0x40 else at + 12


def _payload(data: bytes, at: int) -> int:
    """Return where the content of a packet begins (2.4.3.6; of MPEG-1, ISO/IEC 11172-1, 2.4.3.3)."""
    if data[at] & 0xC0 == 0x80:
        return at + 3 + data[at + 2]
    while data[at] == 0xFF:
        at += 1
    if data[at] & 0xC0 == 0x40:
        at += 2
    return at + {0x20: 5, 0x30: 10}.get(data[at] & 0xF0, 1)


def _codec(pictures: bytes | bytearray) -> int | None:
    """Return the type of stream (2.4.4.10) that begins with these headers; None: MPEG-1, MPEG-2, unknown."""
    for found in re.finditer(rb"\0\0\x01(..)", pictures, re.DOTALL):
        first, second = found[1]
        if first == 0xB3:  # sequence header of MPEG-1 and MPEG-2
            return None
        if first in (0x40, 0x42) and second == 1:  # parameter sets of H.265
            return _H265
        if first & 0x9F == 7 and first & 0x60 and second in _H264_PROFILES:  # parameters of H.264
            return _H264
        if first in (0xB0, 0xB6):  # sequence and picture of MPEG-4
            return _MPEG4
    return None


def _map(stream: int, codec: int) -> bytes:
    body = bytes([0xE1, 0xFF, 0, 0, 0, 4, codec, stream, 0, 0])
    data = b"\0\0\x01" + bytes([_MAP]) + (len(body) + 4).to_bytes(2, "big") + body
    return data + _crc(data).to_bytes(4, "big")


def _crc(data: bytes) -> int:
    """Return the sum of ISO/IEC 13818-1, annex A."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (_CRC if value >> 31 else 0)) & 0xFFFFFFFF
    return value
