"""How much memory the process has taken since a moment: no answer of a camera may take it all.

rtspsrc takes in whatever an answer claims to hold.
"""

from __future__ import annotations

import resource
from pathlib import Path

MAX_GROWTH = 1_000_000_000
"""Far more than any camera needs before its first frame."""
TOO_MUCH = "memory grew by a gigabyte before the first frame"
_PAGE = resource.getpagesize()
_STATM = Path("/proc/self/statm")


class MemoryGrowth:
    """Counts from its construction.

    It is that of the whole process: another camera that connects just then may be given up too, and is called
    again.
    """

    def __init__(self) -> None:
        self._before = resident_bytes()

    @property
    def is_too_much(self) -> bool:
        """Whether it is more than a camera may take; False where that is not known."""
        now = resident_bytes()
        return bool(now and self._before) and now - self._before > MAX_GROWTH


def resident_bytes() -> int:
    """Return the resident memory of the process; 0 where the system does not show it."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
