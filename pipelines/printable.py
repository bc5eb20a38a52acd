"""Names from outside made fit for one printed line: file names may hold any bytes."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Name = TypeVar("Name", "str", "Path")

_NEVER: Final = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
_JOINERS: Final = "\u200c\u200d"
"""Part of words in Persian and Indic scripts."""
MAX_BROKEN: Final = 1000
_broken: set[str] = set()
"""Names of files that hold line breaks or tabs. In a text of many lines nothing else tells that they do."""


def printable(text: str) -> str:
    r"""Return the text with escapes for control characters, marks of direction, and bytes that are no UTF-8.

    Other than control characters are written so that JSON which holds them stays JSON.

    >>> printable("a\nb\x1b[31m\udcff.jpg")
    'a\\nb\\x1b[31m\\udcff.jpg'
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_lines(text: str) -> str:
    """Return the text with every line made printable; line breaks stay, but not those of `noted` names."""
    text = escape_noted(text)
    return "\n".join(map(printable, text.split("\n")))


def escape_noted(text: str) -> str:
    """Return the text with the `noted` names in it made printable."""
    for name in sorted(_broken, key=len, reverse=True):
        text = text.replace(name, printable(name))
    return text


def noted(names: Iterable[Name]) -> Iterator[Name]:
    """Yield names of files; where they hold line breaks or tabs, all that is printed has escapes there.

    All that lists a folder, or is told a file, passes the names through here. Of a path each part counts: it
    may be printed within another path.
    """
    for name in names:
        text = str(name)
        if not text.isprintable() and len(_broken) < MAX_BROKEN:
            parts = [piece for part in text.split("/") for piece in (part, part.rpartition(".")[0])]
            # A name of little else than line breaks would be found everywhere.
            _broken.update(part for part in parts if len(part.strip()) > 2 and ("\n" in part or "\t" in part))
        yield name


def _shown(c: str) -> str:
    if c.isprintable() or c in _JOINERS or unicodedata.category(c) not in _NEVER:
        return c
    if c < " ":
        return c.encode("unicode_escape").decode()
    pairs = c.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))
