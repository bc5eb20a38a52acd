"""What `msh doctor --fix` may mend by itself: missing folders, files that others may read. No more."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import pipelines.errors
from pipelines.paths import state_path
from pipelines.printable import noted
from pipelines.settings.load import own_secrets
from scripts.check_result import CheckResult, fail, ok, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipelines.settings import Settings

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class SafeFix:
    """One thing that can be mended without a risk. mend: does it, raises OSError."""

    name: str
    found: str
    done: str
    mend: Callable[[], None]


def look_at_fixable(settings: Settings, secrets: Path, *, fix: bool) -> Iterator[CheckResult]:
    """Yield a warning for each such thing, or mend it. secrets: the folder of secret files."""
    for one in find_fixes(settings, secrets):
        if not fix:
            yield warn(one.name, one.found, "msh doctor --fix mends it")
            continue
        try:
            one.mend()
        except OSError as error:
            yield fail(
                one.name, f"{one.found}; {error.strerror}", "call msh doctor --fix as its owner or as root"
            )
        else:
            yield ok(one.name, f"mended: {one.done}")


def find_fixes(settings: Settings, secrets: Path) -> Iterator[SafeFix]:
    """Yield what can be mended: folders of outputs and state, rights of state and secrets."""
    outputs = settings.outputs
    folders: dict[str, Path] = {}
    if outputs.record:
        folders["record"] = outputs.record.folder
    if outputs.snapshots:
        folders["snapshots"] = outputs.snapshots.folder
    if outputs.metadata:
        folders["metadata"] = outputs.metadata.file.parent
    for name, folder in folders.items():
        if not folder.exists():
            make = partial(folder.mkdir, mode=0o700, parents=True)
            yield SafeFix(f"folder {name}", f"{folder} is not there yet", f"{folder} is made", make)
    try:
        state = state_path()
    except pipelines.errors.BadInput:
        return  # said by the check of the state folder
    if not state.exists():
        make = partial(state.mkdir, mode=0o700, parents=True)
        yield SafeFix("folder state", f"{state} is not there yet", f"{state} is made", make)
    elif state.stat().st_mode & _OTHERS:
        yield _closed("rights of state", state, 0o700)
    for place in (secrets, own_secrets()):
        if place is None or not place.is_dir():
            continue
        for file in noted(sorted(place.iterdir())):
            if file.is_file() and not file.is_symlink() and file.stat().st_mode & stat.S_IRWXO:
                # Its group keeps what it has: a service may read its secrets by its group.
                mode = stat.S_IMODE(file.stat().st_mode) & ~stat.S_IRWXO
                yield _closed(f"secret {file.name}", file, mode)


def _closed(name: str, path: Path, mode: int) -> SafeFix:
    now = stat.S_IMODE(path.stat().st_mode)
    whose = "its owner and group" if mode & stat.S_IRWXG else "its owner only"
    found, done = f"{path} is open to others ({now:o})", f"{path} is for {whose} ({mode:o})"
    return SafeFix(name, found, done, partial(_chmod, path, mode))


def _chmod(path: Path, mode: int) -> None:
    # By descriptor: root calls this, and the store's user could put a link there meanwhile.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
