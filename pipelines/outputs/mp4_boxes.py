"""Fragmented MP4 of one H.264 track, one picture a fragment (ISO/IEC 14496-12 and 14496-15).

GStreamer's mp4mux would hold pictures back, to know how long each lasts. Live, a picture goes out at once
and is said to last LASTS: until the next one replaces it. A player's clock then does not starve at the live
edge, and a camera that leaves some out makes no gap; browsers answer a gap of more than twice a frame's
duration by waiting for the next keyframe (W3C Media Source Extensions, coded frame processing).
"""

from __future__ import annotations

import struct

TIMESCALE = 1_000_000
"""Units of media time in a second."""
LASTS = TIMESCALE
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC, _NO_SYNC = 0x02000000, 0x01010000


def codecs(avcc: bytes) -> str:
    """Return the name of the codec for a media type (RFC 6381), from its AVCDecoderConfigurationRecord."""
    return f"avc1.{avcc[1:4].hex().upper()}"


def init_segment(avcc: bytes, size: tuple[int, int]) -> bytes:
    """Return what comes before all fragments. size: width and height, px."""
    wide, tall = size
    entry = struct.pack(">6xH16xHHIIIH32xHh", 1, wide, tall, 0x480000, 0x480000, 0, 1, 24, -1)
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1) + _box(b"avc1", entry + _box(b"avcC", avcc))),
        *(_full(name, bytes(4)) for name in (b"stts", b"stsc")),
        _full(b"stsz", bytes(8)),
        _full(b"stco", bytes(4)),
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, TIMESCALE, 0, 0x55C4, 0)),
        _full(b"hdlr", struct.pack(">I4s12x", 0, b"vide") + b"\0"),
        _box(
            b"minf",
            _full(b"vmhd", bytes(8), flags=1),
            _box(b"dinf", _full(b"dref", struct.pack(">I", 1) + _full(b"url ", flags=1))),
            table,
        ),
    )
    head = struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, 0, 0, 0, 0, 0) + _MATRIX
    track = _box(b"trak", _full(b"tkhd", head + struct.pack(">II", wide << 16, tall << 16), flags=3), media)
    movie = struct.pack(">IIIIIH10x", 0, 0, 1000, 0, 0x10000, 0x100) + _MATRIX + bytes(24)
    return _box(b"ftyp", b"iso5", bytes(4), b"iso5iso6mp41") + _box(
        b"moov",
        _full(b"mvhd", movie + struct.pack(">I", 2)),
        track,
        _box(b"mvex", _full(b"trex", struct.pack(">IIIII", 1, 1, LASTS, 0, 0))),
    )


def fragment(number: int, at: int, picture: bytes, *, keyframe: bool) -> bytes:
    """Return one picture. number: from 1. at: its media time. picture: NAL units, each after its length."""

    def movie(offset: int) -> bytes:
        sample = struct.pack(">IiII", 1, offset, len(picture), _SYNC if keyframe else _NO_SYNC)
        return _box(
            b"moof",
            _full(b"mfhd", struct.pack(">I", number)),
            _box(
                b"traf",
                _full(b"tfhd", struct.pack(">I", 1), flags=0x020000),
                _full(b"tfdt", struct.pack(">Q", at), version=1),
                _full(b"trun", sample, flags=0x000601),
            ),
        )

    return movie(len(movie(0)) + 8) + _box(b"mdat", picture)


def _box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def _full(name: bytes, body: bytes = b"", *, version: int = 0, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), body)
