"""Releases below a folder instead of the machine's own, made by this tree or by a small one."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

from engines.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNIT = ROOT / "configs/systemd/make-sales-happen.service"


def call(script: str, root: Path, *more: str, tree: Path = ROOT) -> str:
    command = [tree / "scripts" / script, "--root", root, "--files-only", *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def releases(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "opt/make-sales-happen").glob("release-*"))


def current(root: Path) -> str:
    return (root / "opt/make-sales-happen/current").readlink().name


def bundled(folder: Path, system: str) -> Path:
    """A small tree as scripts/bundle packs it."""
    for name in ("scripts/install", "scripts/setup", "pipelines/version.py", "pipelines/backup/migrate.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "configs/systemd", folder / "configs/systemd")
    shutil.copy2(ROOT / "configs/store.yaml", folder / "configs/store.yaml")
    (folder / "bundle").mkdir()
    (folder / "bundle/SYSTEM").write_text(system)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.relative_to(folder)}\n" for path in files
    ]
    (folder / "bundle/SHA256SUMS").write_text("".join(sums))
    return folder


def this_system() -> str:
    command = ["bash", "-c", f". {ROOT}/scripts/setup && this_system"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
