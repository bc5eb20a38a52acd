"""A box that has another name than in its last run: what waits goes along, what it left is taken away."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from probes.events.status import AVAILABILITY

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.outputs.mqtt.spool import Spool

logger = logging.getLogger(__name__)

ABSOLUTE: Final = "//"
"""Begins the name of a retained topic that is not below the device's own."""
FORMER: Final = "former:"
"""Begins the name of one that was set under a former name or prefix of the box; the rest is whole, too."""
PEOPLE: Final = ".people"
"""Ends the name of the file of open people beside that of messages."""


def spool_name(store: str, device: str) -> str:
    """Return the name of the file in which a box's messages wait."""
    return f"spool-{store}-{device}.db"


def take_over(folder: Path, store: str, device: str) -> None:
    """Give the message file of a box's former name its new one, unless there is one of that name.

    Only a file that says itself of which store it is: `spool-a-b-c.db` may be of a store `a-b`. To be called
    while no other program runs this store with this folder. Nothing here raises.
    """
    path = folder / spool_name(store, device)
    if path.exists():
        return
    with suppress(OSError):
        found = [file for file in folder.glob(spool_name(store, "*")) if _is_of(file, store)]
        if not found:
            return
        former = max(found, key=lambda file: file.stat().st_mtime_ns)
        with suppress(FileNotFoundError):  # first: the other one is what is looked for after a power cut
            former.with_suffix(PEOPLE).rename(path.with_suffix(PEOPLE))
        former.rename(path)
        before = former.stem.removeprefix(f"spool-{store}-")
        logger.info("mqtt: what waits from when this box was %s goes out as %s", before, device)


def forget_former_base(spool: Spool, base: str) -> None:
    """Have the retained topics of an earlier run known by their whole names where these begin otherwise now.

    base: where the box's topics begin, with a slash at its end.
    """
    former = spool.base()
    if former is not None and former != base:
        for topic in [name for name in spool.topics() if not name.startswith((ABSOLUTE, FORMER))]:
            spool.set_topic(f"{FORMER}{former}{topic}", listed=True)
            spool.set_topic(topic, listed=False)
        spool.set_topic(f"{FORMER}{former}{AVAILABILITY}", listed=True)
    if former != base:
        spool.set_base(base)


def whole(topic: str, base: str) -> str:
    """Return a topic as the broker knows it.

    >>> whole("status", "msh/v1/berlin/box/"), whole("//homeassistant/x", "")
    ('msh/v1/berlin/box/status', 'homeassistant/x')
    >>> whole("former:msh/v1/berlin/old-box/status", "msh/v1/berlin/box/")
    'msh/v1/berlin/old-box/status'
    """
    if topic.startswith(FORMER):
        return topic.removeprefix(FORMER)
    return topic.removeprefix(ABSOLUTE) if topic.startswith(ABSOLUTE) else base + topic


def is_former_availability(topic: str) -> bool:
    """Return whether a topic says if a box of a former name is there: it may be another one by now."""
    return topic.startswith(FORMER) and topic.endswith(f"/{AVAILABILITY}")


def _is_of(file: Path, store: str) -> bool:
    """Return whether a message file is of this store. Writes what its log holds into it, too."""
    try:
        with closing(sqlite3.connect(file, timeout=0.1)) as db:
            row = db.execute("SELECT name FROM base").fetchone()
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error:  # damaged, of an older release, or in use: another store's
        return False
    if row is None or not isinstance(row[0], str):
        return False
    *_, its_store, device, end = ["", "", *row[0].split("/")]
    return not end and its_store == store and file.name == spool_name(store, device)
