"""How long an MP4 and its video are by its header, and what is read in it instead, where that is needed.

GStreamer's MP4 demuxer (qtdemux, seen with 1.22) takes a video track of less than a fifth of the movie's
duration for a preview picture and leaves it out: a short film with a long sound track has no video then. And
of a film that was trimmed, so that an edit list skips its first pictures, it leaves out some at the end: it
compares times that count those with the movie's duration, which does not. Read with a longer duration in the
track's header, or in the movie's, each is a movie like any other. So it is with pictures out of order and no
edit list, of which the first is shown later than the movie begins: those that end behind it are left out. And
it does not know the later of the two names of DNxHD, whose decoder reads both.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import BinaryIO, Final

from pipelines.cameras.file_end import boxes, file_size, is_whole, read_exactly
from pipelines.cameras.file_patch import FilePatch
from pricing.plain_file import open_plain

LEAST_SHARE: Final = 5
"""The demuxer leaves a track out that is less than one part in so many of the movie."""
LEAST_SKIPPED_S: Final = 0.2
"""What an edit list skips for pictures out of order is less. The demuxer then leaves out something only where
a group of pictures begins so shortly before the end."""
LEAST_LEFT_OUT_S: Final = 0.02
"""What an edit list leaves out at the end is more: its times are rounded."""
_MAX_EDITS: Final = 64
MAX_OFFSETS: Final = 2**21
_KNOWN_NAMES: Final = {b"AVdh": b"AVdn"}
"""Names of codecs (SMPTE RDD 44: DNxHR), and those by which the demuxer knows them."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """What an edit list shows of a track: from where in it, for how long, and how much it leaves out, s.

    Where pictures are out of order it skips the time to the first, and leaves nothing out.
    """

    skipped_s: float
    shown_s: float
    hidden_s: float


def header_patches(path: Path | str) -> list[FilePatch]:
    """Return what is to be read in an MP4's header instead; nothing where all is right."""
    if not is_whole(path):
        return []  # the demuxer pulls it, which ends badly where the end is missing
    with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
        movie = _movie(file)
        if movie is not None:
            longer = _patch(file, *movie) or _patch_of_trimmed(file, *movie)
            return [*([longer] if longer else _order_of_late(file, *movie)), *_names(file, *movie)]
    return []


def begins_late(path: Path | str) -> bool:
    """Return whether an MP4 that is whole delays its video, as where its sound begins first.

    A demuxer that waits for data (GStreamer 1.26) then leaves out as much of its beginning.
    """
    if is_whole(path):
        with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
            for kind, first, last in boxes(file, *(_movie(file) or (0, 0))):
                is_video = kind == b"trak" and _video_header(file, first, last) is not None
                edits = _edit_list(file, first, last) if is_video else []
                if any(skipped < 0 < shown for skipped, shown in edits):
                    return True
    return False


def loses_pictures(path: Path | str) -> bool:
    """Return whether a demuxer that reads a movie without `header_patches` may leave pictures out."""
    if not header_patches(path):
        return False
    with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
        movie = _movie(file)
        return movie is not None and (
            _patch(file, *movie) is not None
            or any(edit.hidden_s >= LEAST_SKIPPED_S for edit in _trimmed(file, *movie))
        )
    return False


def trimmed_ns(path: Path | str) -> int | None:
    """Return how much an MP4 shows of its video that was trimmed at its beginning; None for another file."""
    with contextlib.suppress(OSError, ValueError), open_plain(Path(path)) as file:
        movie = _movie(file)
        edits = () if movie is None else _trimmed(file, *movie)
        for edit in edits:
            return round(edit.shown_s * 1e9)
    return None


