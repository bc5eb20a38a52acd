"""Whose end the broker has not acknowledged: a small file beside the spool, for when that loses it."""

from __future__ import annotations

import json
import logging
import os
import struct
import zlib
from typing import TYPE_CHECKING, Final

from pipelines.outputs.mqtt.spool_db import shifted_payload
from pricing.outage import Outage
from probes.events.messages import MessageKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

HALF_BYTES: Final = 32_768
FILE_BYTES: Final = 2 * HALF_BYTES
MAX_PEOPLE: Final = 256
MAX_AGE_NS: Final = 7 * 86_400 * 1_000_000_000
"""As long as a message waits at most."""
_MAGIC: Final = b"mshp"
_HEAD: Final = struct.Struct("<4sIQI")  # magic, CRC-32 of the rest, generation, bytes of content
_ENDED: Final = f'"person.{MessageKind.ENDED.value}"'.encode()


class OpenPeople:
    """The last event of each person whose end has not reached the broker, as JSON bytes by person.

    The file has one size from the start and is written in place, so it can be written on a full disk. Its
    halves are written in turn, each with a checksum: a write that was cut off leaves the one before. Once
    nobody is in it, neither half holds anything of anybody. Of more than MAX_PEOPLE or HALF_BYTES, those
    whose end is written down go first, then the oldest. Nothing here raises; without the file it keeps
    nothing. For one thread.
    """

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        """Begin without the file. now_ns: UTC ns."""
        self._path, self._now_ns = path, now_ns
        self._people: dict[str, bytes] = {}
        self._until: dict[str, int] = {}
        self._generation, self._is_read = 0, False
        self._used = [HALF_BYTES, HALF_BYTES]
        """How many bytes of each half may hold something."""
        self._fd: int | None = None
        self._outage = Outage(
            logger,
            f"who is in the store is kept in the message file alone, the file {path} cannot be used",
            f"who is in the store is kept in a file of its own again: {path}",
            level=logging.WARNING,
        )

    @property
    def people(self) -> dict[str, bytes]:
        """The last events; after `open`, those that an earlier run has left."""
        return dict(self._people)

    @property
    def generation(self) -> int:
        """The number of the newest write."""
        return self._generation

    def open(self, newest: int = 0) -> None:
        """Open or make the file, readable by this user alone; the first time, read it.

        newest: whom an older generation names is forgotten: the newest half was damaged or never written.
        """
        if self._fd is not None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self._path, flags, 0o600)
            try:
                if os.fstat(fd).st_size < FILE_BYTES:
                    os.posix_fallocate(fd, 0, FILE_BYTES)
                halves = [os.pread(fd, HALF_BYTES, start) for start in (0, HALF_BYTES)]
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            self._outage.fail(error)
            return
        self._fd = fd
        if self._is_read:  # in memory since; the file has missed what changed while it could not be used
            return
        self._is_read = True
        generation, found = max(map(_read, halves), key=lambda half: half[0])
        self._generation = max(generation, newest)
        if generation < newest:
            return
        self._until = {**dict.fromkeys(found, self._now_ns() + MAX_AGE_NS), **self._until}
        self._people = {**found, **self._people}

    def note(self, changes: Mapping[str, bytes | None], *, flush: bool = False) -> None:
        """Take the last event of persons, None of those whose end has arrived; what is too old goes.

        flush: so that it outlives a loss of power, too.
        """
        now = self._now_ns()
        old = [key for key, until in self._until.items() if until <= now]
        changes = {**dict.fromkeys(old), **changes}
        if all(self._people.get(key) == body for key, body in changes.items()):
            return
        for key, body in changes.items():
            self._forget(key)
            if body is not None:  # the last in order is the newest
                self._people[key], self._until[key] = body, now + MAX_AGE_NS
        self._write(flush=flush)

    def shift(self, step: int) -> None:
        """Add `step` ns to all times: the clock was set meanwhile."""
        self._people = {key: shifted_payload(body, step) for key, body in self._people.items()}
        self._until = {key: until + step for key, until in self._until.items()}
        if self._people:
            self._write(flush=False)

    def _forget(self, key: str) -> None:
        self._people.pop(key, None)
        self._until.pop(key, None)

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _write(self, *, flush: bool) -> None:
        self.open()
        if self._fd is None:
            return
        content = self._content()
        rest = struct.pack("<QI", self._generation + 1, len(content)) + content
        half = struct.pack("<4sI", _MAGIC, zlib.crc32(rest)) + rest
        other, here = self._generation % 2, (self._generation + 1) % 2
        try:
            # Nothing is left of a longer one before.
            os.pwrite(self._fd, half.ljust(self._used[here], b"\0"), HALF_BYTES * here)
            self._used[here] = len(half)
            if flush:
                os.fdatasync(self._fd)
            if not self._people:
                os.pwrite(self._fd, bytes(self._used[other]), HALF_BYTES * other)
                self._used[other] = 0
        except OSError as error:
            self._outage.fail(error)
            self.close()
            return
        self._generation += 1
        self._outage.recover()

    def _content(self) -> bytes:
        """Return all as bytes that fit; forgets whom there is no room for."""
        while True:
            texts = {key: body.decode("utf-8", "replace") for key, body in self._people.items()}
            content = zlib.compress(json.dumps(texts, ensure_ascii=False).encode(), 1)
            excess = len(texts) - MAX_PEOPLE
            if excess <= 0 and len(content) <= HALF_BYTES - _HEAD.size:
                return content
            order = sorted(self._people, key=lambda key: _ENDED not in self._people[key])
            for key in order[: excess if excess > 0 else max(1, len(order) // 8)]:
                self._forget(key)


def _read(half: bytes) -> tuple[int, dict[str, bytes]]:
    """Return generation and people of one half; 0 and nobody where it is none."""
    try:
        magic, checksum, generation, length = _HEAD.unpack_from(half)
        end = _HEAD.size + length
        if magic != _MAGIC or end > len(half) or zlib.crc32(half[8:end]) != checksum:
            return 0, {}
        texts = json.loads(zlib.decompress(half[_HEAD.size : end]))
        return generation, {str(key): str(text).encode() for key, text in texts.items()}
    except (struct.error, zlib.error, ValueError, AttributeError):
        return 0, {}
