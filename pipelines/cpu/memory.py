"""How much memory the process has taken since a moment: for what must not take it all."""

from __future__ import annotations

import resource
from pathlib import Path

_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")


class MemoryGrowth:
    """Counts from its construction."""

    def __init__(self) -> None:
        self._before = resident_bytes()

    def bytes(self) -> int:
        """Return by how many bytes the resident memory has grown; 0 where that is not known."""
        now = resident_bytes()
        return now - self._before if now and self._before else 0


def resident_bytes() -> int:
    """Return the resident memory of the process; 0 where the system does not show it."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
