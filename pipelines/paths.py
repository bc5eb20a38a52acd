"""Where what must outlive a restart lies, and what this machine is called."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from pipelines.errors import BadInput

PROBE_BYTES = 4096
"""A block of the disk: an empty file can be made even on a full one."""


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
    """Try to write to the state folder; return why that fails, in one line, or nothing where it does not."""
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
    return ""


def host_slug() -> str:
    """Return the host's name as topics may carry it."""
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower())
    return letters.strip("-")[:32].strip("-") or "device"
