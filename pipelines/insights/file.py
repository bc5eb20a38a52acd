"""Where the counts of quarters of an hour are kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pricing.insights.cells import CountCell
from pricing.live.sqlite_file import FileWords, SqliteFile, connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

_WORDS = FileWords("file of insights", "insights", "insights are not kept")
_SPAN = "SELECT * FROM cell WHERE end > ? AND end <= ? "
_WITHOUT_PLACES = "AND measure != 'place' "
_PLACES = (
    "SELECT measure, key, min(start), max(end), sum(count), NULL FROM cell "
    "WHERE end > ? AND end <= ? AND measure = 'place' GROUP BY key"
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS cell (
  measure TEXT NOT NULL, key TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
  count INTEGER NOT NULL, total INTEGER);
CREATE INDEX IF NOT EXISTS cell_end ON cell (end);
"""


class InsightsFile:
    """One SQLite file of cells; nothing raises, a damaged file is moved aside. Any thread. now_ns: UTC ns."""

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self._file = SqliteFile(
            path, partial(connect, schema=_SCHEMA, pragmas=("synchronous=NORMAL",)), now_ns, _WORDS
        )
        self._file.open()

    def add(self, cells: Iterable[CountCell]) -> bool:
        """Write cells; return whether they are kept."""
        rows = [(c.measure, c.key, c.start, c.end, c.count, c.total) for c in cells]

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.executemany("INSERT INTO cell VALUES (?, ?, ?, ?, ?, ?)", rows)

        return self._file.use(write)

    def read(self, start: int, end: int, *, places: bool = True) -> list[CountCell]:
        """Return the cells that were closed after `start` and not after `end`, UTC s, oldest first.

        places: with those of heat maps, which are nearly all; see `places`.
        """
        return self._cells(_SPAN + ("" if places else _WITHOUT_PLACES) + "ORDER BY end, rowid", start, end)

    def places(self, start: int, end: int) -> list[CountCell]:
        """Return the cells of heat maps, those of the same place in one: few, however many days."""
        return self._cells(_PLACES, start, end)

    def _cells(self, query: str, start: int, end: int) -> list[CountCell]:
        found: list[CountCell] = []

        def read(db: sqlite3.Connection) -> None:
            found[:] = [CountCell(*row) for row in db.execute(query, (start, end))]

        self._file.use(read)
        return found

    def names(self) -> list[tuple[str, str]]:
        """Return measure and class of all that was ever counted and is kept."""
        found: list[tuple[str, str]] = []

        def read(db: sqlite3.Connection) -> None:
            found[:] = db.execute("SELECT DISTINCT measure, key FROM cell").fetchall()

        self._file.use(read)
        return found

    def forget(self, before: int) -> None:
        """Delete what was closed before this, UTC s."""

        def delete(db: sqlite3.Connection) -> None:
            with db:
                db.execute("DELETE FROM cell WHERE end < ?", (before,))

        self._file.use(delete)

    def close(self) -> None:
        """Close; later calls do nothing."""
        self._file.close()
