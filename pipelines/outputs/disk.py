"""Files of outputs: named by their time, written whole or not at all, bounded in sum."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

PART = ".part"
MAX_NAME = 255
"""Most bytes of a file's name on the file systems that Linux has (NAME_MAX of limits.h)."""
AHEAD_NS: Final = 3600 * 1_000_000_000
"""What is named or dated so much later than now was written by a clock that ran ahead."""
_STAMP: Final = re.compile(r"\d{8}T\d{9}Z", re.ASCII)


class OutputFailed(Exception):
    """A file could not be written: one line that says which, why, and what to do."""


def stamp(captured_at: int) -> str:
    """Return UTC nanoseconds as a file name that sorts by time, such as 20261122T103107412Z.

    >>> stamp(1_764_000_000_007_000_000)
    '20251124T160000007Z'
    """
    seconds, rest = divmod(captured_at, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y%m%dT%H%M%S}{rest // 1_000_000:03d}Z"


def fitting(stem: str, suffix: str) -> str:
    """Return a file's name of both, the stem cut where a file system would not take so many bytes.

    >>> fitting("customer", ".mp4.part"), len(fitting("ü" * 126, ".jpg").encode())
    ('customer.mp4.part', 254)
    """
    while stem and len(os.fsencode(stem + suffix)) > MAX_NAME:
        stem = stem[:-1]
    return stem + suffix


def write_whole(path: Path, data: bytes) -> None:
    """Write so that a reader, or a crash, finds the whole file or none; OutputFailed where it cannot be."""
    if not path.name:  # "." and "/" have none, and so no draft beside them
        raise OutputFailed(f"{path}: cannot be written: it is a folder; name a file in it")
    part = path.with_name(fitting(path.name, PART))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise OutputFailed(
            f"{path}: cannot be written: {error.strerror}; free space or mend the folder"
        ) from error


def trim(folder: Path, suffix: str, max_bytes: int, *, now: int) -> int:
    """Delete the oldest files of this suffix, by name, until all fit, unfinished ones too; return how many.

    folder holds one folder a camera; unfinished files count, but are never deleted. What cannot be deleted is
    left, and does not count. now: UTC ns. What a clock that ran ahead has named goes before all others: once
    that is all that fits, what is new would go at once.
    """
    finished, total, latest = [], 0, stamp(now + AHEAD_NS)
    for path in folder.glob(f"*/*{suffix}*"):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue
        total += size
        if path.suffix == suffix:
            is_ahead = _STAMP.match(path.name) is not None and path.name > latest
            finished.append((not is_ahead, path.name, path, size))
    deleted = 0
    for *_, path, size in sorted(finished):
        if total <= max_bytes:
            break
        total -= size
        with suppress(OSError):  # one that somebody else put there must not cost all others
            path.unlink(missing_ok=True)
            deleted += 1
    return deleted