def shows_all(path: Path | str) -> bool:
    """Return whether an MP4 shows all pictures of its video, by its edit lists; True for other files."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError), open_plain(Path(path)) as file:
        begin, end = _movie(file) or (0, 0)
        scale = 0
        for kind, first, last in boxes(file, begin, end):
            if kind == b"mvhd":
                _, _, scale, _ = _duration(file, first)
            elif kind == b"trak" and (media := _video_header(file, first, last)) is not None:
                _, _, media_scale, length = _duration(file, media)
                edits = _all_edits(file, first, last)
                late = _first_offset(file, (first, last)) if edits else 0  # nothing is shown before it
                skipped = (sum(at for at, _ in edits) - late) / media_scale
                shown = sum(shown for _, shown in edits) / scale
                if len(edits) > 1 or skipped >= LEAST_SKIPPED_S:
                    return False
                if edits and skipped + shown < length / media_scale - LEAST_LEFT_OUT_S:
                    return False
    return True


def _patch(file: BinaryIO, begin: int, end: int) -> FilePatch | None:
    movie_s, videos = 0.0, []
    for kind, first, last in boxes(file, begin, end):
        if kind == b"mvhd":
            _, _, scale, duration = _duration(file, first)
            movie_s = duration / scale
        elif kind == b"trak" and (media := _video_header(file, first, last)) is not None:
            videos.append(_duration(file, media))
    if not videos:
        return None
    at, width, scale, duration = max(videos, key=lambda video: video[3] / video[2])
    wanted = round(movie_s * scale)
    if not 0 < duration * LEAST_SHARE < wanted < 2 ** (8 * width) - 1:
        return None
    return FilePatch(at, wanted.to_bytes(width, "big"), width)


def _movie(file: BinaryIO) -> tuple[int, int] | None:
    found = (box for box in boxes(file, 0, file_size(file)) if box[0] == b"moov")
    return next(((first, last) for _, first, last in found), None)


def _patch_of_trimmed(file: BinaryIO, begin: int, end: int) -> FilePatch | None:
    """Return the movie's duration with what is skipped of its video; None where it is no shorter."""
    header = next((first for kind, first, _ in boxes(file, begin, end) if kind == b"mvhd"), None)
    if header is None:
        return None
    at, width, scale, duration = _duration(file, header)
    wanted = max(
        (ceil((edit.skipped_s + edit.shown_s) * scale) for edit in _trimmed(file, begin, end)), default=0
    )
    if not duration < wanted < 2 ** (8 * width) - 1:
        return None
    return FilePatch(at, wanted.to_bytes(width, "big"), width)


def _order_of_late(file: BinaryIO, begin: int, end: int) -> list[FilePatch]:
    """Return tables of offsets by which the first picture is at 0, where it is late and no edit list says so.

    8.6.1.3: how much later than it is decoded each picture is shown; in version 1 also how much earlier.
    """
    found = []
    for kind, first, last in boxes(file, begin, end):
        if kind != b"trak" or _video_header(file, first, last) is None or _all_edits(file, first, last):
            continue
        at = _tables(file, (first, last)).get(b"ctts")
        count = 0 if at is None else int.from_bytes(read_exactly(file, at + 4, 4), "big")
        if at is None or not 0 < count <= MAX_OFFSETS:
            continue
        entries = list(struct.iter_unpack(">Ii", read_exactly(file, at + 8, 8 * count)))
        late = entries[0][1]
        if late > 0 and min(offset for _, offset in entries) >= 0:
            moved = b"".join(struct.pack(">Ii", number, offset - late) for number, offset in entries)
            found += [FilePatch(at, b"\1", 1), FilePatch(at + 8, moved, len(moved))]
    return found


def _first_offset(file: BinaryIO, track: tuple[int, int]) -> int:
    """Return how much later than it is decoded the first picture of a track is shown, in its own time."""
    at = _tables(file, track).get(b"ctts")
    count = 0 if at is None else int.from_bytes(read_exactly(file, at + 4, 4), "big")
    return int.from_bytes(read_exactly(file, at + 12, 4), "big", signed=True) if at and count else 0


def _tables(file: BinaryIO, track: tuple[int, int]) -> dict[bytes, int]:
    """Return where the content of each table of a track begins (8.5)."""
    place = track
    for kind in (b"mdia", b"minf", b"stbl"):
        place = next(((a, b) for found, a, b in boxes(file, *place) if found == kind), (0, 0))
    return {kind: first for kind, first, _ in boxes(file, *place)}


def _names(file: BinaryIO, begin: int, end: int) -> list[FilePatch]:
    """Return the names of codecs that the demuxer knows under another name (8.5.2)."""
    found = []
    for kind, first, last in boxes(file, begin, end):
        tables = _tables(file, (first, last)) if kind == b"trak" else {}
        if b"stsd" in tables:
            at = tables[b"stsd"] + 12
            known = _KNOWN_NAMES.get(read_exactly(file, at, 4))
            found += [] if known is None else [FilePatch(at, known, len(known))]
    return found


