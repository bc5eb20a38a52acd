"""What a command writes replaces what it wrote before, and no other file: a slip costs no price list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.file_type import HEAD_BYTES
from pricing.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def check_own(target: Path, is_own: Callable[[bytes], bool], what: str) -> None:
    """Raise BadInput where a file is there that is not of the kind to be written.

    is_own: tells the kind by a file's first bytes. what: the kind in words, such as `a ZIP`.
    """
    if not target.is_file():
        return
    with target.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head and not is_own(head):
        raise BadInput(f"{target}: is another file, not {what}; name a file of its own")
