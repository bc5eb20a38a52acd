"""One part of a record: what was flushed of it can be read, whatever became of what was written after."""

from __future__ import annotations

import gzip
import os
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from pipelines.outputs.journal.resume import BrokenRecord

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class RecordPart:
    """A gzip member at the end of a file. From one thread.

    part = RecordPart(path, append=True)
    part.write(lines)    # raises OSError, as where the disk is full
    part.cut()           # True: the file ends with what was written before, and the next part may follow
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        """append: after the parts that are there. Raises OSError where the file cannot be opened."""
        self._path = path
        self._file = path.open("ab" if append else "wb")
        self._is = _identity(os.fstat(self._file.fileno()))
        self._good, self._crc, self._size = self._file.tell(), 0, 0
        self._packed = gzip.GzipFile(path, "wb", compresslevel=5, fileobj=self._file)

    def write(self, lines: Iterable[str]) -> None:
        """Add lines, and flush them. Raises OSError; nothing more can be written then."""
        data = "".join(lines).encode()
        self._packed.write(data)
        self._packed.flush()
        self._good, self._size = self._file.tell(), self._size + len(data)
        self._crc = zlib.crc32(data, self._crc)

    def close(self) -> None:
        """Write the end. Raises OSError; the file is closed all the same."""
        try:
            self._packed.close()
        finally:
            self._file.close()

    def cut(self) -> bool:
        """Close a part that could not be written, and end it with the last flush. May be called again.

        False where the file is not there any more, or another one is. Raises OSError.
        """
        with suppress(FileNotFoundError):
            is_there = _identity(self._path.stat()) == self._is  # asked while it is open: no other can be it
            with suppress(OSError):
                self.close()
            if is_there:
                BrokenRecord(
                    self._path, self._good, self._crc if self._size else None, self._size, None
                ).mend()
                return True
        return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
