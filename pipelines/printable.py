"""Names from outside made fit for one printed line: file names may hold any bytes."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return the text with control characters, and bytes that are no UTF-8, written as escapes.

    >>> printable("a\nb\x1b[31m\udcff.jpg")
    'a\\nb\\x1b[31m\\udcff.jpg'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Return the text with its line breaks, every line made printable."""
    return "\n".join(map(printable, text.split("\n")))
