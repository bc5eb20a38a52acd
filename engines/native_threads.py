"""Threads that work inside OpenVINO, at the end of the process.

A daemon thread that comes back from native code while the interpreter ends is torn down in the middle of C++:
the process aborts, or crashes in PyErr_Restore. So its end waits for such a thread.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading

EXIT_S = 60.0
"""Loading models takes longer than `timeout_s` on a busy machine. All else is closed by then."""


def join_native(thread: threading.Thread, timeout_s: float) -> bool:
    """Wait for a thread that was told to end; return whether it did.

    One that did not is waited for once more when the process ends, for EXIT_S at most.
    """
    if thread.ident is None:
        return True
    thread.join(timeout_s)
    if thread.is_alive():
        atexit.register(thread.join, EXIT_S)
    return not thread.is_alive()
