"""Keeps what a process holds from other users and from dumps of its memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys

PR_SET_DUMPABLE = 4
"""From linux/prctl.h."""
OTHERS = 0o077


def make_private() -> None:
    """Let new files and folders be this user's alone, and keep its memory to itself."""
    os.umask(OTHERS)
    keep_memory()


def keep_memory() -> None:
    """Write no core, and let nobody read this process's memory: open faces and passwords are in it."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
