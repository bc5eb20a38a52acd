"""Messages on disk until the broker has them: written first, deleted on its acknowledgement."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from pipelines.outputs.mqtt.former_name import PEOPLE
from pipelines.outputs.mqtt.open_people import OpenPeople
from pipelines.outputs.mqtt.salvage import salvage
from pipelines.outputs.mqtt.spool_db import Entry, SpoolDatabase
from pricing.live.sqlite_file import FileWords, SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from probes.events.messages import MessageKind

logger = logging.getLogger(__name__)

MEMORY_BYTES = 4_000_000
NO_END = 2**63 - 1
_WORDS = FileWords("message file", "messages", "messages wait in memory only")


class Spool:
    """A bounded store of unacknowledged messages that outlives the process.

    Over its bound it drops the oldest `updated`, then `started`, then `ended`, then `notify`. A damaged
    file is moved aside, a new one begun, and what can still be read is brought over. While the disk is full
    or gone, up to 4 MB wait in memory and go to disk when it is back. None of this raises. To be used by one
    thread at a time, once opened. Whose end has not arrived is kept in a small file of its own as well.

    now_ns: UTC ns. on_lost: called with a kind, why ("expired" or "dropped"), and how many. expiry_ns: by
    which messages of an earlier run expire: their times are not corrected where the clock is set.
    """

    def __init__(
        self,
        path: Path,
        limit_bytes: int,
        now_ns: Callable[[], int],
        on_lost: Callable[[MessageKind, str, int], None],
        expiry_ns: Callable[[], int] | None = None,
    ) -> None:
        self._now_ns, self._expiry_ns = now_ns, expiry_ns or now_ns
        self._on_lost = on_lost
        self._file = SqliteFile(
            path,
            lambda path: SpoolDatabase(path, limit_bytes),
            now_ns,
            _WORDS,
            self._bring_back,
            on_damaged=self._bring_over,
        )
        self._open_people = OpenPeople(path.with_suffix(PEOPLE), now_ns)
        self._is_on_disk = self._is_whole = True
        self._memory = SpoolDatabase(None, min(MEMORY_BYTES, limit_bytes))
        self._gone: set[int] = set()  # acknowledged while the disk could not be written
        self._left: set[str] = set()  # persons who left meanwhile
        self._last_id = self._first_id = 0

    @property
    def messages(self) -> int:
        """How many messages wait."""
        return self._memory.messages + (self._file.db.messages if self._file.db else 0)

    @property
    def size_bytes(self) -> int:
        """Their size as counted against the bound."""
        return self._memory.size_bytes + (self._file.db.size_bytes if self._file.db else 0)

    @property
    def on_disk(self) -> bool:
        """Whether what was put last is on the disk; else it waits in memory."""
        return self._is_on_disk

    @property
    def last_id(self) -> int:
        """The id of the newest message ever put."""
        return self._last_id

    def open(self) -> None:
        """Open or make the file; where it cannot be, begin in memory."""
        self._last_id = self._now_ns() // 1000
        self._file.open()
        newest: list[int] = []
        self._file.use(lambda disk: newest.append(disk.people_generation()))
        self._open_people.open(newest[0] if newest else 0)
        self._first_id = self._last_id + 1

    def close(self) -> None:
        """Close both; what waits on disk stays there."""
        if self._memory.messages:
            self._file.open()
        self._file.close()
        self._memory.close()
        self._open_people.close()

    def put(
        self,
        messages: Sequence[tuple[MessageKind, str, bytes, int | None]],
        people: Mapping[str, bytes | None] = {},
    ) -> list[int]:
        """Write (kind, topic, payload, expires_at) and make room; return their ids.

        people: the last event of each person who is there, None of each who has gone; one transaction with
        the messages. Also removes what has expired; call it with nothing now and then.
        """
        first = self._last_id + 1
        entries = [
            Entry(first + n, k, topic, body, expires_at=end)
            for n, (k, topic, body, end) in enumerate(messages)
        ]
        self._last_id += len(entries)
        self._is_on_disk = self._file.use(
            lambda disk: self._settle(disk, entries, people, self._generation())
        )
        if not self._is_on_disk:
            self._left |= {key for key, payload in people.items() if payload is None}
            self._report(*self._memory.put(entries, self._now_ns(), people))
        return [e.id for e in entries]

    def delete(self, ids: Iterable[int]) -> None:
        """Remove acknowledged messages."""
        done = set(ids)
        self._memory.delete(done)
        self._gone |= done
        if self._file.use(lambda disk: disk.delete(self._gone, self._generation())):
            self._gone.clear()

    def pending(
        self, after: int = 0, before: int = NO_END, limit: int = 100, kind: MessageKind | None = None
    ) -> list[Entry]:
        """Return up to limit waiting messages with after < id < before, oldest first."""
        found: list[Entry] = []
        self._file.use(lambda disk: found.extend(disk.pending(after, before, limit + len(self._gone), kind)))
        found += self._memory.pending(after, before, limit, kind)
        return sorted((e for e in found if e.id not in self._gone), key=lambda e: e.id)[:limit]

    def is_over(self, entry: Entry) -> bool:
        """Return whether a message has expired: the next `put` removes it."""
        now = self._now_ns() if entry.id >= self._first_id else self._expiry_ns()
        return entry.expires_at is not None and entry.expires_at <= now

    def people(self) -> dict[str, bytes]:
        """Return the last event of each person who is there; after `open`, of those of an earlier run."""
        found: dict[str, bytes] = {}
        self._file.use(lambda disk: found.update(disk.people()))
        return {**found, **self._memory.people()}

    def note(self, people: Mapping[str, bytes | None]) -> None:
        """Take the last event of persons, ends too, and None once an end has arrived. After `put` of them."""
        self._open_people.note(people, flush=not self._is_on_disk)

    def noted(self) -> dict[str, bytes]:
        """Return what `note` was told; after `open`, by an earlier run."""
        return self._open_people.people

    def shift(self, step: int) -> None:
        """Correct the times of what this run has written: the clock was set by so many ns meanwhile."""
        self._memory.shift(step, self._first_id)
        self._file.use(lambda disk: disk.shift(step, self._first_id))
        self._open_people.shift(step)

    def topics(self) -> set[str]:
        """Return the retained topics that this or an earlier run has set."""
        topics = self._memory.topics()
        self._file.use(lambda disk: topics.update(disk.topics()))
        return topics

    def set_topic(self, name: str, *, listed: bool) -> None:
        """Note that a retained topic is set, or that it has been cleared."""
        if not self._file.use(lambda disk: disk.set_topic(name, listed=listed)):
            self._memory.set_topic(name, listed=listed)

    def base(self) -> str | None:
        """Return where the topics of the run before began; None where that is not known."""
        found: list[str | None] = []
        self._file.use(lambda disk: found.append(disk.base()))
        return found[-1] if found else None

    def set_base(self, name: str) -> None:
        """Note where those of this run begin."""
        self._file.use(lambda disk: disk.set_base(name))

    def set_user(self, store_file: str | None, machine: str | None) -> None:
        """Note which store file uses this one, and on which machine; None: it cannot be told from others."""
        self._file.use(lambda disk: disk.set_user(store_file, machine))

    def _generation(self) -> int:
        """Return that of the next note: an older one that is found with this file is out of date.

        0 where this file has lost rows: then the other one is right, whatever its generation.
        """
        return self._open_people.generation + 1 if self._is_whole else 0

    def _settle(
        self,
        disk: SpoolDatabase,
        entries: Sequence[Entry],
        people: Mapping[str, bytes | None] = {},
        generation: int | None = None,
    ) -> None:
        generation = generation if entries or people else None
        earlier = self._first_id, self._expiry_ns()
        self._report(*disk.put(entries, self._now_ns(), people, generation, earlier=earlier))

    def _bring_over(self, damaged: Path, disk: SpoolDatabase) -> None:
        """Write into the new file what can be read of the damaged one, and count what cannot."""
        self._is_whole = False
        found = salvage(damaged)
        self._settle(disk, found.entries, found.people)
        for name in found.topics:
            disk.set_topic(name, listed=True)
        self._last_id = max(self._last_id, disk.last_id)
        self._report(Counter(), found.lost)
        text = "%d messages of the damaged file were saved, %d could not be read"
        logger.warning(text, len(found.entries), found.lost.total())

    def _bring_back(self, disk: SpoolDatabase) -> None:
        """Move what waited in memory to the disk, which was opened just now."""
        self._last_id = max(self._last_id, disk.last_id)
        waiting = self._memory.pending(0, NO_END, self._memory.messages, None)
        names, people = self._memory.topics(), self._memory.people()
        if not (waiting or names or people or self._gone or self._left):
            return

        disk.delete(self._gone)
        for name in names:
            disk.set_topic(name, listed=True)
        self._settle(disk, waiting, {**dict.fromkeys(self._left), **people}, self._generation())
        self._gone.clear()
        self._left.clear()
        self._memory.close()
        self._memory = SpoolDatabase(None, self._memory.limit_bytes)

    def _report(self, expired: Counter[MessageKind], dropped: Counter[MessageKind]) -> None:
        for why, counts in (("expired", expired), ("dropped", dropped)):
            for kind, count in counts.items():
                self._on_lost(kind, why, count)
