"""A box or store of another name than in its last run: what waits goes along, what it left is taken away."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.errors import BadInput
from pipelines.state_lock import StateLock
from probes.events.status import AVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Container

    from pipelines.outputs.mqtt.spool import Spool

logger = logging.getLogger(__name__)

ABSOLUTE: Final = "//"
"""Begins the name of a retained topic that is not below the device's own."""
FORMER: Final = "former:"
"""Begins the name of one that was set under a former name or prefix of the box; the rest is whole, too."""
MACHINE_ID: Final = Path("/etc/machine-id")
PEOPLE: Final = ".people"
"""Ends the name of the file of open people beside that of messages."""


def spool_name(store: str, device: str) -> str:
    """Return the name of the file in which a box's messages wait."""
    return f"spool-{store}-{device}.db"


def take_over(
    folder: Path, store: str, device: str, store_file: str | None = None, machine: str | None = None
) -> None:
    """Give the message file of a box's, or its store's, former name its new one, unless there is one of that.

    Only a file that says itself of which store it is: `spool-a-b-c.db` may be of a store `a-b`. Of another
    store only one that this store file used, on a box of this name or on this machine: that store was
    renamed. Others may share the folder. To be called while no other program runs this store with this
    folder. Nothing here raises. store_file: None where one file may be of several stores. machine: None where
    it cannot be told from others, as in a container.
    """
    path = folder / spool_name(store, device)
    if path.exists():
        return
    with suppress(OSError):
        files = folder.glob(spool_name(store, "*"))
        if found := [file for file in files if (origin := _origin(file)) and origin.store == store]:
            former = max(found, key=lambda file: file.stat().st_mtime_ns)
            _rename(former, path)
            before = former.stem.removeprefix(f"spool-{store}-")
            logger.info("mqtt: what waits from when this box was %s goes out as %s", before, device)
        elif store_file is not None:
            _take_over_of_store(folder, _Origin(store, device, store_file, machine), path)


def _take_over_of_store(folder: Path, now: _Origin, path: Path) -> None:
    """Take the newest message file over that this store used under another id, where that does not run."""
    found = [
        (file, origin) for file in folder.glob(spool_name("*", "*")) if (origin := _origin(file, look=True))
    ]
    for file, before in sorted(found, key=lambda one: -one[0].stat().st_mtime_ns):
        if before.store_file != now.store_file or not before.is_box_of(now):
            continue
        try:
            lock = StateLock(folder, before.store, wait_s=0)
        except BadInput:  # that store runs
            continue
        try:
            if _origin(file) != before:
                continue
            _rename(file, path)
        finally:
            lock.release()
        text = "mqtt: what waits from when store %s was %s goes out as it"
        logger.info(text, now.store, before.store)
        return


def _rename(former: Path, path: Path) -> None:
    with suppress(FileNotFoundError):  # first: the other one is what is looked for after a power cut
        former.with_suffix(PEOPLE).rename(path.with_suffix(PEOPLE))
    former.rename(path)


def forget_former_base(spool: Spool, base: str, own: Container[str] = ()) -> None:
    """Have the retained topics of an earlier run known by their whole names where these begin otherwise now.

    base: where the box's topics begin, with a slash at its end. own: the topics that this run has; another
    one that is not below the device's own goes with the former name.
    """
    former = spool.base()
    if former == base:
        return
    if former is not None:
        for topic in spool.topics():
            if topic.startswith(FORMER) or (topic.startswith(ABSOLUTE) and topic in own):
                continue
            spool.set_topic(f"{FORMER}{former}{topic}", listed=True)
            spool.set_topic(topic, listed=False)
        spool.set_topic(f"{FORMER}{former}{AVAILABILITY}", listed=True)
    for topic in spool.topics():  # a name that it had before
        name = topic.removeprefix(FORMER + base)
        if name != topic:
            spool.set_topic(topic, listed=False)
            if name != AVAILABILITY:
                spool.set_topic(name, listed=True)
    spool.set_base(base)


def whole(topic: str, base: str) -> str:
    """Return a topic as the broker knows it.

    >>> whole("status", "msh/v1/berlin/box/"), whole("//homeassistant/x", "")
    ('msh/v1/berlin/box/status', 'homeassistant/x')
    >>> whole("former:msh/v1/berlin/old-box/status", "msh/v1/berlin/box/")
    'msh/v1/berlin/old-box/status'
    >>> whole("former:msh/v1/berlin/old-box///homeassistant/x", "msh/v1/berlin/box/")
    'homeassistant/x'
    """
    if topic.startswith(FORMER):
        below, absolute, other = topic.removeprefix(FORMER).partition("/" + ABSOLUTE)
        return other if absolute else below
    return topic.removeprefix(ABSOLUTE) if topic.startswith(ABSOLUTE) else base + topic


def is_former_availability(topic: str) -> bool:
    """Return whether a topic says if a box of a former name is there: it may be another one by now."""
    return topic.startswith(FORMER) and topic.endswith(f"/{AVAILABILITY}")


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a message file says of itself. store_file, machine: None where it says nothing of that."""

    store: str
    device: str
    store_file: object
    machine: object = None

    def is_box_of(self, other: _Origin) -> bool:
        """Return whether both are of one box: store and device may have got other names at once."""
        return self.device == other.device or (self.machine is not None and self.machine == other.machine)


def machine() -> str | None:
    """Return what tells this machine from others, None where nothing does."""
    try:
        found = MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    # A digest, as machine-id(5) wants it of what is written elsewhere.
    return hashlib.sha256(f"msh {found}".encode()).hexdigest() if len(found) == 32 else None


def _origin(file: Path, *, look: bool = False) -> _Origin | None:
    """Return whose a message file is; None where that is not sure. Writes what its log holds into it, too.

    look: writes nothing; its store may run.
    """
    try:
        with closing(sqlite3.connect(file, timeout=0.1)) as db:
            row = db.execute("SELECT name FROM base").fetchone()
            if not look:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            said = [_said(db, table) for table in ("store_file", "machine")]
    except sqlite3.Error:  # damaged, of an older release, or in use: another store's
        return None
    if row is None or not isinstance(row[0], str):
        return None
    *_, store, device, end = ["", "", *row[0].split("/")]
    return None if end or file.name != spool_name(store, device) else _Origin(store, device, *said)


def _said(db: sqlite3.Connection, table: str) -> object:
    with suppress(sqlite3.OperationalError):  # of a release that did not note it
        return next(iter(db.execute(f"SELECT name FROM {table}")), (None,))[0]  # noqa: S608 a constant
    return None
