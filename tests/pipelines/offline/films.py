"""What the tests of films share: how ffmpeg makes one, and what is read and told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.offline.reader import read_frames

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 30
X264 = ("-c:v", "libx264", "-preset", "veryfast")  # with frames out of order, as by default


def read(path: Path) -> tuple[int, list[str]]:
    """Return how many frames are read, and what is told."""
    notes: list[str] = []
    return len(list(read_frames(path, notes.append))), notes
