"""One program a store and state folder: two would end each other's people and lock each other's files."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

ENDING_S: Final = 5.0
"""A program that was killed a moment ago gives its memory back first, then its lock."""
RETRY_S: Final = 0.05


class StateLock:
    """Held by this process until `release` or its end, whatever ends it; not by processes that it starts.

    A folder that cannot be written is not locked: nothing is kept there.
    """

    def __init__(self, folder: Path, store: str, *, wait_s: float = ENDING_S) -> None:
        """Take the lock. Raises BadInput where another program holds it for longer than wait_s."""
        self._fd: int | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(folder / f"run-{store}.lock", flags, 0o600)
        except OSError as error:
            logger.debug("state folder not locked: %s", error)
            return
        try:
            self._take(fd, folder, store, time.monotonic() + wait_s)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Let another program have the folder."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _take(self, fd: int, folder: Path, store: str, until: float) -> None:
        while True:
            try:
                # A record lock: unlike flock's, it does not outlive this process in one that it started.
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(RETRY_S)
                    continue
                other = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
                whose = f"process {other}" if other.isdigit() else "another program"
                raise BadInput(
                    f"store.id {store}: {whose} runs this store with the state folder {folder} already:"
                    " end it, or set another STATE_DIRECTORY"
                ) from None
            except OSError as error:  # a file system without locks
                logger.debug("state folder not locked: %s", error)
                return
            else:
                with suppress(OSError):  # a full disk
                    os.pwrite(fd, f"{os.getpid():<19}\n".encode(), 0)
                return
