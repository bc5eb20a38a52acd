"""Bare H.264 and H.265: what no encoder writes into a picture is seen, and what it may write is not."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from pipelines.offline import start_code_rule
from pipelines.offline.frame_count import is_torn
from pipelines.offline.start_code_rule import breaks_start_code_rule

if TYPE_CHECKING:
    from pathlib import Path

START = b"\0\0\1"
PICTURE = b"\x88\x84\0\0\x03\0\x21\0\0\x03\x03\x7f" * 9
ZEROS_BETWEEN = b"\0" * 40 + START + b"\x41\x01"
STREAMS = {
    "h264": (b"\0\0\0\1\x67\x42\x00\x1e", b"\x65", b"\x06"),
    "h265": (b"\0\0\0\1\x40\x01\x0c\x01", b"\x26\x01", b"\x4e\x01"),
}


def film(kind: str, inside: bytes, user_data: bytes = b"\x05\x80") -> bytes:
    """Return a stream of two pictures; inside: what stands in the first one."""
    head, picture, data = STREAMS[kind]
    units = (picture + PICTURE + inside + PICTURE, data + user_data, picture + PICTURE)
    return head + b"".join(START + unit for unit in units)


@pytest.mark.parametrize("block", [7, 2**20])
@pytest.mark.parametrize("inside", [b"\0" * 3 + b"\x05", b"\0" * 500 + b"\x80", b"\0\0\x02", b"\0\0\x03\x04"])
@pytest.mark.parametrize("kind", STREAMS)
def test_what_no_picture_may_hold_is_seen(
    monkeypatch: pytest.MonkeyPatch, kind: str, inside: bytes, block: int
) -> None:
    monkeypatch.setattr(start_code_rule, "_BLOCK", block)
    assert breaks_start_code_rule(BytesIO(film(kind, inside)))


@pytest.mark.parametrize("block", [7, 2**20])
@pytest.mark.parametrize("inside", [b"", b"\0\0\x03\x01", b"\0\0\x03\0\0\x03\x02", ZEROS_BETWEEN])
@pytest.mark.parametrize("kind", STREAMS)
def test_escapes_zeros_between_and_a_cameras_own_data_are_no_damage(
    monkeypatch: pytest.MonkeyPatch, kind: str, inside: bytes, block: int
) -> None:
    monkeypatch.setattr(start_code_rule, "_BLOCK", block)
    whole = film(kind, inside, user_data=b"camera\0\0\0\0\x09own" * 3)
    assert not breaks_start_code_rule(BytesIO(whole + bytes(100)))


@pytest.mark.parametrize("kind", STREAMS)
def test_a_start_code_right_behind_an_escape_ends_the_picture(kind: str) -> None:
    head, picture, data = STREAMS[kind]
    ends_with_zeros = picture + PICTURE + b"\0\0\x03"
    units = (ends_with_zeros, data + b"camera\0\0\0\0\x09own", picture + PICTURE)
    assert not breaks_start_code_rule(BytesIO(head + b"".join(START + unit for unit in units)))


@pytest.mark.parametrize(
    "head", [b"\0\0\x01\xb3", b"\0\0\x01\xba", b"\0\0\x01\xb0", b"\0\0\0\x20ftyp", b"GIF89a"]
)
def test_other_films_have_rules_of_their_own(head: bytes) -> None:
    assert not breaks_start_code_rule(BytesIO(head + b"\0\0\1\x65" + b"\x01\0\0\0\0\x07" * 9))


def test_a_short_file_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "film.h264"
    path.write_bytes(b"\0\0\1")
    assert not is_torn(path)
    path.write_bytes(film("h264", b"\0\0\0\x05"))
    assert is_torn(path)
