"""Normal forms of brand names, so that LEVI'S, Levis and levi’s are one brand."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_APOSTROPHES = dict.fromkeys(map(ord, "'’‘‛`´ʼʻʹ′＇׳"))
# Letters that NFKD leaves whole, as people without them on their keyboard write them.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h", "ŧ": "t"}
    # Persian keyboards write what Arabic ones write otherwise.
    | {"ک": "ك", "ی": "ي", "ى": "ي"}
    | {"ʼ": ""}  # of ŉ
)


# Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic. Other marks make another letter: ハ, バ.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u1ab0-\u1aff\u20d0-\u20ff]"
)
# What nobody sees, though Unicode calls it a mark or a letter: fillers, variation selectors (❤ or ❤️). And the
# stroke that only draws Arabic words longer.
_UNSEEN = re.compile(
    "[\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef\u0640]"
)

# Letters of other keyboards that look like Latin ones: в only as a capital, B.
_CYRILLIC = dict(zip("АВЕКМНОРСТУХІЈЅаеорсухіјѕ", "ABEKMHOPCTYXIJSaeopcyxijs", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανο", "ABEZHIKMNOPTYXavo", strict=True))
_TO_LATIN = str.maketrans(_CYRILLIC | _GREEK)
_TO_CYRILLIC = str.maketrans({latin: cyrillic for cyrillic, latin in _CYRILLIC.items()})
_RUN = re.compile("[A-Za-z0-9&\u0300-\u052f]+")
_BETWEEN = re.compile("[^a-z0-9&]+")
_HAS_LATIN, _HAS_OTHER = re.compile("[A-Za-z]"), re.compile("[\u0370-\u052f]")


@lru_cache(maxsize=16_384)
def normal_brand(name: str) -> str:
    """Return the key of a brand: lower case, no accents or apostrophes, words parted by single spaces.

    `&` stays; invisible characters go; all other signs part words. A word of two alphabets, as of somebody
    who forgot to change the keyboard (a Cyrillic с in Guсci), is in the one that has all its letters.

    >>> [normal_brand(name) for name in ("Hermès", "LEVI'S", "H & M", "Samsøe Samsøe", "Straße")]
    ['hermes', 'levis', 'h&m', 'samsoe samsoe', 'strasse']
    """
    if name.isascii():
        parted = _BETWEEN.sub(" ", name.translate(_APOSTROPHES).casefold())
    else:
        seen = _UNSEEN.sub("", name.translate(_APOSTROPHES))
        written = _RUN.sub(_of_one_alphabet, unicodedata.normalize("NFKD", seen))
        plain = written.casefold().translate(_LETTERS)
        unaccented = (c for c in plain if not _ACCENTS.match(c) and unicodedata.category(c) != "Cf")
        whole = _RUN.sub(_of_one_alphabet, "".join(unaccented))  # once more: ß and æ are Latin only now
        parted = "".join(c if _is_part(c) else " " for c in unicodedata.normalize("NFC", whole))
    return " ".join(parted.split()).replace(" & ", "&")


def _is_part(c: str) -> bool:
    """Return whether a character is part of a word: Thai and Indic vowels are marks, not letters."""
    return c.isalnum() or c == "&" or unicodedata.category(c)[0] == "M"


def _of_one_alphabet(run: re.Match[str]) -> str:
    word = run[0]
    if not (_HAS_LATIN.search(word) and _HAS_OTHER.search(word)):
        return word
    latin, other = word.translate(_TO_LATIN), word.translate(_TO_CYRILLIC)
    return latin if not _HAS_OTHER.search(latin) else other if not _HAS_LATIN.search(other) else word
