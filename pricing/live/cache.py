"""Answers of price services on disk: a history to audit, and the belief that follows from it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from pricing.live.remembered import Answer, Known, Result, Thing, learn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date
    from pathlib import Path

log = logging.getLogger(__name__)

_RESULTS = frozenset(result.value for result in Result)
HISTORY = 20
"""Answers kept of one thing."""
WAL_BYTES = 4_000_000
RETRY_NS = 30_000_000_000
_COLUMNS = "brand, type, model, at, result, amount_minor, min_minor, max_minor, currency, source, detail"
_SAME = "brand = :brand AND type = :type AND model = :model"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answer (
    id INTEGER PRIMARY KEY, brand TEXT NOT NULL, type TEXT NOT NULL, model TEXT NOT NULL, at INTEGER NOT NULL,
    result TEXT NOT NULL, amount_minor INTEGER NOT NULL, min_minor INTEGER NOT NULL,
    max_minor INTEGER NOT NULL, currency TEXT NOT NULL, source TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answer_thing ON answer (brand, type, model, id);
CREATE TABLE IF NOT EXISTS spent (day TEXT PRIMARY KEY, questions INTEGER NOT NULL) WITHOUT ROWID;
"""


class PriceCache:
    """A bounded database of answers that outlives the process and power loss.

    `put` has written to disk when it returns True. A damaged file is moved aside and a new one begun; while
    the disk is full or gone, nothing is kept and nothing raises. Any thread may call.

    limit_bytes: of the database; the oldest answers go first. now: UTC ns.
    """

    def __init__(self, path: Path, limit_bytes: int, now: Callable[[], int]) -> None:
        self._path = path
        self._limit = limit_bytes
        self._now = now
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._retry_at = 0
        self._failing = False
        with self._lock:
            self._open()

    def believed(self, currency: str) -> dict[Thing, Known]:
        """Return what all kept answers in a currency add up to."""
        known: dict[Thing, Known] = {}

        def read(db: sqlite3.Connection) -> None:
            query = f"SELECT {_COLUMNS} FROM answer WHERE currency = ? ORDER BY id"  # noqa: S608 a constant
            for answer in _answers(db.execute(query, (currency,))):
                known[answer.thing] = learn(known.get(answer.thing), answer)

        self._try(read)
        return known

    def put(self, answer: Answer) -> bool:
        """Write an answer, then make room; tell whether it is safe on disk."""

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute(f"INSERT INTO answer ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", _row(answer))  # noqa: S608
                db.execute(
                    f"DELETE FROM answer WHERE {_SAME} AND id <= "  # noqa: S608 a constant
                    f"(SELECT id FROM answer WHERE {_SAME} ORDER BY id DESC LIMIT 1 OFFSET :kept)",
                    {**asdict(answer.thing), "kept": HISTORY},
                )
            self._make_room(db)

        return self._try(write)

    def spend(self, day: date) -> None:
        """Count a question before it is asked, so that a crash loop cannot overspend."""

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("DELETE FROM spent WHERE day <> ?", (str(day),))
                db.execute(
                    "INSERT INTO spent VALUES (?, 1)"
                    " ON CONFLICT (day) DO UPDATE SET questions = questions + 1",
                    (str(day),),
                )

        self._try(write)

    def spent(self, day: date) -> int:
        """Return how many questions were counted on a day."""
        found: list[tuple[int]] = []
        query = "SELECT questions FROM spent WHERE day = ?"
        self._try(lambda db: found.extend(db.execute(query, (str(day),)).fetchall()))
        return found[0][0] if found else 0

    def close(self) -> None:
        """Close; later calls do nothing."""
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db, self._retry_at = None, 2**63

    def _make_room(self, db: sqlite3.Connection) -> None:
        while self._used(db) > self._limit:
            with db:
                gone = db.execute(
                    "DELETE FROM answer WHERE id IN (SELECT id FROM answer ORDER BY id"
                    " LIMIT 1 + (SELECT count(*) FROM answer) / 16)"
                ).rowcount
            if gone <= 0:
                return

    @staticmethod
    def _used(db: sqlite3.Connection) -> int:
        size, pages, free = (
            int(db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        return size * (pages - free)

    def _try(self, use: Callable[[sqlite3.Connection], None]) -> bool:
        with self._lock:
            if self._db is None and self._now() >= self._retry_at:
                self._open()
            if self._db is None:
                return False
            try:
                use(self._db)
            except sqlite3.OperationalError as error:
                self._let_go(error)
                return False
            except sqlite3.DatabaseError:
                self._move_aside()
                return False
            if self._failing:
                self._failing = False
                log.info("prices are kept on disk again: %s", self._path)
            return True

    def _open(self) -> None:
        for _ in range(2):
            try:
                self._db = _connected(self._path)
            except (sqlite3.OperationalError, OSError) as error:
                self._let_go(error)
                return
            except sqlite3.DatabaseError:
                self._move_aside()
                continue
            return

    def _let_go(self, error: Exception) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        self._retry_at = self._now() + RETRY_NS
        if not self._failing:
            self._failing = True
            log.error("prices are not kept, the file %s cannot be used: %s", self._path, error)

    def _move_aside(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        aside = self._path.with_suffix(".damaged")
        log.error("the price file %s is damaged; it is now %s and a new one begins", self._path, aside)
        try:
            self._path.replace(aside)
            for extra in ("-wal", "-shm"):
                self._path.with_name(self._path.name + extra).unlink(missing_ok=True)
        except OSError as error:
            self._let_go(error)


def history(path: Path, thing: Thing) -> list[Answer]:
    """Return the kept answers about a thing, oldest first, while another process may be writing.

    Raises sqlite3.Error or OSError where the file cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file")
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
    try:
        query = f"SELECT {_COLUMNS} FROM answer WHERE {_SAME} ORDER BY id"  # noqa: S608
        return list(_answers(db.execute(query, asdict(thing))))
    finally:
        db.close()


def _connected(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    db = sqlite3.connect(path, timeout=2, check_same_thread=False)
    try:
        # FULL: what was committed survives power loss; NORMAL would lose the last answers in WAL mode.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"journal_size_limit={WAL_BYTES}"):
            db.execute(f"PRAGMA {pragma}")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("database disk image is malformed")
        db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _row(answer: Answer) -> tuple[object, ...]:
    return (
        answer.thing.brand,
        answer.thing.type,
        answer.thing.model,
        answer.at,
        answer.result.value,
        answer.amount_minor,
        answer.min_minor,
        answer.max_minor,
        answer.currency,
        answer.source,
        answer.detail,
    )


def _answers(
    rows: Iterable[tuple[str, str, str, int, str, int, int, int, str, str, str]],
) -> Iterator[Answer]:
    for brand, type_, model, at, result, amount, low, high, currency, source, detail in rows:
        if result not in _RESULTS:
            continue
        thing = Thing(brand, type_, model)
        yield Answer(thing, at, Result(result), amount, low, high, currency, source, detail)
