"""Writes files into folders that another user may write in at the same time: no link there is followed.

`msh restore` runs as root in folders of the store's user, who could put a link to any file of the machine
where root is about to write, or exchange a file before root gives it away.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY


def copy_new(source: Path, target: Path, like: os.stat_result) -> None:
    """Copy a file or folder to where nothing is yet, and sync it. Raises OSError, if something is there too.

    like: whose owner (as root) and rights the copy gets; a folder is open to its owner.
    """
    folder = os.open(target.parent, _FOLDER)
    try:
        _copy(source, target.name, folder, like)
    finally:
        os.close(folder)


def _copy(source: Path, name: str, folder: int, like: os.stat_result) -> None:
    is_folder = source.is_dir()
    if is_folder:
        os.mkdir(name, 0o700, dir_fd=folder)
        handle = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    else:
        handle = os.open(name, _NEW, 0o600, dir_fd=folder)
    try:
        if is_folder:
            for child in sorted(source.iterdir()):
                _copy(child, child.name, handle, like)
        else:
            with source.open("rb") as read, os.fdopen(handle, "wb", closefd=False) as out:
                shutil.copyfileobj(read, out)
        if os.geteuid() == 0:
            os.fchown(handle, like.st_uid, like.st_gid)
        mode = like.st_mode & (0o777 if is_folder else 0o666)
        os.fchmod(handle, mode | 0o100 if is_folder else mode)
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """Have root work with the rights of a folder's owner, for what opens files by name, such as SQLite."""
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    group = os.getegid()
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
