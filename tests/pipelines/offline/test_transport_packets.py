"""MPEG transport streams: bytes that are no packet are seen, and what joins and copies leave is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelines.offline.frame_count import is_torn

if TYPE_CHECKING:
    from pathlib import Path

TIME = b"time"
BROKEN = b"\x55" * 188
JUNK = b"no packet" * 100


def packets(count: int, timed: bool) -> bytes:
    """Return so many packets, of 192 bytes where each has a time before it."""
    return count * (TIME * timed + b"\x47" + b"\x11" * 187)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize(
    ("between", "is_damage"),
    [
        (b"", False),
        (b"\x47" + b"\x11" * 90, False),
        (BROKEN, True),
        (500 * BROKEN, True),
        (b"\x47" + b"\x11" * 90 + BROKEN, True),
        (bytes(5000), True),
    ],
)
def test_what_is_no_packet_is_damage_where_packets_go_on(
    tmp_path: Path, between: bytes, is_damage: bool, timed: bool
) -> None:
    path = tmp_path / "x.ts"
    path.write_bytes(
        packets(9000, timed) + TIME * (timed and between != b"") + between + packets(100, timed) + JUNK
    )
    assert is_torn(path) == is_damage


@pytest.mark.parametrize("head", [b"", JUNK, BROKEN * 90])
def test_what_has_no_packets_at_its_begin_is_another_film(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "x.ts"
    path.write_bytes(head + packets(20 if not head else 100, timed=False))
    assert not is_torn(path)
