from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from pricing.live.sqlite_file import RETRY_NS, FileWords, SqliteFile, connect

if TYPE_CHECKING:
    from pathlib import Path

WORDS = FileWords("note file", "notes", "notes are not kept")
SCHEMA = "CREATE TABLE IF NOT EXISTS note (text TEXT)"


class Box:
    """A file of notes and its clock."""

    def __init__(self, path: Path) -> None:
        self.now = 10 * RETRY_NS
        self.opened = 0
        self.file = SqliteFile(path, lambda path: connect(path, SCHEMA), lambda: self.now, WORDS, self._count)

    def _count(self, _: sqlite3.Connection) -> None:
        self.opened += 1

    def note(self, text: str) -> bool:
        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("INSERT INTO note VALUES (?)", (text,))

        return self.file.use(write)

    def notes(self) -> list[str]:
        found: list[tuple[str]] = []
        assert self.file.use(lambda db: found.extend(db.execute("SELECT text FROM note").fetchall()))
        return [text for (text,) in found]


def test_work_on_a_file_that_is_damaged_while_open_is_repeated_with_a_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    box = Box(tmp_path / "notes.db")
    assert box.note("lost")
    broken = iter((True, False))

    def once(db: sqlite3.Connection) -> None:
        if next(broken):
            raise sqlite3.DatabaseError("database disk image is malformed")
        with db:
            db.execute("INSERT INTO note VALUES ('kept')")

    assert box.file.use(once)
    assert (box.notes(), box.opened) == (["kept"], 2)
    assert (tmp_path / "notes.damaged").is_file()
    assert "the note file" in caplog.text


def test_text_that_the_disk_has_changed_keeps_no_other_row_from_being_read(tmp_path: Path) -> None:
    box = Box(tmp_path / "notes.db")
    assert box.file.use(lambda db: db.execute("INSERT INTO note VALUES (CAST(x'61ff' AS TEXT))"))
    assert box.note("whole")
    assert box.notes() == ["a\ufffd", "whole"]


@pytest.mark.parametrize("later", [RETRY_NS, -RETRY_NS])  # the second: the clock was set back
def test_a_folder_that_is_missing_is_tried_again_after_a_while(tmp_path: Path, later: int) -> None:
    blocked = tmp_path / "folder"
    blocked.write_text("a file where the folder should be")
    box = Box(blocked / "notes.db")
    assert not box.note("one")
    blocked.unlink()
    assert not box.note("two")
    box.now += later
    assert box.note("three")
    assert box.notes() == ["three"]


def test_a_closed_file_stays_closed(tmp_path: Path) -> None:
    box = Box(tmp_path / "notes.db")
    assert box.note("one")
    box.file.close()
    box.file.open()
    assert not box.note("two")
