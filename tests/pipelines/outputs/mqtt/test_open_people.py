"""Who is open at the receiver, kept in a file that outlives cut-off writes, damage and a full disk."""

from __future__ import annotations

import errno
import os
import random
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.outputs.mqtt.open_people import FILE_BYTES, HALF_BYTES, MAX_AGE_NS, MAX_PEOPLE, OpenPeople

if TYPE_CHECKING:
    from pathlib import Path

ENDED = b'{"type":"person.ended"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool.people"


class Kept:
    """The file, with a clock that stands still."""

    def __init__(self, path: Path) -> None:
        self.now = 0
        self.file = OpenPeople(path, lambda: self.now)
        self.file.open()


def found(path: Path) -> dict[str, bytes]:
    kept = Kept(path)
    kept.file.close()
    return kept.file.people


def test_it_outlives_the_process_in_a_file_of_one_size_for_this_user_alone(path: Path) -> None:
    kept = Kept(path)
    kept.file.note({"door/a": b"1", "door/b": b"1"})
    kept.file.note({"door/a": b"2", "door/b": None})
    assert found(path) == {"door/a": b"2"}
    assert (path.stat().st_size, stat.S_IMODE(path.stat().st_mode)) == (FILE_BYTES, 0o600)
    kept.now = MAX_AGE_NS
    kept.file.note({})
    assert found(path) == {}


@pytest.mark.parametrize("cut", [0, 5, 12, 19, 30])
def test_a_write_that_was_cut_off_leaves_the_one_before(path: Path, cut: int) -> None:
    kept = Kept(path)
    kept.file.note({"door/a": b"1"})
    kept.file.note({"door/a": b"2"})
    raw = path.read_bytes()
    halves = [raw[:HALF_BYTES], raw[HALF_BYTES:]]
    newest = 0  # the second write
    halves[newest] = halves[newest][:cut] + os.urandom(40) + halves[newest][cut + 40 :]
    path.write_bytes(b"".join(halves))
    assert found(path) == {"door/a": b"1"}


@given(st.binary(max_size=200), st.integers(0, FILE_BYTES - 200))
@settings(max_examples=50, deadline=None)
def test_damage_never_raises(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.people"
    kept = Kept(path)
    kept.file.note({"door/a": b"1"})
    with path.open("r+b") as file:
        file.seek(at)
        file.write(junk)
    assert found(path) in ({"door/a": b"1"}, {})
    path.write_bytes(junk)
    assert found(path) == {}
    path.unlink()


def test_it_is_bounded_and_ends_go_first(path: Path) -> None:
    kept = Kept(path)
    kept.file.note({"door/left": ENDED})
    kept.file.note({f"door/{n}": b"%d" % n for n in range(MAX_PEOPLE)})
    assert list(found(path)) == [f"door/{n}" for n in range(MAX_PEOPLE)]
    dice = random.Random(1)
    kept.file.note({f"till/{n}": dice.randbytes(1000).hex().encode() for n in range(60)})
    assert 20 < len(found(path)) < 60
    assert "till/59" in found(path)
    assert path.stat().st_size == FILE_BYTES


def test_a_full_disk_takes_it_and_a_file_that_cannot_be_written_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, write, is_only_full = Kept(path), os.pwrite, True

    def on_full_disk(fd: int, data: bytes, at: int) -> int:
        if not is_only_full or at + len(data) > os.fstat(fd).st_size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data, at)

    monkeypatch.setattr(os, "pwrite", on_full_disk)
    kept.file.note({"door/a": b"1"})
    kept.file.note({"door/a": b"2"})
    assert found(path) == {"door/a": b"2"}
    is_only_full = False  # nothing can be written at all
    kept.file.note({"door/a": b"3"})
    kept.file.note({"door/a": b"4"})
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    monkeypatch.setattr(os, "pwrite", write)
    kept.file.note({"door/a": b"5"})
    assert found(path) == {"door/a": b"5"}


@pytest.mark.parametrize("damaged", [0, HALF_BYTES])
def test_nothing_of_anybody_is_left_in_the_file_when_all_have_left(path: Path, damaged: int) -> None:
    kept = Kept(path)
    body = random.Random(1).randbytes(50).hex().encode()
    kept.file.note({"door/a": body, "door/b": body})
    kept.file.note({"door/a": None})
    kept.file.note({"door/b": None})
    raw = bytearray(path.read_bytes())
    assert raw.count(0) > FILE_BYTES - 100
    raw[damaged : damaged + HALF_BYTES] = bytes(HALF_BYTES)
    path.write_bytes(raw)
    assert found(path) == {}


def test_times_follow_the_clock(path: Path) -> None:
    kept = Kept(path)
    kept.file.note({"door/a": b'{"occurred_at":"2026-11-22T10:31:07.962Z"}', "door/b": b"no event"})
    kept.file.shift(1_000_000_000)
    assert found(path) == {"door/a": b'{"occurred_at":"2026-11-22T10:31:08.962Z"}', "door/b": b"no event"}


def test_a_file_that_comes_back_does_not_bring_back_who_has_gone_meanwhile(path: Path) -> None:
    kept = Kept(path)
    kept.file.note({"door/a": b"1", "door/b": b"1"})
    kept.file.close()
    away = path.with_name("away")
    path.rename(away)
    path.mkdir()  # the file cannot be opened
    kept.file.note({"door/a": None})
    path.rmdir()
    away.rename(path)
    kept.file.note({"door/b": b"2"})
    assert found(path) == {"door/b": b"2"}


def test_a_file_that_is_older_than_it_has_to_be_names_nobody(path: Path) -> None:
    kept = Kept(path)
    kept.file.note({"door/a": b"1"})
    again = OpenPeople(path, lambda: 0)
    again.open(kept.file.generation + 1)
    assert again.people == {}
    again.note({"door/b": b"1"})
    assert found(path) == {"door/b": b"1"}
