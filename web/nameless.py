"""Files that no folder lists: what visitors send is gone with this process, however that ends."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO


def nameless(path: Path) -> BinaryIO:
    """Return a new file in a path's folder, without its name."""
    file = path.open("x+b")
    path.unlink()
    return file


def opened_path(file: BinaryIO) -> str:
    """Return a path by which this process, and a child that keeps the file, can open it again."""
    return f"/proc/self/fd/{file.fileno()}"


class Nameless:
    """A file whose name is taken away. It stays readable by `path` as long as anybody holds this object."""

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        path.unlink()
        self.path = Path(f"/proc/self/fd/{descriptor}")
