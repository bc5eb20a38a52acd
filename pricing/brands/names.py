"""Normal forms of brand names, so that LEVI'S, Levis and levi’s are one brand."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘`´ʼ"))


def normal_brand(name: str) -> str:
    """Return the key of a brand: lower case, no accents or apostrophes, words parted by single spaces.

    `&` stays; all other signs part words.

    >>> [normal_brand(name) for name in ("Hermès", "LEVI'S", "H & M")]
    ['hermes', 'levis', 'h&m']
    """
    plain = unicodedata.normalize("NFKD", name.translate(_APOSTROPHES)).casefold()
    letters = (c for c in plain if not unicodedata.combining(c))
    words = "".join(c if c.isalnum() or c == "&" else " " for c in letters).split()
    return " ".join(words).replace(" & ", "&")
