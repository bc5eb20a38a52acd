"""From the form of an older store file to that of this release, one version at a time.

A new version of the form adds a step here; backups of older releases then go on being read by `msh restore`,
and `scripts/install` brings the store file along. Version 1 is the first, so there is no step yet.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.backup.staging import copy_new
from pipelines.errors import BadInput
from pricing.plain_file import check_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CURRENT: Final = 1
STEPS: Final[Mapping[int, Callable[[str], str]]] = {}
"""Version -> what makes the text of a file of that version one of the next; remarks and order stay."""
_VERSION: Final = re.compile(r"(?m)^version:[ \t]*([0-9]{1,3})(?=[ \t]*(?:#|$))")


def version_of(text: str) -> int | None:
    r"""Return the version that a store file says it has; None where it says none.

    >>> version_of("# my shop\nversion: 1\nstore: {}\n")
    1
    """
    found = _VERSION.search(text)
    return int(found[1]) if found else None


def migrate_file(path: Path) -> Path | None:
    """Bring a store file to this release's form; return where the file before is kept, None if it has it.

    Raises BadInput where it cannot be written.
    """
    try:
        check_plain(path)
        before = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None  # who loads it says what is wrong
    after = migrated(before)
    if after == before:
        return None
    former, draft = path.with_name(f"{path.name}.v{version_of(before)}"), path.with_name(f".{path.name}.new")
    try:
        for one in (draft, former):
            one.unlink(missing_ok=True)  # root calls this: it may be the store's link to another file
        status = path.stat()
        copy_new(path, former, status)
        with tempfile.TemporaryDirectory(prefix="msh-migrate-") as scratch:
            written = Path(scratch) / path.name
            written.write_text(after, encoding="utf-8")
            copy_new(written, draft, status)
        draft.replace(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be brought to the new form ({error.strerror})") from None
    return former


def migrated(
    text: str, steps: Mapping[int, Callable[[str], str]] | None = None, current: int | None = None
) -> str:
    """Return a store file in the form of this release; a file without a known version stays as it is."""
    steps, current = steps or STEPS, current or CURRENT
    version = version_of(text)
    while version is not None and version < current and version in steps:
        text = _VERSION.sub(f"version: {version + 1}", steps[version](text), count=1)
        version += 1
    return text
