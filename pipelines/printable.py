"""Names from outside made fit for one printed line: file names may hold any bytes."""

from __future__ import annotations

import unicodedata
from typing import Final

_NEVER: Final = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
_JOINERS: Final = "\u200c\u200d"
"""Part of words in Persian and Indic scripts."""


def printable(text: str) -> str:
    r"""Return the text with escapes for control characters, marks of direction, and bytes that are no UTF-8.

    Other than control characters are written so that JSON which holds them stays JSON.

    >>> printable("a\nb\x1b[31m\udcff.jpg")
    'a\\nb\\x1b[31m\\udcff.jpg'
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def printable_lines(text: str) -> str:
    """Return the text with its line breaks, every line made printable."""
    return "\n".join(map(printable, text.split("\n")))


def _shown(c: str) -> str:
    if c.isprintable() or c in _JOINERS or unicodedata.category(c) not in _NEVER:
        return c
    if c < " ":
        return c.encode("unicode_escape").decode()
    pairs = c.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))
