"""The models that a shop adds to those that come along: a folder with a manifest of its own.

The manifest has the form of configs/models.yaml, its files lie beside it, and a name is in one of the two.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from engines.errors import BadInput
from engines.plain_yaml import load_bounded
from pricing.plain_file import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_VARIABLE = "MSH_MODELS"
FILE = "models.yaml"
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}", re.ASCII)


def own_folder() -> Path:
    """Return where a shop's own models are: $MSH_MODELS, else a folder in the state of the program."""
    env = os.environ
    if wanted := env.get(FOLDER_VARIABLE):
        return Path(wanted)
    if state := env.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(state) / "models"
    home = env.get("XDG_STATE_HOME") or Path(env.get("HOME") or "/var/lib") / ".local/state"
    return Path(home) / "msh" / "models"


def own_manifest() -> Path | None:
    """Return the manifest of the shop's own models; None where there are none."""
    path = own_folder() / FILE
    return path if path.is_file() else None


def checked_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that a new model may have. Raises BadInput."""
    if not NAME.fullmatch(name):
        raise BadInput(f"model name {name!r}: write up to 63 of a-z, 0-9, '.' and '-'")
    if name in taken:
        raise BadInput(f"model {name} is there already; take another name, or remove that one first")
    return name


def install_model(name: str, made: Path, entry: Mapping[str, Any], folder: Path) -> Path:
    """Move a model's file into the folder and list it there; return its place. Raises BadInput.

    entry: what the manifest says of it but for `file` and `sha256`. The manifest is replaced whole.
    """
    listed = _read(folder)
    file = folder / f"{name}{made.suffix}"
    digest = hashlib.sha256(made.read_bytes()).hexdigest()
    listed[name] = {"file": file.name, "sha256": digest, **entry}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        shutil.copyfile(made, part)
        replace_file(part, file)
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot keep the model: {error.strerror}; see ${FOLDER_VARIABLE}"
        ) from error
    _write(folder, listed)
    return file


def remove(name: str, folder: Path) -> None:
    """Take a model out of the manifest and delete its file. Raises BadInput where it is not in there."""
    listed = _read(folder)
    if name not in listed:
        names = ", ".join(sorted(listed)) or "none"
        raise BadInput(f"model {name} is none of your own in {folder}; those are: {names}")
    gone = listed.pop(name)
    _write(folder, listed)
    (folder / str(gone.get("file", ""))).unlink(missing_ok=True)


def _read(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    try:
        content = load_bounded(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read: {' '.join(str(error).split())}") from error
    models = content.get("models") if isinstance(content, dict) else None
    if not isinstance(models, dict):
        raise BadInput(f"{path}: expected `version` and `models`; mend it or move it away")
    return models


def _write(folder: Path, models: Mapping[str, Any]) -> None:
    text = yaml.safe_dump({"version": 1, "models": dict(models)}, sort_keys=False, allow_unicode=True)
    path = folder / FILE
    part = path.with_suffix(".part")
    try:
        if not models:
            path.unlink(missing_ok=True)
            return
        part.write_text(f"# The models that `msh models add` and `fetch` put here.\n{text}", encoding="utf-8")
        replace_file(part, path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error