def _trimmed(file: BinaryIO, begin: int, end: int) -> list[_Edit]:
    """Return what is shown of each video track of which a good part is skipped at the beginning."""
    found, scale = [], 0
    for kind, first, last in boxes(file, begin, end):
        if kind == b"mvhd":
            _, _, scale, _ = _duration(file, first)
        elif kind == b"trak" and (media := _video_header(file, first, last)) is not None:
            _, _, media_scale, told = _duration(file, media)
            whole = _lasts(file, (first, last)) or told
            for skipped, shown in _edits(file, first, last):
                share = skipped / whole if whole else 0.0
                is_long = skipped >= LEAST_SKIPPED_S * media_scale
                if scale and (is_long or (share and _ends_in_key(file, (first, last), share))):
                    hidden_s = whole / media_scale - shown / scale
                    found.append(_Edit(skipped / media_scale, shown / scale, hidden_s))
    return found


def _lasts(file: BinaryIO, track: tuple[int, int]) -> int:
    """Return how long the pictures of a track last together, in its own time; 0 where no table says it.

    8.6.1.2. Its header may tell otherwise: without what is skipped (FFmpeg 4.4), or a picture more (8).
    """
    at = _tables(file, track).get(b"stts")
    count = 0 if at is None else int.from_bytes(read_exactly(file, at + 4, 4), "big")
    if at is None or count > MAX_OFFSETS:
        return 0
    entries = struct.iter_unpack(">II", read_exactly(file, at + 8, 8 * count))
    return sum(pictures * each for pictures, each in entries)


def _ends_in_key(file: BinaryIO, track: tuple[int, int], share: float) -> bool:
    """Return whether a key picture stands within about twice a share of a track from its end (8.6.2)."""
    tables = _tables(file, track)
    if b"stsz" not in tables:
        return False
    count = int.from_bytes(read_exactly(file, tables[b"stsz"] + 8, 4), "big")
    last = count
    if b"stss" in tables:
        keys = int.from_bytes(read_exactly(file, tables[b"stss"] + 4, 4), "big")
        last = int.from_bytes(read_exactly(file, tables[b"stss"] + 4 + 4 * keys, 4), "big") if keys else 0
    return count - last <= 2 * share * count + 4


def _edits(file: BinaryIO, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the edit of a track that has only one."""
    found = _all_edits(file, begin, end)
    return found if len(found) == 1 else []


def _all_edits(file: BinaryIO, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the edits of a track that show something: from where, in its own time, and how long."""
    found = _edit_list(file, begin, end)
    return [(skipped, shown) for skipped, shown in found if skipped >= 0 and shown > 0]  # 0: as in fragments


def _edit_list(file: BinaryIO, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the edits of a track (8.6.6): from where, in its own time, and how long, in the movie's.

    An empty one, which delays the track, is from -1.
    """
    for outer, first, last in boxes(file, begin, end):
        for kind, at, _ in boxes(file, first, last) if outer == b"edts" else ():
            if kind != b"elst":
                continue
            width = 8 if read_exactly(file, at, 1) == b"\1" else 4
            found = []
            for entry in range(min(int.from_bytes(read_exactly(file, at + 4, 4), "big"), _MAX_EDITS)):
                place = at + 8 + entry * (2 * width + 4)
                shown = int.from_bytes(read_exactly(file, place, width), "big")
                skipped = int.from_bytes(read_exactly(file, place + width, width), "big", signed=True)
                found.append((skipped, shown))
            return found
    return []


def _duration(file: BinaryIO, at: int) -> tuple[int, int, int, int]:
    """Return place and width of the duration in an mvhd or mdhd, the time scale, and the duration."""
    wide = read_exactly(file, at, 1) == b"\1"
    scale_at, width = (at + 20, 8) if wide else (at + 12, 4)
    scale = int.from_bytes(read_exactly(file, scale_at, 4), "big")
    if not scale:
        raise ValueError("no time scale")
    return scale_at + 4, width, scale, int.from_bytes(read_exactly(file, scale_at + 4, width), "big")


def _video_header(file: BinaryIO, begin: int, end: int) -> int | None:
    """Return where the content of a track's mdhd begins; None where it is no video."""
    media = next((box for box in boxes(file, begin, end) if box[0] == b"mdia"), None)
    if media is None:
        return None
    parts = {kind: first for kind, first, _ in boxes(file, media[1], media[2])}
    if b"hdlr" not in parts or read_exactly(file, parts[b"hdlr"] + 8, 4) != b"vide":
        return None
    return parts.get(b"mdhd")
