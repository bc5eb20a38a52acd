"""A SQLite file that survives damage, a full disk and a missing folder."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

WAL_BYTES = 4_000_000
MAX_DAMAGED = 3
RETRY_NS = 2_000_000_000
"""Soon: until the file takes what waits in memory, a loss of power takes that along."""


class Closable(Protocol):
    """A connection, or what wraps one."""

    def close(self) -> None:
        """Close it."""


DB = TypeVar("DB", bound=Closable)


@dataclass(frozen=True, slots=True)
class FileWords:
    """How log lines name the file: "price file", "prices", and "prices are not kept" while it fails."""

    file: str
    content: str
    while_failing: str


class SqliteFile(Generic[DB]):
    """Opens a database, and opens it again after a failure; none of this raises.

    A damaged file is renamed to `.damaged` (the one before to `.damaged.1`, at most MAX_DAMAGED are kept)
    and a new one begins. While the disk is full or the folder is
    gone, `use` returns False; the file is tried again every 2 s. The first failure and the recovery are
    logged. Any thread may call; one works at a time.

    connect: returns the open database, raises sqlite3.Error or OSError. now_ns: UTC ns. on_open: called with
    each newly opened database before any other work. on_damaged: called with the renamed file and the new
    database, to bring over what can still be read.
    """

    def __init__(
        self,
        path: Path,
        connect: Callable[[Path], DB],
        now_ns: Callable[[], int],
        words: FileWords,
        on_open: Callable[[DB], None] | None = None,
        *,
        on_damaged: Callable[[Path, DB], None] | None = None,
    ) -> None:
        self._on_damaged = on_damaged
        self._damaged: list[Path] = []
        self._path, self._connect, self._now_ns, self._words, self._on_open = (
            path,
            connect,
            now_ns,
            words,
            on_open,
        )
        self._lock = threading.RLock()
        self._retry_at = 0
        self._closed = False
        self._outage = Outage(
            logger,
            f"{words.while_failing}, the file {path} cannot be used",
            f"{words.content} are kept on disk again: {path}",
        )
        self.db: DB | None = None

    def open(self) -> None:
        """Open or create the file now, whenever the last try was."""
        with self._lock:
            for _ in range(2):
                if self._closed or self.db is not None:
                    return
                try:
                    self.db = self._connect(self._path)
                except (sqlite3.OperationalError, OSError) as error:
                    self._fail(error)
                    return
                except sqlite3.DatabaseError:
                    self._move_aside()
                    continue
                if self._on_open is not None:
                    self.use(self._on_open)
                self._salvage()

    def use(self, work: Callable[[DB], None]) -> bool:
        """Run `work` with the database; return whether it ran to its end.

        Where the file turns out to be damaged, `work` runs once more with the new, empty one.
        """
        with self._lock:
            return any(self._use_once(work) for _ in range(2))

    def _use_once(self, work: Callable[[DB], None]) -> bool:
        if self.db is None and not 0 < self._retry_at - self._now_ns() <= RETRY_NS:
            self.open()  # due, or the clock was set back
        if self.db is None:
            return False
        try:
            work(self.db)
        except sqlite3.OperationalError as error:
            self._fail(error)
            return False
        except sqlite3.DatabaseError:
            self._move_aside()
            return False
        self._outage.recover()
        return True

    def close(self) -> None:
        """Close for good; later calls of `use` return False."""
        with self._lock:
            self._let_go()
            self._closed = True

    def _let_go(self) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None

    def _fail(self, error: Exception) -> None:
        self._let_go()
        self._retry_at = self._now_ns() + RETRY_NS
        self._outage.fail(error)

    def _salvage(self) -> None:
        """Bring over, once, what can be read of the files that were moved aside."""
        damaged, self._damaged = self._damaged, []
        if self._on_damaged is None:
            return
        for path in damaged:
            bring_over = partial(self._on_damaged, path)
            self.use(bring_over)

    def _move_aside(self) -> None:
        self._let_go()
        aside = self._path.with_suffix(".damaged")
        text = "the %s %s is damaged; it is now %s and a new one begins"
        logger.error(text, self._words.file, self._path, aside)
        try:
            self._shift(aside)
            self._path.replace(aside)
            self._damaged.append(aside)
            for extra in ("-wal", "-shm"):  # they go along: the newest rows may be in them alone
                with contextlib.suppress(FileNotFoundError):
                    self._path.with_name(self._path.name + extra).replace(aside.with_name(aside.name + extra))
        except OSError as error:
            self._fail(error)

    def _shift(self, aside: Path) -> None:
        """Make room at `aside`: damaged files that lie there already get a number, the oldest goes."""
        names = [aside, *(aside.with_name(f"{aside.name}.{n}") for n in range(1, MAX_DAMAGED))]
        for old, new in reversed([*pairwise(names)]):
            for extra in ("", "-wal", "-shm"):
                file, to = old.with_name(old.name + extra), new.with_name(new.name + extra)
                if file.exists():
                    file.replace(to)
                else:
                    to.unlink(missing_ok=True)


def read_text(raw: bytes) -> str:
    """Return the text of a field, as a connection's `text_factory`.

    SQLite does not notice where the disk has changed a byte. By default one that is no UTF-8 then fails every
    query over its row.
    """
    return raw.decode("utf-8", "replace")


def connect(path: Path | None, schema: str, pragmas: Sequence[str] = ()) -> sqlite3.Connection:
    """Return a checked connection in WAL mode with the schema in place; None: a database in memory.

    The file and its folder are created for this user only. pragmas: set before all others. Raises
    sqlite3.DatabaseError for a damaged file, sqlite3.OperationalError or OSError where it cannot be used.
    """
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    db = sqlite3.connect(path or ":memory:", timeout=2, check_same_thread=False)
    db.text_factory = read_text
    try:
        for pragma in (*pragmas, "journal_mode=WAL", f"journal_size_limit={WAL_BYTES}"):
            db.execute(f"PRAGMA {pragma}")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("database disk image is malformed")
        db.executescript(schema)
    except sqlite3.Error:
        db.close()
        raise
    return db


def empty_log(db: sqlite3.Connection) -> None:
    """Let nothing that was deleted stand in the write-ahead log; a failure is left to the next time."""
    with contextlib.suppress(sqlite3.OperationalError):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
