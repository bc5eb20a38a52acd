"""Which scripts the recogniser of words reads."""

from __future__ import annotations

import unicodedata
from typing import Final

SCRIPTS: Final = frozenset(("LATIN", "GREEK", "CJK", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH"))
"""As Unicode's names of letters begin. A test holds them to the letters of the model."""
UNREAD: Final = ("CYRILLIC", "HANGUL", "ARABIC", "HEBREW", "THAI", "DEVANAGARI", "ARMENIAN", "GEORGIAN")


def script_of(letter: str) -> str:
    """Return the script of a letter, as its name begins: LATIN, CJK and so on."""
    return unicodedata.name(letter, "?").split()[0].removesuffix("-HIRAGANA")


def unreadable(text: str) -> str:
    """Return the letters of a text that are of a script which is not read, such as Cyrillic or Thai.

    >>> unreadable("LI-NING 李宁 ユニクロ"), unreadable("Найк")
    ('', 'Найк')
    """
    return "".join(c for c in text if c.isalpha() and script_of(c) not in SCRIPTS)
