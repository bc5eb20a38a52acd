"""From the form of an older store file to that of this release, one version at a time.

A new version of the form adds a step here; backups of older releases then go on being read by `msh restore`,
and `scripts/install` brings the store file along. Version 1 is the first, so there is no step yet.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

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


def migrated(text: str, steps: Mapping[int, Callable[[str], str]] = STEPS, current: int = CURRENT) -> str:
    """Return a store file in the form of this release; a file without a known version stays as it is."""
    version = version_of(text)
    while version is not None and version < current and version in steps:
        text = _VERSION.sub(f"version: {version + 1}", steps[version](text), count=1)
        version += 1
    return text
