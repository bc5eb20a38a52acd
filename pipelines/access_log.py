"""The access log: who signed in, who watched which camera, who took pictures away, who changed what."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from contextlib import closing
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pipelines.errors import BadInput
from pipelines.state_lock import StateLock
from pricing.live.sqlite_file import FileWords, SqliteFile, connect, empty_log
from probes.events.messages import Message, MessageKind, rfc3339, same, ulid

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

SCHEMA: Final = "msh.access/1"
MAX_ENTRIES: Final = 100_000
"""Most entries on disk; the oldest go first."""
MAX_WAITING: Final = 1000
"""Most entries that wait in memory while the disk is full."""
MAX_PAGE: Final = 200
MAX_TEXT: Final = 200
TIDY_S: Final = 600.0
CLOSE_S: Final = 5.0
DAY_NS: Final = 86_400 * 1_000_000_000
_WORDS: Final = FileWords("access log", "accesses", "accesses are kept in memory only")
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS access (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL,
    way TEXT NOT NULL, session TEXT NOT NULL, address TEXT NOT NULL, camera TEXT NOT NULL,
    seconds REAL, detail TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS access_at ON access (at);
CREATE TABLE IF NOT EXISTS kept (one INTEGER PRIMARY KEY, days INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ahead (one INTEGER PRIMARY KEY, ns INTEGER NOT NULL);
"""
_COLUMNS: Final = "at, kind, who, way, session, address, camera, seconds, detail"


class AccessKind(str, Enum):
    """What somebody did."""

    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
    WATCH_STARTED = "watch_started"
    WATCH_ENDED = "watch_ended"
    PICTURE = "picture"
    UPLOADED = "uploaded"
    DOWNLOADED = "downloaded"
    AREAS_CHANGED = "areas_changed"
    CAMERA_TRIED = "camera_tried"
    CAMERA_ADDED = "camera_added"
    BRANDS_CHANGED = "brands_changed"
    SETTINGS_CHANGED = "settings_changed"
    COMMAND = "command"
    RESTARTED = "restarted"
    LOG_READ = "log_read"


class AccessWay(str, Enum):
    """By which way somebody reached the box."""

    PAGE = "page"
    SCRIPT = "script"
    RTSP = "rtsp"
    MQTT = "mqtt"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Access:
    """One entry.

    at: UTC ns. who: a role or a configured name, never a secret; empty where nobody signed in. session: tells
    browsers of one role apart. seconds: how long it took, where it has an end. detail: one short line.
    """

    at: int
    kind: AccessKind
    who: str
    way: AccessWay
    session: str = ""
    address: str = ""
    camera: str = ""
    seconds: float | None = None
    detail: str = ""

    def payload(self) -> dict[str, Any]:
        """Return it as JSON values, as message and page have it."""
        return {
            "kind": self.kind.value,
            "occurred_at": rfc3339(self.at),
            "who": self.who or None,
            "way": self.way.value,
            "session": self.session or None,
            "address": self.address or None,
            "camera": self.camera or None,
            "seconds": None if self.seconds is None else round(self.seconds, 1),
            "detail": self.detail or None,
        }


_KNOWN: Final = " AND ".join(
    f"{column} IN ({', '.join(repr(one.value) for one in kind)})"
    for column, kind in (("kind", AccessKind), ("way", AccessWay))
)
"""What a later version wrote besides is left out: a box may go back to the release before."""


