"""Logs when something starts to fail and when it works again, and nothing in between."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


class Outage:
    """One thing that may fail again and again: its first failure is logged, then its recovery. Any thread.

    A failure with another `cause` than the last one is logged too. failed, recovered: the log lines.

    >>> log = logging.getLogger("example")
    >>> log.disabled = True
    >>> writing = Outage(log, "snapshots cannot be written", "snapshots are written again")
    >>> writing.fail("No space left on device"), writing.fail("No space left on device"), writing.recover()
    (True, False, True)
    """

    def __init__(self, logger: Logger, failed: str, recovered: str, *, level: int = logging.ERROR) -> None:
        self._logger, self._failed, self._recovered, self._level = logger, failed, recovered, level
        self._lock = threading.Lock()
        self._active, self._cause = False, ""

    @property
    def active(self) -> bool:
        """Whether the last thing heard was a failure."""
        return self._active

    def fail(self, detail: object = "", *, cause: str = "", error: BaseException | None = None) -> bool:
        """Note a failure; return whether it was logged. error: logged with its traceback."""
        with self._lock:
            fresh = not self._active or cause != self._cause
            self._active, self._cause = True, cause
        if fresh:
            text = f"{self._failed} ({detail})" if str(detail) else self._failed
            self._logger.log(self._level, "%s", text, exc_info=error)
        return fresh

    def recover(self) -> bool:
        """Note that it worked; return whether that was logged."""
        if not self._active:  # the common case, without the lock
            return False
        with self._lock:
            was, self._active = self._active, False
        if was:
            self._logger.info("%s", self._recovered)
        return was


class CameraOutages:
    """An `Outage` of each camera: one that fails beside others that work is logged once, by its name.

    >>> log = logging.getLogger("example")
    >>> log.disabled = True
    >>> writing = CameraOutages(log, "snapshots cannot be written", "snapshots are written again")
    >>> writing.fail("till", "No space left on device"), writing.recover("door"), writing.recover("till")
    (True, False, True)
    """

    def __init__(self, logger: Logger, failed: str, recovered: str) -> None:
        self._logger, self._failed, self._recovered = logger, failed, recovered
        self._failing: dict[str, Outage] = {}

    def fail(self, camera: str, detail: object) -> bool:
        """Note a failure; return whether it was logged."""
        recovered = f"{self._recovered} (camera {camera})"
        outage = self._failing.setdefault(camera, Outage(self._logger, self._failed, recovered))
        return outage.fail(f"camera {camera}: {detail}")

    def recover(self, camera: str) -> bool:
        """Note that it worked; return whether that was logged."""
        outage = self._failing.pop(camera, None)
        return outage is not None and outage.recover()
