"""Takes out of a photograph's file what tells where, when and by whom it was taken; the picture stays.

Works on the containers of JPEG, PNG and WebP; no pixel is decoded or compressed anew. The orientation stays,
for the picture is shown turned by it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_JPEG: Final = b"\xff\xd8"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_EXIF: Final = b"Exif\0\0"
_KEPT_APPS: Final = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""What a decoder needs of a JPEG's application segments: marker -> how it begins."""
_APP0, _SOS, _EOI = 0xE0, 0xDA, 0xD9
_JFIF_BYTES: Final = 12
"""Of a JFIF segment's content, before the size of its thumbnail."""
_PNG_KEPT: Final = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")
_WEBP_KEPT: Final = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF")
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
"""Flags of VP8X."""
_ORIENTATION: Final = 0x0112
_MAX_TAGS: Final = 512


class Unstrippable(Exception):
    """The file is no photograph of a kind that is known, or is not well formed."""


def stripped(data: bytes) -> bytes:
    """Return a photograph's file without its metadata, but for the orientation. Raises Unstrippable."""
    try:
        if data.startswith(_JPEG):
            return _jpeg(data)
        if data.startswith(_PNG):
            return _png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        pass
    raise Unstrippable


def _jpeg(data: bytes) -> bytes:
    segments, orientation, place = [], 1, 2
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:  # fill bytes
            place += 1
        if data[place] != 0xFF:
            raise Unstrippable
        marker = data[place + 1]
        if marker == _EOI:
            raise Unstrippable  # ends before a picture
        (size,) = struct.unpack_from(">H", data, place + 2)
        end = place + 2 + size
        content = data[place + 4 : end]
        if size < 2 or end > len(data):
            raise Unstrippable
        if marker == _SOS:
            break
        if marker == 0xE1 and content.startswith(_EXIF):
            orientation = _orientation(content[len(_EXIF) :])
        is_app = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if marker == _APP0 and content.startswith(_KEPT_APPS[_APP0]):
            segments.append(_without_thumbnail(content))
        elif not is_app or (marker in _KEPT_APPS and content.startswith(_KEPT_APPS[marker])):
            segments.append(data[place:end])
        place = end
    if orientation != 1:
        exif = _EXIF + _tiff(orientation)
        segments.insert(0, b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif)
    return _JPEG + b"".join(segments) + _scans(data, place)


def _without_thumbnail(content: bytes) -> bytes:
    """Return the JFIF segment without its small picture, which may show what was cut off the large one."""
    head = content[:_JFIF_BYTES].ljust(_JFIF_BYTES, b"\0") + b"\0\0"
    return struct.pack(">BBH", 0xFF, _APP0, len(head) + 2) + head


def _scans(data: bytes, begin: int) -> bytes:
    """Return the compressed picture up to its end; a phone's second picture and trailer behind it go."""
    place = begin
    while True:
        place = data.find(b"\xff", place)
        if place < 0 or place + 1 >= len(data):
            raise Unstrippable
        marker = data[place + 1]
        if marker == _EOI:
            return data[begin : place + 2]
        if marker == 0xFF:
            place += 1
        elif marker == 0 or 0xD0 <= marker <= 0xD7:
            place += 2
        elif marker == _SOS or marker in (0xC4, 0xDB, 0xDD):  # tables and further scans of a progressive one
            (size,) = struct.unpack_from(">H", data, place + 2)
            place += 2 + size
        else:
            raise Unstrippable


def _png(data: bytes) -> bytes:
    chunks, orientation = [_PNG], 1
    for kind, content, chunk in _png_chunks(data):
        if kind == b"eXIf":
            orientation = _orientation(content)
        elif kind in _PNG_KEPT:
            chunks.append(chunk)
    if orientation != 1:
        content = b"eXIf" + _tiff(orientation)
        chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
        chunks.insert(2, chunk)
    return b"".join(chunks)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    place = len(_PNG)
    while True:
        (size,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + size
        if end > len(data):
            raise Unstrippable
        yield kind, data[place + 8 : end - 4], data[place:end]
        if kind == b"IEND":
            return
        place = end


def _webp(data: bytes) -> bytes:
    (whole,) = struct.unpack_from("<I", data, 4)
    end_of_all = min(8 + whole, len(data))
    chunks: list[tuple[bytes, bytes]] = []
    orientation, place = 1, 12
    while place + 8 <= end_of_all:
        kind, (size,) = data[place : place + 4], struct.unpack_from("<I", data, place + 4)
        content = data[place + 8 : place + 8 + size]
        if len(content) != size:
            raise Unstrippable
        if kind == b"EXIF":
            orientation = _orientation(content.removeprefix(_EXIF))
        elif kind in _WEBP_KEPT:
            chunks.append((kind, content))
        place += 8 + size + size % 2
    if not chunks:
        raise Unstrippable
    if chunks[0][0] == b"VP8X":
        flags = chunks[0][1][0] & ~(_WEBP_EXIF | _WEBP_XMP)
        if orientation != 1:
            flags |= _WEBP_EXIF
            chunks.append((b"EXIF", _tiff(orientation)))
        chunks[0] = (b"VP8X", bytes([flags]) + chunks[0][1][1:])
    body = b"".join(
        kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
        for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _orientation(tiff: bytes) -> int:
    """Return the orientation that EXIF states, 1 to 8; 1 (upright) where it states none."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (place,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, place)
        for number in range(min(count, _MAX_TAGS)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, place + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _tiff(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
