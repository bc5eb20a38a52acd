"""Where the desk's state and the events that are not delivered yet outlive a restart."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelines.sales.last_places import LastPlace
from pricing.live.sqlite_file import FileWords, SqliteFile, connect, empty_log

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

_WORDS = FileWords("file of offers", "offers", "offers are kept in memory only")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS desk (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS pin (seller TEXT PRIMARY KEY, hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS phone (key TEXT PRIMARY KEY, seller TEXT NOT NULL, since INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS place
    (customer TEXT PRIMARY KEY, camera TEXT NOT NULL, box TEXT NOT NULL, seen INTEGER NOT NULL,
     served INTEGER NOT NULL);
"""
_PRAGMAS = ("synchronous=FULL", "secure_delete=ON", "wal_autocheckpoint=64")
"""What is deleted is overwritten, in the write-ahead log too: after so many pages, or with the last place."""


class SaleFile:
    """One SQLite file; nothing raises, a damaged file is moved aside. Any thread.

    A step's state and its events are written in one transaction that survives power loss. A change of PINs
    or phones that could not be written goes in before the next change that can be, or with the close.
    now_ns: UTC ns.
    """

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self._file = SqliteFile(path, partial(connect, schema=_SCHEMA, pragmas=_PRAGMAS), now_ns, _WORDS)
        self._due: dict[str, Callable[[sqlite3.Connection], None]] = {}
        self._due_lock = threading.Lock()
        self._file.open()

    def load(self) -> dict[str, Any] | None:
        """Return the state, None at first. Raises ValueError where the disk has changed it."""
        states: list[tuple[str]] = []

        def read(db: sqlite3.Connection) -> None:
            states[:] = db.execute("SELECT state FROM desk").fetchall()

        self._file.use(read)
        return json.loads(states[0][0]) if states else None

    def load_events(self, *, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Return number and payload of events not yet removed with numbers above `after`, in order.

        One that the disk has changed is removed: it would hold up all others.
        """
        found: list[tuple[int, str]] = []

        def read(db: sqlite3.Connection) -> None:
            query = "SELECT number, payload FROM event WHERE number > ? ORDER BY number LIMIT ?"
            found[:] = db.execute(query, (after, limit)).fetchall()

        self._file.use(read)
        events = [(number, _event(payload)) for number, payload in found]
        if damaged := [number for number, event in events if event is None]:
            logger.warning("%d sale events are damaged: they are left out", len(damaged))
            self.remove(damaged)
        return [(number, event) for number, event in events if event is not None]

    def last_number(self) -> int:
        """Return the highest number of an event that is not yet removed; 0 where there is none."""
        return self._number("SELECT coalesce(max(number), 0) FROM event")

    def count_events(self) -> int:
        """Return how many events are not yet removed."""
        return self._number("SELECT count(*) FROM event")

    def _number(self, query: str) -> int:
        """Return what a query for one number finds; 0 where the file cannot be read."""
        found = [0]

        def read(db: sqlite3.Connection) -> None:
            found[:] = db.execute(query).fetchone()

        self._file.use(read)
        return found[0]

    def save(
        self,
        state: dict[str, Any],
        events: Sequence[tuple[int, dict[str, Any]]],
        places: Mapping[str, LastPlace] | None = None,
    ) -> bool:
        """Write a step, and where customers are, unless None; return whether it is safe on disk."""
        rows = [(number, json.dumps(payload)) for number, payload in events]
        where = [
            (name, one.camera, json.dumps([round(side, 3) for side in one.box]), one.seen_at, one.served)
            for name, one in (places or {}).items()
        ]

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO desk VALUES (1, ?)", (json.dumps(state),))
            db.executemany("INSERT OR REPLACE INTO event VALUES (?, ?)", rows)
            if places is not None:
                db.execute("DELETE FROM place")
                db.executemany("INSERT INTO place VALUES (?, ?, ?, ?, ?)", where)

        saved = self._write(write)
        if saved and places is not None and not places:
            self._file.use(empty_log)
        return saved

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove events that are delivered."""
        rows = [(number,) for number in numbers]

        self._write(lambda db: db.executemany("DELETE FROM event WHERE number = ?", rows))

    def load_places(self) -> dict[str, LastPlace]:
        """Return where customers were last, by customer."""
        found: list[tuple[str, str, str, int, int]] = []

        def read(db: sqlite3.Connection) -> None:
            found[:] = db.execute("SELECT customer, camera, box, seen, served FROM place").fetchall()

        self._file.use(read)
        places = {}
        for customer, camera, box, seen, served in found:
            with contextlib.suppress(ValueError, TypeError):  # a damaged row must not keep the desk shut
                left, top, width, height = map(float, json.loads(box))
                places[customer] = LastPlace(camera, (left, top, width, height), int(seen), bool(served))
        return places

    def forget_places(self) -> None:
        """Delete where customers were."""
        self._write(lambda db: db.execute("DELETE FROM place"))
        self._file.use(empty_log)

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
            db.execute("DELETE FROM phone")
            db.executemany("INSERT INTO phone VALUES (?, ?, ?)", rows)

        self._write_or_owe("phones", write)

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
            db.execute("DELETE FROM pin WHERE seller = ?", (seller,))
            if hash_ is not None:
                db.execute("INSERT INTO pin VALUES (?, ?)", (seller, hash_))

        return self._write_or_owe(f"pin {seller}", write)

    def close(self) -> None:
        """Write what could not be written so far, and close; later calls do nothing."""
        if self._due:
            self._file.open()
            self._write(lambda _: None)
        self._file.close()

    def _write_or_owe(self, name: str, work: Callable[[sqlite3.Connection], None]) -> bool:
        """Write now, or before the next change: a PIN that was removed must not return from the file."""
        with self._due_lock:
            self._due.pop(name, None)
            self._due[name] = work
        return self._write(lambda _: None)

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> bool:
        """Run what is due, then `work`, in one transaction; return whether that is safe on disk."""
        due: dict[str, Callable[[sqlite3.Connection], None]] = {}

        def write(db: sqlite3.Connection) -> None:
            with self._due_lock:
                due.update(self._due)
            with db:
                for owed in due.values():
                    owed(db)
                work(db)

        if not self._file.use(write):
            return False
        with self._due_lock:
            self._due = {name: owed for name, owed in self._due.items() if due.get(name) is not owed}
        return True


def _event(text: str) -> dict[str, Any] | None:
    """Return a stored event; None where it is damaged."""
    try:
        event = json.loads(text)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
