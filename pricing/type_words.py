"""Types of things as price lists write them, in the five languages of the page, one or several of them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pricing.errors import BadInput
from pricing.item_words import LANGUAGES, item_words
from pricing.slots import ancestors, normal_type

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLURALS: Final = {
    "en": (("", "s"), ("", "es"), ("f", "ves")),
    "de": (("", "n"), ("", "en"), ("", "e"), ("", "er"), ("", "s"), ("", "")),
    "fr": (("", "s"), ("", "x")),
    "es": (("", "s"), ("", "es")),
    "it": (("a", "e"), ("o", "i"), ("e", "i"), ("io", "i"), ("ca", "che")),
}
"""What the end of a word becomes, accents aside: Mantel and Mäntel are one word here."""


def listed_type(text: str) -> str:
    """Return the type that a word of a price list names; BadInput for one that is not known.

    >>> [listed_type(word) for word in ("handbag", "Handtaschen", "Mäntel", "sacs à main", "borse")]
    ['handbag', 'handbag', 'coat', 'handbag', 'bag']
    """
    try:
        return normal_type(text)
    except BadInput:
        found = _types().get(_plain(text))
        if found is None:
            raise
        return found


@lru_cache(maxsize=1)
def _types() -> dict[str, str]:
    """Return the type of each word; of a word for several, such as pull, the one that includes the others."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES:
        for type_, word in item_words(language).types.items():
            for form in _forms(_plain(word), language):
                found[form].add(type_)
    whole = {
        word: next((one for one in types if all(one in ancestors(other) for other in types)), "")
        for word, types in found.items()
    }
    return {word: type_ for word, type_ in whole.items() if type_}


def _forms(word: str, language: str) -> Iterator[str]:
    """Yield a word, and what several are called: English and German bend its last part, others the first."""
    yield word
    parts = word.split(" ")
    place = -1 if language in ("en", "de") else 0
    for end, plural in _PLURALS[language]:
        if parts[place].endswith(end):
            bent = [*parts]
            bent[place] = parts[place].removesuffix(end) + plural
            yield " ".join(bent)


def _plain(text: str) -> str:
    """Return a word without accents, capitals and hyphens."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe"))
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))
