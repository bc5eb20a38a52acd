"""Films that are JPEGs one behind another: bare `.mjpeg` files, and what cameras send as multipart.

A photograph may have a JPEG behind its end too: a view for the other eye, a map of depth or of light.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

JPEG_END: Final = b"\xff\xd9"
_BEGIN: Final = re.compile(rb"\xff\xd8\xff")
_IN_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""A marker that ends what is coded, or breaks it: all but the marks of restarts."""
_BETWEEN: Final = re.compile(
    rb"[\0\xff\s]*(?:--[^\r\n]{1,200}\r?\n(?:[A-Za-z-]{1,40}:[^\r\n]{0,200}\r?\n)*)?\s*(?=\xff\xd8\xff)"
)
"""What may stand between two pictures: padding, and the header of a part (RFC 2046, 5.1)."""
_FRAMES: Final = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_PROGRESSIVE: Final = 0xC2
_BETWEEN_SCANS: Final = frozenset({0xC4, 0xDA, 0xDB, 0xDD, 0xFE})
_SOI, _EOI, _SOS, _EXIF, _MPF = 0xD8, 0xD9, 0xDA, 0xE1, 0xE2
_PIXELS_IN_BYTE: Final = 80
"""Of a picture of one colour, at least: two bits for each of three blocks of 64 pixels (annex F)."""
_LEAST_BLANK: Final = 32
_SURE: Final = 3
"""Pictures of one size that are a film even where each has what photographs have."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """Where a picture lies in a file.

    size: width and height. is_whole: it has an end, and neither what cannot be within it nor more zeros than
    a picture of one colour needs, which stand where a disk or a card lost something.
    """

    begin: int
    end: int
    size: tuple[int, int]
    is_whole: bool
    is_photograph: bool = False
    names_others: bool = False


def jpegs(data: bytes | mmap, at: int = 0) -> Iterator[Jpeg]:
    """Yield each JPEG that begins at or after a place, whatever stands between them."""
    while (begin := _BEGIN.search(data, at)) is not None:
        found = _jpeg(data, begin.start())
        yield found
        at = found.end


def is_jpeg_film(data: bytes | mmap, at: int = 0) -> bool:
    """Return whether several pictures of one size follow one another, the first of which begins there.

    False of a photograph that names those behind it (CIPA DC-007), or has one more alone.
    """
    found: list[Jpeg] = []
    for one in islice(jpegs(data, at), _SURE):
        if found and not (follows(data, found[-1], one) and one.size == found[0].size):
            break
        found.append(one)
    if len(found) < 2 or not all(found[0].size) or found[0].names_others:
        return False
    return len(found) == _SURE or not found[0].is_photograph


def follows(data: bytes | mmap, first: Jpeg, second: Jpeg) -> bool:
    """Return whether nothing stands between two pictures but what belongs there."""
    between = _BETWEEN.match(data, first.end)
    return between is not None and between.end() == second.begin


def _jpeg(data: bytes | mmap, begin: int) -> Jpeg:
    """Walk the segments (ITU-T T.81, annex B) of the picture that begins there."""
    at, length, size = begin + 2, len(data), (0, 0)
    frame = 0
    is_photograph = names_others = False
    while at + 4 <= length:
        if data[at] != 0xFF or data[at + 1] in (0, 1, _SOI, _EOI):
            break
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker in _FRAMES:
            frame = marker
            size = (
                int.from_bytes(data[at + 7 : at + 9], "big"),
                int.from_bytes(data[at + 5 : at + 7], "big"),
            )
        is_photograph |= marker == _EXIF
        names_others |= marker == _MPF and data[at + 4 : at + 8] == b"MPF\0"
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SOS:
            end, is_whole = _scan_end(data, at, is_progressive=frame == _PROGRESSIVE)
            blank = data.find(bytes(max(_LEAST_BLANK, size[0] * size[1] // _PIXELS_IN_BYTE)), at, end)
            is_whole = is_whole and blank < 0
            return Jpeg(begin, end, size, is_whole, is_photograph, names_others)
    after = _BEGIN.search(data, begin + 2)
    return Jpeg(begin, after.start() if after else length, size, False, is_photograph, names_others)


def _scan_end(data: bytes | mmap, at: int, *, is_progressive: bool) -> tuple[int, bool]:
    """Return where a picture ends whose coded part begins there, and whether it is whole."""
    is_whole = True
    while (found := _IN_SCAN.search(data, at)) is not None:
        at, marker = found.end(), data[found.start() + 1]
        if marker == _EOI:
            return at, is_whole
        if marker == _SOI:
            return found.start(), False
        if is_progressive and marker in _BETWEEN_SCANS:
            at += int.from_bytes(data[at : at + 2], "big")
        else:
            is_whole = False
    return len(data), False
