"""Where what must outlive a restart lies, and what this machine is called."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from pipelines.errors import BadInput


def state_path() -> Path:
    """Return where what must outlive a restart lies: systemd's folder, else the user's."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "msh"


def state_folder() -> Path:
    """Return, made if need be, the folder for what must outlive a restart. Raises BadInput."""
    base = state_path()
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{base}: cannot be made ({error.strerror}); set STATE_DIRECTORY to a folder"
        ) from None
    return base


def host_slug() -> str:
    """Return the host's name as topics may carry it."""
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower())
    return letters.strip("-")[:32].strip("-") or "device"
