"""SHA-256 of large files, counted once in this process for as long as a file stays the same.

A store and its looks read 80 MB of models, each by more than one who must know that it is the right one.
"""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

SETTLED_NS = 2_000_000_000
"""A file that was written later than this before now may be written again with the same times."""

_lock = threading.Lock()
_known: dict[Path, tuple[FileStamp, hashlib._Hash]] = {}


class FileStamp(NamedTuple):
    """What changes with a file's content. Times in ns: of the content, and of what the system notes of it."""

    device: int
    inode: int
    size: int
    modified_at: int
    noted_at: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Return a file's stamp now. Raises OSError."""
        status = path.stat()
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @property
    def is_settled(self) -> bool:
        """Whether another content would have another stamp."""
        return time.time_ns() - max(self.modified_at, self.noted_at) > SETTLED_NS


def digest_of(path: Path) -> hashlib._Hash:
    """Return the SHA-256 of a file's content so far, which the caller may go on with. Raises OSError."""
    stamp = FileStamp.of(path)
    with _lock:
        known = _known.get(path)
    if known is not None and known[0] == stamp:
        return known[1].copy()
    found = hashlib.sha256(path.read_bytes())
    if stamp.is_settled and FileStamp.of(path) == stamp:
        with _lock:
            _known[path] = stamp, found.copy()
    return found
