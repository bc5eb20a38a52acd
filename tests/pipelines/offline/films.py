"""What the tests of films share: how ffmpeg makes one, and what is read and told of it."""

from __future__ import annotations

import functools
import re
import subprocess
from typing import TYPE_CHECKING

from pipelines.offline.reader import read_frames

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 30
X264 = ("-c:v", "libx264", "-preset", "veryfast")  # with frames out of order, as by default


def ffmpeg(*how: str | Path, cwd: Path | None = None) -> None:
    """Run ffmpeg, which says nothing but errors."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *how], check=True, timeout=600, cwd=cwd)


def make_film(path: Path, picture: str, *how: str) -> None:
    """Make a film. picture: what ffmpeg's lavfi shall draw. how: its codec and the like."""
    ffmpeg("-f", "lavfi", "-i", picture, *how, path, cwd=path.parent)


def read(path: Path) -> tuple[int, list[str]]:
    """Return how many frames are read, and what is told."""
    notes: list[str] = []
    return len(list(read_frames(path, notes.append))), notes


@functools.cache
def timing(mode: str) -> list[str]:
    """Return ffmpeg's option for the times of pictures: from 5.1 on it has a new name, from 9.0 on no old.

    mode: "vfr" or "passthrough".
    """
    shown = subprocess.run(["ffmpeg", "-version"], capture_output=True, check=True, text=True).stdout
    release = re.match(r"ffmpeg version n?(\d+)\.(\d+)", shown)
    is_old = release is not None and (int(release[1]), int(release[2])) < (5, 1)
    return ["-vsync" if is_old else "-fps_mode", mode]
