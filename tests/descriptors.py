"""What this process holds open."""

from __future__ import annotations

from pathlib import Path


def open_files() -> int:
    """Return how many descriptors are open."""
    return len(list(Path("/proc/self/fd").iterdir()))
