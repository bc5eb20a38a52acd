"""A private folder for uploads that holds nothing before the server starts and nothing after it has ended."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

logger = logging.getLogger(__name__)

PREFIX = "uploads-"
LOCK = ".lock"


class Scratch:
    """A folder that only this user can read. What servers left behind that were killed is removed first."""

    def __init__(self, base: Path) -> None:
        """Make the folder inside `base`; where that cannot be, log it: there is room for nothing then."""
        self.path, self._lock = base / "none", -1
        try:
            base.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(base)
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
            self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = "no place for uploads, the page goes without: %s: %s; set STATE_DIRECTORY to a folder"
            logger.error(text, base, error.strerror)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.close(self._lock)

    def used(self) -> int:
        """Return how many bytes lie in it; folders and files may vanish meanwhile."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118 as walk gives them
        return total

    def free(self) -> int:
        """Return how many bytes the disk has left."""
        try:
            return shutil.disk_usage(self.path).free
        except OSError:
            return 0


def _sweep(base: Path) -> None:
    """Remove the folders that nobody holds a lock on any more."""
    for old in base.glob(f"{PREFIX}*"):
        try:
            lock = os.open(old / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            shutil.rmtree(old, ignore_errors=True)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(lock)
