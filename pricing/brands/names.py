"""Normal forms of brand names, so that LEVI'S, Levis and levi’s are one brand."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘`´ʼ"))
# Letters that NFKD leaves whole, as people without them on their keyboard write them.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "ŧ": "t"}
)


@lru_cache(maxsize=16_384)
def normal_brand(name: str) -> str:
    """Return the key of a brand: lower case, no accents or apostrophes, words parted by single spaces.

    `&` stays; invisible characters go; all other signs part words.

    >>> [normal_brand(name) for name in ("Hermès", "LEVI'S", "H & M", "Samsøe Samsøe", "Straße")]
    ['hermes', 'levis', 'h&m', 'samsoe samsoe', 'strasse']
    """
    plain = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES)).casefold().translate(_LETTERS)
    letters = (c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    words = "".join(c if c.isalnum() or c == "&" else " " for c in letters).split()
    return " ".join(words).replace(" & ", "&")
