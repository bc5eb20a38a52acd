"""Giving freed memory back to the system: glibc keeps it otherwise, for threads that may never ask again."""

from __future__ import annotations

import ctypes
import sys


def release_free_memory() -> None:
    """Give back what is free; takes milliseconds. Without glibc nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        return
