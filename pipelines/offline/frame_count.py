"""How many frames a film's container holds, where that can be counted: whether all of them were read.

The time that a header announces does not tell: the last picture of a film may stand still for long. A film
that cannot be counted because its container is torn in the middle is told apart from one of another form.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from engines.file_type import HEAD_BYTES, JPEG, sniff
from pipelines.cameras.file_end import boxes, file_size, read_exactly
from pipelines.offline.ivf_count import IVF, ivf_frames
from pipelines.offline.packet_count import ASF, OGG, TornError, asf_frames, jpeg_frames, ogg_frames
from pipelines.offline.start_code_rule import breaks_start_code_rule
from pipelines.offline.transport_packets import breaks_packets

if TYPE_CHECKING:
    from collections.abc import Iterator

_EBML: Final = b"\x1a\x45\xdf\xa3"
_LEAST_ID: Final = 0x10
"""First byte of an identifier: it has at most four."""
_SEGMENT, _TRACKS, _TRACK, _CLUSTER = 0x18538067, 0x1654AE6B, 0xAE, 0x1F43B675
_NUMBER, _TYPE, _VIDEO = 0xD7, 0x83, 1
_FLV_TAGS, _FLV_VIDEO, _FLV_COMMAND, _FLV_AVC = (8, 9, 18), 9, 5, 7
MAX_SEARCHED: Final = 2**22
_SIMPLE_BLOCK, _GROUP, _BLOCK, _LACED = 0xA3, 0xA0, 0xA1, 6


def count_frames(path: Path | str) -> int | None:
    """Return how many frames the one video track of a film holds, in any container that is known here.

    None where there are several, none, or they cannot be counted: in a damaged file, mostly.
    """
    with contextlib.suppress(OSError, ValueError), Path(path).open("rb") as file:
        return _count(file) or None
    return None


def is_torn(path: Path | str) -> bool:
    """Return whether a film goes on behind a place at which its container, or bare stream, makes no sense."""
    try:
        with Path(path).open("rb") as file:
            if breaks_start_code_rule(file) or breaks_packets(file):
                return True
            _count(file)
    except TornError:
        return True
    except (OSError, ValueError):
        return False
    return False


def shows_each(path: Path | str) -> bool:
    """Return whether each picture that is counted must come out of a decoder: of IVF and MJPEG."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        head = file.read(HEAD_BYTES)
        return head.startswith(IVF) or sniff(head) is JPEG
    return False


def _count(file: BinaryIO) -> int:
    head = read_exactly(file, 0, 4)
    if sniff(read_exactly(file, 0, min(HEAD_BYTES, file_size(file)))) is JPEG:
        return jpeg_frames(file)
    return _COUNTERS.get(head, _flv_frames if head[:3] == b"FLV" else _movie_frames)(file)


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
    return count or sum(_fragment_frames(file))


def _fragment_frames(file: BinaryIO) -> Iterator[int]:
    """Yield how many samples each run of each fragment has (8.8.8); ValueError: of several tracks."""
    tracks = set()
    for kind, begin, end in boxes(file, 0, file_size(file)):
        parts = boxes(file, begin, end) if kind == b"moof" else ()
        for part, first, last in parts:
            for piece, at, _ in boxes(file, first, last) if part == b"traf" else ():
                if piece == b"tfhd":
                    tracks.add(read_exactly(file, at + 4, 4))
                if piece == b"trun":
                    yield int.from_bytes(read_exactly(file, at + 4, 4), "big")
    if len(tracks) > 1:
        raise ValueError("several tracks")


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


def _riff_frames(file: BinaryIO) -> int:
    """Return how many chunks of the one video stream an AVI holds; empty ones repeat a picture."""
    blocks, at, end = Counter[bytes](), 0, file_size(file)
    while at + 12 <= end:
        if read_exactly(file, at, 4) != b"RIFF":
            break  # what somebody put behind the film
        last = at + 8 + int.from_bytes(read_exactly(file, at + 4, 4), "little")
        for kind, begin, until in _chunks(file, at + 12, min(last, end)):
            if kind == b"LIST" and read_exactly(file, begin, 4) == b"movi":
                blocks.update(_video_chunks(file, begin + 4, until))
        at = last
    ((_, count),) = blocks.items()
    return count


def _video_chunks(file: BinaryIO, at: int, end: int) -> Iterator[bytes]:
    for kind, begin, until in _chunks(file, at, end):
        if kind == b"LIST" and read_exactly(file, begin, 4) == b"rec ":
            yield from _video_chunks(file, begin + 4, until)
        elif kind[2:] in (b"dc", b"db") and until > begin:
            yield kind[:2]


def _chunks(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin and end of each chunk's content; ValueError: none."""
    while at + 8 <= end:
        kind, length = read_exactly(file, at, 4), int.from_bytes(read_exactly(file, at + 4, 4), "little")
        if at + 8 + length > end or not kind.isascii():
            raise TornError("no chunk")
        yield kind, at + 8, at + 8 + length
        at += 8 + length + length % 2


def _flv_frames(file: BinaryIO) -> int:
    """Return how many tags hold a picture (Adobe FLV 10.1, E.4.3); ValueError where one is no tag."""
    at, end, count = int.from_bytes(read_exactly(file, 5, 4), "big") + 4, file_size(file), 0
    while at < end:
        kind, size = read_exactly(file, at, 1)[0], int.from_bytes(read_exactly(file, at + 1, 3), "big")
        if kind not in _FLV_TAGS or at + 11 + size > end:
            raise (TornError if _flv_goes_on(file, at, end) else ValueError)("no tag")
        if kind == _FLV_VIDEO and size > 2:
            form, packet = read_exactly(file, at + 11, 2)
            if form & 0x80:
                raise ValueError("a codec of later versions")
            count += form >> 4 != _FLV_COMMAND and (form & 15 != _FLV_AVC or packet == 1)
        at += 11 + size + 4
    return count


def _flv_goes_on(file: BinaryIO, at: int, end: int) -> bool:
    """Return whether a tag with its size behind it (E.3) stands soon after a place that is none."""
    data = read_exactly(file, at, min(end - at, MAX_SEARCHED))
    for kind in _FLV_TAGS:
        begin = data.find(kind, 1)
        while 0 <= begin <= len(data) - 15:
            size = int.from_bytes(data[begin + 1 : begin + 4], "big")
            behind = data[begin + 11 + size : begin + 15 + size]
            if not any(data[begin + 8 : begin + 11]) and int.from_bytes(behind, "big") == 11 + size:
                return True
            begin = data.find(kind, begin + 1)
    return False


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
        if read_exactly(file, at, 1)[0] < _LEAST_ID:
            raise TornError("no element")
        kind, at = _number(file, at, with_mark=True)
        size, after = _number(file, at)
        if size == (1 << 7 * (after - at)) - 1:
            raise ValueError("an element of unknown size")
        at = after
        if at + size > end:
            raise TornError("no element")
        yield kind, at, at + size
        at += size


def _number(file: BinaryIO, at: int, *, with_mark: bool = False) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    length = 9 - read_exactly(file, at, 1)[0].bit_length()
    number = int.from_bytes(read_exactly(file, at, length), "big")
    return number if with_mark else number & ((1 << 7 * length) - 1), at + length


_COUNTERS: Final = {
    _EBML: _matroska_frames,
    b"RIFF": _riff_frames,
    OGG: ogg_frames,
    ASF[:4]: asf_frames,
    IVF: ivf_frames,
}
