"""A film's first MiB is read; what lies across its end must not cost what was found before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cameras.program_stream import SEARCHED, stream_map

if TYPE_CHECKING:
    from pathlib import Path

PACK = b"\0\0\x01\xba" + bytes([0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xF8])


def packet(content: bytes) -> bytes:
    body = b"\x80\0\0" + content
    return PACK + b"\0\0\x01\xe0" + len(body).to_bytes(2, "big") + body


def test_a_header_across_the_end_of_what_is_read_leaves_the_film_readable(tmp_path: Path) -> None:
    """A recorder's packs have any length: one film in some hundred "had no video"."""
    film = tmp_path / "film.mpg"
    begin = packet(b"\0\0\0\x01\x67\x42" + b"\x11" * 40)
    for cut in range(30):
        data = begin
        while len(data) < SEARCHED - 4000:
            data += packet(b"\x22" * 1200)
        data += packet(b"\x22" * (SEARCHED - cut - len(data) - len(packet(b""))))
        film.write_bytes(data + packet(b"\x22" * 1200))
        assert stream_map(film) is not None, cut
