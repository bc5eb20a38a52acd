"""Where what must outlive a restart lies, and what this machine is called."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
from pathlib import Path

from pipelines.errors import BadInput

PROBE_BYTES = 4096
"""A block of the disk: an empty file can be made even on a full one."""
_OURS = re.compile(r"brands|compiled|page|secrets|.+\.(?:db(?:-wal|-shm)?|people|lock|json)")
"""What we keep in the state folder. Others put something there, too: a disk of its own has lost+found."""


def state_path() -> Path:
    """Return where what must outlive a restart lies: systemd's folder, else the user's."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    given = os.environ.get("XDG_STATE_HOME", "")
    if given:
        return Path(given) / "msh"
    try:
        return Path.home() / ".local/state/msh"
    except RuntimeError:  # a user without HOME whom the system does not know
        raise BadInput(
            "this user has no home folder: set STATE_DIRECTORY to a folder in which it may write"
        ) from None


def state_folder() -> Path:
    """Return the state folder, whose files outlive a restart; it is created if possible.

    Without it the store runs all the same, so writers must handle errors. `state_problem` reports it.
    """
    base = state_path()
    with contextlib.suppress(OSError):
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    return base


def state_problem() -> str:
    """Try to write to the state folder, and whether what lies there can be; return why not, in one line."""
    probe = state_folder() / f".probe-{os.getpid()}"
    try:
        with probe.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"{probe.parent}: {error.strerror}"
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return _closed_to_us(probe.parent)


def _closed_to_us(folder: Path) -> str:
    """Return which of our files in the folder this user may not use, and how to mend it; or nothing.

    A command that root called, or a copy of another box, leaves them: none is used then, although the folder
    itself can be written.
    """
    with os.scandir(folder) as entries:
        ours = [one for one in entries if _OURS.fullmatch(one.name) and not one.is_symlink()]
    closed = sorted(one.path for one in ours if not _usable(one))
    if not closed:
        return ""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    more = f" and {len(closed) - 1} more" if closed[1:] else ""
    return f"{closed[0]}{more}: not this user's; as root: chown -R {user} {folder} && chmod -R u+rwX {folder}"


def _usable(entry: os.DirEntry[str]) -> bool:
    mode = os.R_OK | os.W_OK | (os.X_OK if entry.is_dir() else 0)
    # What has gone meanwhile, as SQLite's files beside a database do, is nothing to mend.
    return os.access(entry.path, mode, effective_ids=True) or not os.path.lexists(entry.path)


def host_slug() -> str:
    """Return the host's name as topics may carry it."""
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower())
    return letters.strip("-")[:32].strip("-") or "device"