class AccessLog:
    """Keeps entries in a SQLite file for so many days, and hands each on once. Any thread.

    `note` never waits for the disk and never raises: a thread writes. While the disk is full, MAX_WAITING
    entries wait in memory; more are dropped, the oldest first, and counted. Without `start` nothing is
    written before `entries` or `close`.

    Entries of this run get the right time where the clock is set meanwhile. Those that an earlier one wrote
    by a clock that ran ahead go once the log was in use with them for so many days.

    path: None keeps all in memory. now_ns: ns that never step. utc: turns them into UTC by the clock as it
    is. expiry_ns: UTC ns by which old entries are deleted.
    publish: takes a message, False where it was dropped. origin: store and device, for the messages.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        days: int,
        now_ns: Callable[[], int],
        getrandbits: Callable[[int], int],
        utc: Callable[[int], int] = same,
        expiry_ns: Callable[[], int] | None = None,
        metrics: Metrics | None = None,
        publish: Callable[[Message], bool] = lambda _: True,
        origin: tuple[str, str] = ("store", "device"),
    ) -> None:
        self.days, self._now_ns, self._getrandbits = days, now_ns, getrandbits
        self._expiry_ns, self._utc = expiry_ns or now_ns, utc
        self._offset_ns, self._first = utc(0), 2**63 - 1
        """By how much what this run has written is later than `now_ns`, and the number of its first entry."""
        self._counted_at = now_ns()
        self._metrics, self._publish, self._origin = metrics, publish, origin
        self._file = SqliteFile(path or Path("(memory)"), lambda _: _open(path), now_ns, _WORDS)
        self._waiting: deque[Access] = deque()
        self._lock, self._flushing = threading.Lock(), threading.Lock()
        self._news, self._stop = threading.Event(), threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="access-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_S)
        self._flush()
        self._file.close()

    def note(self, kind: AccessKind, who: str, way: AccessWay, **more: Any) -> None:
        """Add an entry; more: as Access has them."""
        more["detail"] = _printable(str(more.get("detail", "")))
        entry = Access(self._now_ns(), kind, who, way, **more)
        with self._lock:
            self._waiting.append(entry)
            if len(self._waiting) > MAX_WAITING:
                self._waiting.popleft()
                self.dropped += 1
                self._count("dropped")
        told, (store, device) = replace(entry, at=self._utc(entry.at)), self._origin
        at = told.at
        head = {"schema": SCHEMA, "event_id": ulid(at, self._getrandbits), "store": store, "device": device}
        sent = {"sent_at": rfc3339(at), "replayed": False}
        self._publish(Message(MessageKind.ACCESS, "access", {**head, **sent, **told.payload()}))
        self._news.set()

    def entries(self, before: int | None = None, limit: int = MAX_PAGE) -> list[tuple[int, Access]]:
        """Return the newest entries with their numbers, newest first; before: only those of lower numbers.

        Entries that the disk does not take are not among them.
        """
        self._flush()
        found: list[tuple[int, Access]] = []

        def read(db: sqlite3.Connection) -> None:
            rows = db.execute(
                f"SELECT number, {_COLUMNS} FROM access WHERE number < ? AND at >= ? AND {_KNOWN}"  # noqa: S608
                " ORDER BY number DESC LIMIT ?",
                (2**63 - 1 if before is None else before, self._oldest(), min(limit, MAX_PAGE)),
            )
            found[:] = [(number, _entry(rest)) for number, *rest in rows.fetchall()]

        self._file.use(read)
        return found

    def _work(self) -> None:
        self._flush()
        while not self._stop.is_set():
            self._news.wait(TIDY_S)
            self._news.clear()
            self._flush()
            self._stop.wait(0.05)  # a burst costs one transaction

    def _flush(self) -> None:
        """Write what waits, and delete what is too old or too much."""
        with self._flushing:
            with self._lock:
                taken = list(self._waiting)
            offset_ns = self._utc(0)
            if not self._file.use(partial(self._write, taken, offset_ns)):
                return
            self._offset_ns = offset_ns
            with self._lock:
                for entry in taken:
                    if self._waiting and self._waiting[0] is entry:
                        self._waiting.popleft()
            self._count("written", len(taken))

    def _write(self, taken: list[Access], offset_ns: int, db: sqlite3.Connection) -> None:
        rows = [
            (
                e.at + offset_ns,
                e.kind.value,
                e.who,
                e.way.value,
                e.session,
                e.address,
                e.camera,
                e.seconds,
                e.detail,
            )
            for e in taken
        ]
        newest = db.execute("SELECT MAX(number) FROM access").fetchone()[0] or 0
        self._first = min(self._first, newest + 1)
        with db:
            db.execute("INSERT OR REPLACE INTO kept VALUES (1, ?)", (self.days,))
            if step := offset_ns - self._offset_ns:
                db.execute("UPDATE access SET at = at + ? WHERE number >= ?", (step, self._first))
            db.executemany(
                f"INSERT INTO access ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 constants
                rows,
            )
            deleted = _delete_before(db, self._oldest())
            deleted += self._delete_ahead(db, offset_ns)
            too_many = "DELETE FROM access WHERE number <= (SELECT MAX(number) FROM access) - ?"
            deleted += db.execute(too_many, (MAX_ENTRIES,)).rowcount
        if deleted:
            empty_log(db)

    def _delete_ahead(self, db: sqlite3.Connection, offset_ns: int) -> int:
        """Count for how long there are entries whose time is not yet; delete them after their days.

        Not by the clock: one that begins in 1970 would delete all.
        """
        now, counted_at = self._now_ns(), self._counted_at
        self._counted_at, latest = now, now + offset_ns + DAY_NS
        if (db.execute("SELECT MAX(at) FROM access").fetchone()[0] or 0) <= latest:
            db.execute("DELETE FROM ahead")
            return 0
        (before,) = db.execute("SELECT ns FROM ahead").fetchone() or (0,)
        db.execute("INSERT OR REPLACE INTO ahead VALUES (1, ?)", (before + now - counted_at,))
        if before + now - counted_at < self.days * DAY_NS:
            return 0
        return db.execute("DELETE FROM access WHERE at > ?", (latest,)).rowcount

    def _oldest(self) -> int:
        return self._expiry_ns() - self.days * DAY_NS

    def _count(self, result: str, count: int = 1) -> None:
        if self._metrics is not None:
            self._metrics.access_log_entries.labels(result).inc(count)


def access_file(store: str, folder: Path) -> Path:
    """Return where the access log of a store lies."""
    return folder / f"access-{store}.db"


def expire_others(own: Path, expiry_ns: int, days: int) -> None:
    """Delete what has had its time in the logs beside `own` whose stores do not run, and logs that are empty.

    A store of another id leaves such a log, which nothing else opens. expiry_ns: UTC ns. How many days count
    stands in each log. days: that of one of a release that did not write it down.
    """
    for path in own.parent.glob(access_file("*", own.parent).name):
        if path == own:
            continue
        try:
            lock = StateLock(path.parent, path.stem.partition("-")[2], wait_s=0)
        except BadInput:  # its store runs
            continue
        try:
            _expire(path, expiry_ns, days)
        except (sqlite3.Error, OSError) as error:
            logger.debug("%s: %s", path, error)
        finally:
            lock.release()


def _expire(path: Path, expiry_ns: int, days: int) -> None:
    with closing(_open(path)) as db:
        (days,) = db.execute("SELECT days FROM kept").fetchone() or (days,)
        with db:
            deleted = _delete_before(db, expiry_ns - days * DAY_NS)
        if deleted:
            empty_log(db)
        is_empty = db.execute("SELECT COUNT(*) FROM access").fetchone()[0] == 0
    if is_empty:
        path.unlink()


def _delete_before(db: sqlite3.Connection, oldest: int) -> int:
    return db.execute("DELETE FROM access WHERE at < ?", (oldest,)).rowcount


def _open(path: Path | None) -> sqlite3.Connection:
    # secure_delete: who watched what is not to be read from free pages after its time. See empty_log, too.
    return connect(path, schema=_TABLE, pragmas=("secure_delete=ON", "synchronous=NORMAL"))


def _entry(row: list[Any]) -> Access:
    at, kind, who, way, session, address, camera, seconds, detail = row
    return Access(at, AccessKind(kind), who, AccessWay(way), session, address, camera, seconds, detail)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:MAX_TEXT]
