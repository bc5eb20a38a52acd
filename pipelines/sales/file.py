"""Where the desk's state and the events that are not delivered yet outlive a restart."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from pricing.live.sqlite_file import FileWords, SqliteFile, connect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_WORDS = FileWords("file of offers", "offers", "offers are kept in memory only")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS desk (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pin (seller TEXT PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS phone (key TEXT PRIMARY KEY, seller TEXT NOT NULL, since INTEGER NOT NULL);
"""


class SaleFile:
    """One SQLite file; nothing raises, a damaged file is moved aside. Any thread.

    A step's state and its events are written in one transaction that survives power loss. now: UTC ns.
    """

    def __init__(self, path: Path, now: Callable[[], int]) -> None:
        self._file = SqliteFile(
            path, partial(connect, schema=_SCHEMA, pragmas=("synchronous=FULL",)), now, _WORDS
        )
        self._file.open()

    def load(self) -> dict[str, Any] | None:
        """Return the state, None at first."""
        states: list[tuple[str]] = []

        def read(db: sqlite3.Connection) -> None:
            states[:] = db.execute("SELECT state FROM desk").fetchall()

        self._file.use(read)
        return json.loads(states[0][0]) if states else None

    def load_events(self, *, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Return number and payload of events not yet removed with numbers above `after`, in order."""
        found: list[tuple[int, str]] = []

        def read(db: sqlite3.Connection) -> None:
            query = "SELECT number, payload FROM event WHERE number > ? ORDER BY number LIMIT ?"
            found[:] = db.execute(query, (after, limit)).fetchall()

        self._file.use(read)
        return [(number, json.loads(payload)) for number, payload in found]

    def count_events(self) -> int:
        """Return how many events are not yet removed."""
        found = [0]

        def read(db: sqlite3.Connection) -> None:
            found[:] = db.execute("SELECT count(*) FROM event").fetchone()

        self._file.use(read)
        return found[0]

    def save(self, state: dict[str, Any], events: Sequence[tuple[int, dict[str, Any]]]) -> bool:
        """Write a step; return whether it is safe on disk."""
        rows = [(number, json.dumps(payload)) for number, payload in events]

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("INSERT OR REPLACE INTO desk VALUES (1, ?)", (json.dumps(state),))
                db.executemany("INSERT OR REPLACE INTO event VALUES (?, ?)", rows)

        return self._file.use(write)

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove events that are delivered."""
        rows = [(number,) for number in numbers]

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.executemany("DELETE FROM event WHERE number = ?", rows)

        self._file.use(write)

    def load_phones(self) -> list[tuple[str, str, int]]:
        """Return key, salesperson and UTC s of each phone that is signed in, oldest first."""
        found: list[tuple[str, str, int]] = []

        def read(db: sqlite3.Connection) -> None:
            found[:] = db.execute("SELECT key, seller, since FROM phone ORDER BY since, rowid").fetchall()

        self._file.use(read)
        return found

    def save_phones(self, phones: Iterable[tuple[str, str, int]]) -> None:
        """Write which phones are signed in."""
        rows = list(phones)

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("DELETE FROM phone")
                db.executemany("INSERT INTO phone VALUES (?, ?, ?)", rows)

        self._file.use(write)

    def load_pins(self) -> dict[str, str]:
        """Return the hashes of PINs that were set on the page, by salesperson."""
        found: list[tuple[str, str]] = []

        def read(db: sqlite3.Connection) -> None:
            found[:] = db.execute("SELECT seller, hash FROM pin").fetchall()

        self._file.use(read)
        return dict(found)

    def save_pin(self, seller: str, hash_: str | None) -> bool:
        """Write or remove the hash of a PIN; return whether that is safe on disk."""

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("DELETE FROM pin WHERE seller = ?", (seller,))
                if hash_ is not None:
                    db.execute("INSERT INTO pin VALUES (?, ?)", (seller, hash_))

        return self._file.use(write)

    def close(self) -> None:
        """Close; later calls do nothing."""
        self._file.close()
