"""Threads that work inside OpenVINO, at the end of the process.

A daemon thread that comes back from native code while the interpreter ends is torn down in the middle of C++:
the process aborts, or crashes in PyErr_Restore. So its end waits for such a thread.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

logger = logging.getLogger(__name__)

EXIT_S = 60.0
"""Loading models takes longer than `timeout_s` on a busy machine. All else is closed by then."""

_left: list[threading.Thread] = []
_exit_by: list[float] = []


def join_native(thread: threading.Thread, timeout_s: float) -> bool:
    """Wait for a thread that was told to end; return whether it did.

    One that did not is waited for once more when the process ends, for EXIT_S at most with all the others.
    """
    if thread.ident is None:
        return True
    thread.join(timeout_s)
    if thread.is_alive():
        if not _left:
            atexit.register(_wait)
        _left.append(thread)
    return not thread.is_alive()


def exit_by(moment: float) -> None:
    """End the process by then, s of the monotonic clock, with status 1 where such threads do not end before.

    For whoever is killed a little later, and has closed and written all before it ends.
    """
    _exit_by[:] = [moment]


def _wait() -> None:
    until = min([time.monotonic() + EXIT_S, *_exit_by])
    for thread in _left:
        thread.join(max(0.0, until - time.monotonic()))
    alive = [thread.name for thread in _left if thread.is_alive()]
    _left.clear()
    if alive and _exit_by:
        try:
            logger.error("the process ends without its threads that do not: %s", ", ".join(alive))
            logging.shutdown()
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):  # whoever reads it may be gone
                    stream.flush()
        finally:
            os._exit(1)
