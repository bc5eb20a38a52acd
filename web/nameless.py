"""Files that no folder lists: what visitors send is gone with this process, however that ends."""

from __future__ import annotations

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
    """A new file without its name. It is written and read by `path` as long as anybody holds this object."""

    def __init__(self, path: Path) -> None:
        file = nameless(path)
        self.path = Path(opened_path(file))
        self.close = weakref.finalize(self, file.close)
