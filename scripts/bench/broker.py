"""A mosquitto of one's own, on a port of this machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from scripts.demo.children import wait_for_port
from scripts.demo.settings import HOST

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from scripts.demo.children import Children


def broker_program() -> str:
    """Return where mosquitto is. Raises BadInput."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found is None:
        raise BadInput("mosquitto is not installed; install it: sudo apt-get install mosquitto")
    return found


def start_broker(children: Children, folder: Path, port: int) -> subprocess.Popen[str]:
    """Start one that lets everybody in and keeps nothing. Raises BadInput, StartFailed."""
    config, log = folder / "mosquitto.conf", folder / "mosquitto.log"
    config.write_text(f"listener {port} {HOST}\nallow_anonymous true\nuser root\nlog_type none\n")
    command = [broker_program(), "-c", str(config)]
    process = children.start("mosquitto", command, folder=folder, log=log)
    wait_for_port("mosquitto", process, port, log)
    return process
