"""Giving freed memory back to the system: glibc keeps it otherwise, for threads that may never ask again."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import threading
from contextlib import suppress
from typing import Any

ARENAS = 2
"""Pools of memory for all threads. glibc takes eight a core; each thread leaves one behind, half empty."""
_M_ARENA_MAX = -8
KERNELS = 64
"""Kernels that oneDNN keeps for the whole process. Each compiled model keeps its own beside these; of the
1,024 that oneDNN would keep, 90 MB stayed when the models of looks were let go."""
_KERNELS_VARIABLE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"


_mapped: list[mmap.mmap] = []
_lock = threading.Lock()
_of_thread = threading.local()


def note_mapped(pages: mmap.mmap) -> None:
    """Note a file that nobody writes and that stays mapped, for `drop_mapped_pages`."""
    with _lock:
        _mapped.append(pages)


def drop_mapped_pages() -> None:
    """Give back pages of mapped files; who reads one again has it from the file."""
    with _lock:
        mapped = list(_mapped)
    for pages in mapped:
        with suppress(OSError, AttributeError):  # not every system has it
            pages.madvise(mmap.MADV_DONTNEED)


class ThreadMemory:
    """Working memory of compiled models that one thread keeps between two pictures, until `release`.

    What a model gives back after each picture it takes anew for the next one, and other things come to lie
    in between: after a dozen looks 200 MB of the heap lay free, in pieces. Kept, it is taken once.
    """

    def __init__(self) -> None:
        self._requests: dict[int, Any] = {}

    def begin(self) -> None:
        """Keep it for the models that this thread uses from now on."""
        _of_thread.memory = self

    def add(self, request: Any) -> None:
        """Note the request of a model whose working memory is given back later.

        Of a request, not of a model: OpenVINO makes a new object of the model each time it is asked for one,
        and a thread that never rests would note them without end.
        """
        self._requests[id(request)] = request

    def release(self) -> None:
        """Give back what is kept, to the C library; see `release_free_memory`."""
        requests, self._requests = list(self._requests.values()), {}
        for request in requests:
            release_memory_of(request.get_compiled_model())


def release_working_memory(request: Any, *, at_once: bool = False) -> None:
    """Give back what the model of a request keeps between two inferences; one under way keeps it.

    Where the thread keeps it (`ThreadMemory`), that is put off. at_once: not even then.
    """
    memory = getattr(_of_thread, "memory", None)
    if memory is not None and not at_once:
        memory.add(request)
        return
    release_memory_of(request.get_compiled_model())


def release_memory_of(compiled: Any) -> None:
    """Give back what a compiled model keeps between two inferences; one under way keeps it."""
    with suppress(RuntimeError):
        compiled.release_memory()


def release_free_memory() -> None:
    """Give back what is free, and mapped pages; takes milliseconds. Without glibc only the latter."""
    drop_mapped_pages()
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):  # another C library
        return


def share_arenas() -> bool:
    """Let all threads share ARENAS pools of memory; call it before threads start. Return whether it holds.

    MALLOC_ARENA_MAX in the environment goes first. Without glibc nothing happens.
    """
    if not sys.platform.startswith("linux") or "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
    except (OSError, AttributeError):  # another C library
        return False


def limit_kernels() -> None:
    """Let oneDNN, inside OpenVINO, keep KERNELS kernels for all; call it before the first inference.

    Its own variable in the environment goes first.
    """
    os.environ.setdefault(_KERNELS_VARIABLE, str(KERNELS))
