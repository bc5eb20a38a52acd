"""Packages that few stores need, in lists of their own: how to install one."""

from __future__ import annotations

import shlex
import sys

from engines.paths import ROOT


def install_command(extra: str) -> str:
    """Return the command that installs an extra of the package, such as "models"."""
    pins = ROOT / "requirements" / f"{extra}.txt"
    if not pins.is_file():
        return f'pip install "make-sales-happen[{extra}]"'
    return shlex.join([sys.executable, "-m", "pip", "install", "--no-deps", "-r", str(pins)])
