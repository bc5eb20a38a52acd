"""The brands to look for: words, stylised words, gallery, emblems and patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.brands.book import BrandBook
from pricing.brands.matcher import BrandMatcher
from pricing.brands.names import normal_brand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engines.marks.types import Emblem, Pattern
    from probes.recognition.interfaces import MarkSearch


CLIPPED_LETTERS = 4
"""Letters of a word of which one at the edge may be hidden; longer ones the matcher forgives by itself."""


class RecognitionTargets:
    """The brands to look for. Immutable: a new price list or gallery makes a new object."""

    def __init__(
        self,
        book: BrandBook,
        *,
        gallery: MarkSearch | None = None,
        emblems: Sequence[Emblem] = (),
        patterns: Sequence[Pattern] = (),
    ) -> None:
        self.book, self.gallery, self.emblems = book, gallery, tuple(emblems)
        self.patterns = tuple(patterns)
        self.matcher = BrandMatcher(book.words, book.stylised)
        self.has_words = bool(book.words or book.stylised)
        self.stylised = {normal_brand(w): key for key, words in book.stylised.items() for w in words}
        self.clipped = _clipped(book.words)

    def __bool__(self) -> bool:
        return self.has_words or self.gallery is not None or bool(self.emblems or self.patterns)


def _clipped(words: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return brands of four letters by the rest of their word when a fold hides its first or last letter.

    Such a rest (ANS of VANS) is a brand only where another route saw it; one that two brands share is none.
    """
    found: dict[str, set[str]] = {}
    for key, spelled in words.items():
        for word in {normal_brand(text) for text in (key, *spelled)}:
            if len(word) == CLIPPED_LETTERS and word.isalpha():
                for rest in (word[1:], word[:-1]):
                    found.setdefault(rest, set()).add(key)
    return {rest: keys.pop() for rest, keys in found.items() if len(keys) == 1}


def targets_of(names: Mapping[str, str]) -> RecognitionTargets:
    """Return the targets of a price list without a gallery. names: normal form -> name."""
    return RecognitionTargets(BrandBook().with_listed(names))
