"""What can still be read of a damaged message file: row by row, around the pages that cannot."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.outputs.mqtt.spool_db import RANKS, Entry, entry_of
from pricing.live.sqlite_file import read_text
from probes.events.messages import MessageKind

if TYPE_CHECKING:
    from pathlib import Path

MAX_ROWS = 200_000
# The indexes hold all that is asked of them, so the first two touch no page of the table.
_QUERIES = (
    "SELECT id, rank FROM message INDEXED BY message_rank ORDER BY rank {order}, id {order}",
    "SELECT id, -1 FROM message INDEXED BY message_expiry ORDER BY expires_at {order}, id {order}",
    "SELECT id, rank FROM message NOT INDEXED ORDER BY id {order}",
)
_KIND_OF_RANK = {rank: kind for kind, rank in RANKS.items()}


@dataclass(slots=True)
class Salvaged:
    """What was read, and how many messages of each kind could not be."""

    entries: list[Entry] = field(default_factory=list)
    people: dict[str, bytes] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    lost: Counter[MessageKind] = field(default_factory=Counter)


def salvage(path: Path) -> Salvaged:
    """Read a damaged file; never raises for what it holds. Nothing is written to it."""
    found = Salvaged()
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)
    except sqlite3.Error:
        return found
    db.text_factory = read_text
    with closing(db):
        for number, rank in sorted(_numbers(db).items())[:MAX_ROWS]:
            entry = _entry(db, number)
            if entry is not None:
                found.entries.append(entry)
            else:
                found.lost[_KIND_OF_RANK.get(rank, MessageKind.UPDATED)] += 1
        for key, payload in _rows(db, "SELECT key, payload FROM person"):
            if isinstance(key, str) and isinstance(payload, bytes):
                found.people[key] = payload
        found.topics = {name for (name,) in _rows(db, "SELECT name FROM topic") if isinstance(name, str)}
    return found


def _numbers(db: sqlite3.Connection) -> dict[int, int]:
    """Return the ids of all messages with their ranks, from the table and both of its indexes.

    Each is read from both ends, up to the page that cannot be read: what one has lost another still knows.
    """
    found: dict[int, int] = {}
    for query in _QUERIES:
        for order in ("ASC", "DESC"):
            for number, rank in _rows(db, query.replace("{order}", order)):
                if isinstance(number, int) and isinstance(rank, int):
                    found[number] = max(rank, found.get(number, -1))
    return found


def _entry(db: sqlite3.Connection, number: int) -> Entry | None:
    rows = _rows(
        db, "SELECT id, kind, topic, payload, qos, expires_at FROM message NOT INDEXED WHERE id = ?", number
    )
    for row in rows:
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            entry = entry_of(row)
            json.loads(entry.payload)  # a page may be readable and yet hold something else
            return entry
    return None


def _rows(db: sqlite3.Connection, query: str, *values: int) -> list[tuple[object, ...]]:
    """Return the rows up to the first that cannot be read."""
    rows: list[tuple[object, ...]] = []
    with contextlib.suppress(sqlite3.Error):
        for row in db.execute(query, values):
            rows.append(row)
    return rows
