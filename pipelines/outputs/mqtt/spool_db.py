"""One SQLite database of messages: the tables and transactions below the spool."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pricing.live.sqlite_file import connect, empty_log
from probes.events.messages import MessageKind, moved_in_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

ROW_BYTES = 96
"""What a row costs beyond topic and payload: ids, numbers, two index entries, page slack."""

# What goes first when space is short; state-carrying updates are replaced by the next one anyway.
RANKS = {MessageKind.UPDATED: 0, MessageKind.STARTED: 1, MessageKind.ENDED: 2, MessageKind.NOTIFY: 3}
RANKS[MessageKind.SALE] = 4  # each step once, and there is no other way to learn of it
RANKS[MessageKind.ACCESS] = -2  # first of all: the access log is kept on the box, too
_FOREVER = 2**63 - 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, rank INTEGER NOT NULL, topic TEXT NOT NULL,
    payload BLOB NOT NULL, qos INTEGER NOT NULL, expires_at INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS message_rank ON message (rank, id);
CREATE INDEX IF NOT EXISTS message_expiry ON message (expires_at);
CREATE TABLE IF NOT EXISTS person (key TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS base (one INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS store_file (one INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS machine (one INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people_file (one INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A spooled message. id: rises with time of writing. expires_at: UTC ns, None for never."""

    id: int
    kind: MessageKind
    topic: str
    payload: bytes
    qos: int = 1
    expires_at: int | None = None

    @property
    def size(self) -> int:
        """Bytes counted against the bound."""
        return len(self.topic.encode()) + len(self.payload) + ROW_BYTES


