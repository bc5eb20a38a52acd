"""Opens files that people name, where reading ends, and puts written ones in their place."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

_SHELL_PIPES: Final = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")
_ODD_KINDS: Final = (
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a named pipe, not a file; give a file or <(command)"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)


class FileSignature(NamedTuple):
    """What differs once a file, or who may read it, has changed. Times in ns; tools set the first."""

    written: int
    size: int
    number: int
    changed: int


def file_stamp(path: Path) -> FileSignature | None:
    """Return a file's stamp; None where nothing is seen of it."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return FileSignature(stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns)


def check_plain(path: Path) -> None:
    """Raise OSError where the path leads to no file, or to one that cannot be read.

    Of a folder, pipe, socket or device, `strerror` says which: reading it might wait for ever, or never end.
    A pipe of the shell, such as <(command), is taken.
    """
    _check(path, path.stat().st_mode)
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading in bytes; raises OSError as `check_plain` does."""
    mode = path.stat().st_mode
    _check(path, mode)  # before it is opened: for some devices that alone has an effect
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except BlockingIOError:
        if not stat.S_ISREG(mode):
            raise
        # Somebody holds a lease on the file, such as Samba for a client: who waits, gets it.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(handle).st_mode)
        os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_plain(path: Path, limit: int = -1) -> bytes:
    """Return the bytes of a file, at most `limit` of them; raises OSError as `check_plain` does."""
    with open_plain(path) as file:
        return file.read(limit)


def replace_file(draft: Path, target: Path) -> None:
    """Give a written file its name, in the place of another. Raises OSError.

    The disk has it before: after a power cut the name leads to the old file or the whole new one, else
    perhaps to an empty one.
    """
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)


def _check(path: Path, mode: int) -> None:
    if stat.S_ISFIFO(mode) and str(path).startswith(_SHELL_PIPES):
        return
    for is_kind, words in _ODD_KINDS:
        if is_kind(mode):
            number = errno.EISDIR if is_kind is stat.S_ISDIR else errno.EINVAL
            raise OSError(number, words, str(path))
