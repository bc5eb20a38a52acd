"""Answers of price services on disk: a history to audit, and the belief that follows from it."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING

from pricing.live.remembered import Answer, PriceBelief, Result, Thing, updated
from pricing.live.sqlite_file import FileWords, SqliteFile, connect, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date
    from pathlib import Path

_RESULTS = frozenset(result.value for result in Result)
_DAY_NS = 86_400 * 1_000_000_000
HISTORY = 20
"""Answers kept of one thing."""
SPENT_DAYS = 30
"""Days of which the number of questions is kept."""
_WORDS = FileWords("price file", "prices", "prices are not kept")
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

    limit_bytes: of the database; the oldest answers go first. now_ns: UTC ns. max_days: answers that
    are older by expiry_ns, UTC ns, or else by now_ns, go.
    """

    def __init__(
        self,
        path: Path,
        limit_bytes: int,
        now_ns: Callable[[], int],
        *,
        expiry_ns: Callable[[], int] | None = None,
        max_days: int | None = None,
    ) -> None:
        self._limit, self._expiry_ns, self._max_days = limit_bytes, expiry_ns or now_ns, max_days
        self._file = SqliteFile(path, _connect, now_ns, _WORDS)
        self._file.open()
        self.expire()

    def expire(self) -> None:
        """Delete the answers that have had their time."""
        if self._max_days is None:
            return
        oldest = self._expiry_ns() - self._max_days * _DAY_NS

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute("DELETE FROM answer WHERE at < ?", (oldest,))

        self._file.use(write)

    def believed(self, currency: str) -> dict[Thing, PriceBelief]:
        """Return the belief on each item from all cached answers in a currency."""
        beliefs: dict[Thing, PriceBelief] = {}

        def read(db: sqlite3.Connection) -> None:
            query = f"SELECT {_COLUMNS} FROM answer WHERE currency = ? ORDER BY id"  # noqa: S608 a constant
            for answer in _answers(db.execute(query, (currency,))):
                beliefs[answer.thing] = updated(beliefs.get(answer.thing), answer)

        self._file.use(read)
        return beliefs

    def put(self, answer: Answer) -> bool:
        """Write an answer, then delete old ones; return whether it is safe on disk."""

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute(f"INSERT INTO answer ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", _row(answer))  # noqa: S608
                db.execute(
                    f"DELETE FROM answer WHERE {_SAME} AND id <= "  # noqa: S608 a constant
                    f"(SELECT id FROM answer WHERE {_SAME} ORDER BY id DESC LIMIT 1 OFFSET :kept)",
                    {**asdict(answer.thing), "kept": HISTORY},
                )
            self._make_room(db)

        return self._file.use(write)

    def spend(self, day: date) -> None:
        """Count a request before it is sent, so that a crash loop cannot overspend."""

        def write(db: sqlite3.Connection) -> None:
            with db:
                db.execute(
                    "INSERT INTO spent VALUES (?, 1)"
                    " ON CONFLICT (day) DO UPDATE SET questions = questions + 1",
                    (str(day),),
                )
                # Not all other days: while the clock is wrong, the true day would begin anew.
                db.execute(
                    "DELETE FROM spent WHERE day <> ? AND day NOT IN"
                    " (SELECT day FROM spent ORDER BY day DESC LIMIT ?)",
                    (str(day), SPENT_DAYS),
                )

        self._file.use(write)

    def spent(self, day: date) -> int:
        """Return how many questions were counted on a day."""
        found: list[tuple[int]] = []
        query = "SELECT questions FROM spent WHERE day = ?"
        self._file.use(lambda db: found.extend(db.execute(query, (str(day),)).fetchall()))
        return found[0][0] if found else 0

    def close(self) -> None:
        """Close; later calls do nothing."""
        self._file.close()

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


def history(path: Path, thing: Thing) -> list[Answer]:
    """Return the cached answers about an item, oldest first; another process may be writing.

    Raises sqlite3.Error or OSError where the file cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(2, "there is no such file")
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
    db.text_factory = read_text
    try:
        query = f"SELECT {_COLUMNS} FROM answer WHERE {_SAME} ORDER BY id"  # noqa: S608
        return list(_answers(db.execute(query, asdict(thing))))
    finally:
        db.close()


def _connect(path: Path) -> sqlite3.Connection:
    # FULL: what was committed survives power loss; NORMAL would lose the last answers in WAL mode.
    return connect(path, _SCHEMA, ("synchronous=FULL",))


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
