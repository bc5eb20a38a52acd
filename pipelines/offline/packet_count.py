"""Counts the frames of films that are stored in packets: WMV (ASF), Ogg, and JPEGs one behind another."""

from __future__ import annotations

import mmap
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Final

from engines.jpeg_film import follows, jpegs
from pipelines.cameras.file_end import file_size, read_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

ASF: Final = bytes.fromhex("3026b2758e66cf11")
OGG: Final = b"OggS"
_ASF_FILE: Final = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_STREAM: Final = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
_ASF_VIDEO: Final = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_THEORA: Final = b"\x80theora"
_THEORA_HEADERS: Final = 3
MAX_GAP: Final = 64
"""A number that is further from the last one is no number, but damage."""
MAX_PAGE: Final = 2**17
_LAST: Final = 4
"""Flag of a stream's last page."""
_PAGE: Final = 27
"""Bytes of an Ogg page's header, before its table of sizes."""


class TornError(ValueError):
    """A container makes no sense at a place behind which it goes on."""


def jpeg_frames(file: BinaryIO) -> int:
    """Return how many pictures a film of JPEGs has. Raises TornError where one but the last is broken."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = list(jpegs(data))
        joined = all(follows(data, first, second) for first, second in pairwise(found))
    if not joined or not all(one.is_whole for one in found[:-1]):
        raise TornError("a picture makes no sense")
    return len(found)


def ogg_frames(file: BinaryIO) -> int:
    """Return how many packets the one Theora stream of an Ogg has, but for its headers (RFC 3533, 6).

    Raises TornError where one of its pages is not there.
    """
    counts: dict[bytes, int] = {}
    numbers: dict[bytes, int] = {}
    for serial, number, table, begin in _pages(file):
        if serial not in numbers and number:
            raise TornError("a stream without its beginning")
        if serial not in numbers and read_exactly(file, begin, len(_THEORA)) == _THEORA:
            counts[serial] = -_THEORA_HEADERS
        if serial in counts:
            if number != numbers.get(serial, -1) + 1:
                raise TornError("a page is missing")
            counts[serial] += sum(size < 255 for size in table)
        numbers[serial] = number
    (count,) = counts.values()
    return count


def _pages(file: BinaryIO) -> Iterator[tuple[bytes, int, bytes, int]]:
    """Yield stream, number, table of sizes and begin of the content of each page, up to what is none."""
    at, end, has_ended = 0, file_size(file), False
    while at + _PAGE <= end:
        head = read_exactly(file, at, _PAGE)
        if not head.startswith(OGG):
            if not has_ended or OGG in read_exactly(file, at, min(MAX_PAGE, end - at)):
                raise TornError("no page")
            return  # what somebody put behind the film
        has_ended = bool(head[5] & _LAST)
        table = read_exactly(file, at + _PAGE, head[26])
        begin = at + _PAGE + len(table)
        yield head[14:18], int.from_bytes(head[18:22], "little"), table, begin
        at = begin + sum(table)


def asf_frames(file: BinaryIO) -> int:
    """Return how many media objects the one video stream of an ASF has, by their numbers (5.2).

    What a packet holds that makes no sense is passed over: the numbers behind it tell of the gap.
    """
    videos, packet = [], 0
    end = int.from_bytes(read_exactly(file, 16, 8), "little")
    at = 30
    while at + 24 <= end:
        size = int.from_bytes(read_exactly(file, at + 16, 8), "little")
        kind = read_exactly(file, at, 16)
        if kind == _ASF_FILE:
            packet = int.from_bytes(read_exactly(file, at + 92, 4), "little")
        elif kind == _ASF_STREAM and read_exactly(file, at + 24, 16) == _ASF_VIDEO:
            videos.append(read_exactly(file, at + 72, 1)[0] & 127)
        at += max(size, 24)
    (video,) = videos
    if not packet:
        raise ValueError("packets without a size")
    total = int.from_bytes(read_exactly(file, end + 40, 8), "little")
    last: int | None = None
    count = 0
    for number in range(total):
        begin = end + 50 + number * packet
        if begin + packet > file_size(file):
            break
        for stream, thing in _objects(read_exactly(file, begin, packet)):
            step = 1 if last is None else (thing - last) & 255
            if stream == video and 0 < step <= MAX_GAP:
                count, last = count + step, thing
    return count


def _objects(packet: bytes) -> list[tuple[int, int]]:
    """Return stream and number of each media object of which a packet holds a part; none of a broken one."""
    try:
        return list(_payloads(packet))
    except (IndexError, ValueError):
        return []


def _payloads(packet: bytes) -> Iterator[tuple[int, int]]:
    at = 1 + (packet[0] & 15) if packet[0] & 128 else 0
    sizes, forms = packet[at], packet[at + 1]
    at += 2 + sum(_width(sizes >> shift) for shift in (5, 1, 3)) + 6
    is_many = bool(sizes & 1)
    many = packet[at] if is_many else 1
    at += is_many
    for _ in range(many & 63):
        stream, thing = packet[at] & 127, packet[at + 1]
        at += 1 + _width(forms >> 4) + _width(forms >> 2)
        width = _width(forms)
        replicated = int.from_bytes(packet[at : at + width], "little")
        at += width
        if replicated == 1 or _width(forms >> 4) != 1:
            raise ValueError("media objects that cannot be told apart")
        yield stream, thing
        at += replicated
        if is_many:
            width = _width(many >> 6)
            at += width + int.from_bytes(packet[at : at + width], "little")


def _width(bits: int) -> int:
    """Return how many bytes a field has by the two bits that tell."""
    return (0, 1, 2, 4)[bits & 3]