class SpoolDatabase:
    """One SQLite database, on disk or in memory; every method is one transaction."""

    def __init__(self, path: Path | None, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        # One process owns the file. What is deleted is overwritten: it tells of people.
        self._db = connect(path, _SCHEMA, ("locking_mode=EXCLUSIVE", "secure_delete=ON"))
        row = self._db.execute("SELECT count(*), coalesce(sum(size), 0), coalesce(max(id), 0) FROM message")
        found: tuple[int, int, int] = row.fetchone()
        self.messages, self.size_bytes, self.last_id = found

    def put(
        self,
        entries: Sequence[Entry],
        now: int,
        people: Mapping[str, bytes | None] = {},
        generation: int | None = None,
        *,
        earlier: tuple[int, int] = (0, 0),
    ) -> tuple[Counter[MessageKind], Counter[MessageKind]]:
        """Write, then make room; return what expired and what had to be dropped.

        people: the last event of each person who is there, None of each who has gone. generation: as
        `people_generation`; None leaves it. earlier: messages with ids below the first number expire by the
        second one, where that is before `now`.
        """
        # FULL: the commit survives power loss; NORMAL would lose the last ones in WAL mode.
        self._db.execute("PRAGMA synchronous=FULL")
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [_row(e) for e in entries]
            )
            self._set_people(people)
            self._set_generation(generation)
            added = sum(e.size for e in entries)
            expired, expired_bytes = self._remove(
                "expires_at <= ? AND (id >= ? OR expires_at <= ?) RETURNING kind, size", (now, *earlier)
            )
            size = self.size_bytes + added - expired_bytes
            dropped: Counter[MessageKind] = Counter()
            while size > self.limit_bytes:
                lost, freed = self._remove(
                    "id IN (SELECT id FROM message ORDER BY rank, id LIMIT ?) RETURNING kind, size",
                    (1 + (size - self.limit_bytes) // 16384,),
                )
                if not freed:
                    break
                dropped, size = dropped + lost, size - freed
        self.messages += len(entries) - expired.total() - dropped.total()
        self.size_bytes = size
        if expired or dropped or None in people.values():
            self._forget_all()
        self.last_id = max(self.last_id, *(e.id for e in entries)) if entries else self.last_id
        return expired, dropped

    def delete(self, ids: Iterable[int], generation: int | None = None) -> None:
        """Remove messages; those already gone are no error. generation: as in `put`."""
        # NORMAL: no flush of its own. Lost with the power, a deletion only means that a message is repeated.
        self._db.execute("PRAGMA synchronous=NORMAL")
        count = size = 0
        with self._db:
            for one in ids:
                gone, freed = self._remove("id = ? RETURNING kind, size", (one,))
                count, size = count + gone.total(), size + freed
            self._set_generation(generation)
        self.messages, self.size_bytes = self.messages - count, self.size_bytes - size
        if count:
            self._forget_all()

    def pending(self, after: int, before: int, limit: int, kind: MessageKind | None) -> list[Entry]:
        """Return up to limit messages with after < id < before, oldest first."""
        name = None if kind is None else kind.value
        rows = self._db.execute(
            "SELECT id, kind, topic, payload, qos, expires_at FROM message"
            " WHERE id > ? AND id < ? AND (? IS NULL OR kind = ?) ORDER BY id LIMIT ?",
            (after, before, name, name, limit),
        )
        return [entry_of(row) for row in rows]

    def people(self) -> dict[str, bytes]:
        """Return the last event of each person who is there."""
        return dict(self._db.execute("SELECT key, payload FROM person"))

    def shift(self, step: int, first: int) -> None:
        """Add `step` ns to the times in all messages from id `first` on, and in those of who is there."""
        with self._db:
            rows = self._db.execute("SELECT id, payload FROM message WHERE id >= ?", (first,)).fetchall()
            shifted = [(shifted_payload(payload, step), number) for number, payload in rows]
            self._db.executemany("UPDATE message SET payload = ? WHERE id = ?", shifted)
            self._db.execute(
                "UPDATE message SET expires_at = expires_at + ? WHERE id >= ? AND expires_at < ?",
                (step, first, _FOREVER),
            )
            self._set_people({key: shifted_payload(payload, step) for key, payload in self.people().items()})

    def _set_people(self, people: Mapping[str, bytes | None]) -> None:
        there = [(key, payload) for key, payload in people.items() if payload is not None]
        self._db.executemany("INSERT OR REPLACE INTO person VALUES (?, ?)", there)
        gone = [(key,) for key, payload in people.items() if payload is None]
        self._db.executemany("DELETE FROM person WHERE key = ?", gone)

    def people_generation(self) -> int:
        """Return of which generation the file of open people is to be, at least; 0 where any may be right."""
        row = self._db.execute("SELECT generation FROM people_file").fetchone()
        return 0 if row is None else int(row[0])

    def _set_generation(self, generation: int | None) -> None:
        if generation is not None:
            self._db.execute("INSERT OR REPLACE INTO people_file VALUES (1, ?)", (generation,))

    def topics(self) -> set[str]:
        """Return the names that are noted as known."""
        return {name for (name,) in self._db.execute("SELECT name FROM topic")}

    def set_topic(self, name: str, *, listed: bool) -> None:
        """Note a name, or forget it."""
        with self._db:
            statement = (
                "INSERT OR IGNORE INTO topic VALUES (?)" if listed else "DELETE FROM topic WHERE name = ?"
            )
            self._db.execute(statement, (name,))

    def base(self) -> str | None:
        """Return where the topics begin that are not whole; None where nobody said so yet."""
        row = self._db.execute("SELECT name FROM base").fetchone()
        return None if row is None else str(row[0])

    def set_base(self, name: str) -> None:
        """Say where they begin."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO base VALUES (1, ?)", (name,))

    def set_user(self, store_file: str | None, machine: str | None) -> None:
        """Say which store file uses it, and on which machine; None: nobody can know."""
        with self._db:
            for table, name in (("store_file", store_file), ("machine", machine)):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 a constant
                self._db.executemany(f"INSERT INTO {table} VALUES (1, ?)", [(name,)] if name else [])  # noqa: S608

    def close(self) -> None:
        """Close; a later call of anything else raises sqlite3.ProgrammingError."""
        self._db.close()

    def _forget_all(self) -> None:
        """Where nothing waits and nobody is there, leave nothing of them in the write-ahead log either."""
        if not self.messages and self._db.execute("SELECT 1 FROM person LIMIT 1").fetchone() is None:
            empty_log(self._db)

    def _remove(self, where: str, values: tuple[Any, ...]) -> tuple[Counter[MessageKind], int]:
        with closing(self._db.execute(f"DELETE FROM message WHERE {where}", values)) as cursor:  # noqa: S608
            rows = cursor.fetchall()
        return Counter(_kind_of(kind) for kind, _ in rows), sum(size for _, size in rows)


def shifted_payload(payload: bytes, step: int) -> bytes:
    """Return a payload with `step` ns added to its times; as it is where it is no JSON."""
    try:
        moved = moved_in_time(json.loads(payload), step)
    except ValueError:
        return payload
    return json.dumps(moved, separators=(",", ":"), ensure_ascii=False).encode()


def entry_of(row: tuple[Any, ...]) -> Entry:
    """Return the entry of a row: id, kind, topic, payload, qos, expires_at."""
    number, kind, topic, payload, qos, expiry = row
    return Entry(number, _kind_of(kind), topic, payload, qos, None if expiry == _FOREVER else expiry)


def _kind_of(name: object) -> MessageKind:
    """Return the kind of a row: of a later release's, or one that the disk has changed, the humblest.

    Such a row is sent as any other; one that raised would hold up all messages behind it.
    """
    try:
        return MessageKind(name)
    except ValueError:
        return MessageKind.UPDATED


def _row(e: Entry) -> tuple[Any, ...]:
    expiry = _FOREVER if e.expires_at is None else e.expires_at
    return e.id, e.kind.value, RANKS.get(e.kind, 1), e.topic, e.payload, e.qos, expiry, e.size
