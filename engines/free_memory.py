"""Giving freed memory back to the system: glibc keeps it otherwise, for threads that may never ask again."""

from __future__ import annotations

import ctypes
import os
import sys

ARENAS = 2
"""Pools of memory for all threads. glibc takes eight a core; each thread leaves one behind, half empty."""
_M_ARENA_MAX = -8
KERNELS = 64
"""Kernels that oneDNN keeps for the whole process. Each compiled model keeps its own beside these; of the
1,024 that oneDNN would keep, 90 MB stayed when the models of looks were let go."""
_KERNELS_VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


def release_free_memory() -> None:
    """Give back what is free; takes milliseconds. Without glibc nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        return


def share_arenas(max_arenas: int = ARENAS) -> bool:
    """Let all threads share so many pools of memory; call it before threads start. Return whether it holds.

    MALLOC_ARENA_MAX in the environment goes first. Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux") or "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, max_arenas))
    except (OSError, AttributeError):  # another C library
        return False


def limit_kernels(max_kernels: int = KERNELS) -> None:
    """Let oneDNN, inside OpenVINO, keep so many kernels for all; call it before the first inference.

    Its own variable in the environment goes first.
    """
    os.environ.setdefault(_KERNELS_VARIABLE, str(max_kernels))
