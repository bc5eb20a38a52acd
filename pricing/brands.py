"""Finds brands in text read from a picture: tolerant of misread letters, not of other words."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricing.common_words import COMMON_WORDS
from pricing.names import normal_brand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MISREAD_COST = 0.15
DIGIT_COST = 0.05
SHORTEST_JOINED = 5
_LOOKALIKES = str.maketrans("0158624", "oisbgza")


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as it was read, with the reader's confidence from 0 to 1."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Found:
    """A brand in the readings `first` to `last`, both included."""

    brand: str
    confidence: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    reading: int


def tolerance(first: str, second: str) -> int:
    """Return how many letters two words may differ by: 0 below 5 letters, 1 below 8, else 2."""
    shorter = min(len(first), len(second))
    return 0 if shorter < 5 else 1 if shorter < 8 else 2


def distance(first: str, second: str, limit: int) -> int:
    """Return how many letters must be put in, left out or changed; limit + 1 where it is more than limit."""
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    if first == second or not limit:
        return 0 if first == second else 1
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        above, row = row, [i]
        for j, other in enumerate(second, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other)))
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def deletions(word: str, count: int) -> set[str]:
    """Return the word and all that it becomes by leaving out up to `count` letters."""
    found = last = {word}
    for _ in range(count):
        last = {w[:i] + w[i + 1 :] for w in last for i in range(len(w))}
        found = found | last
    return found


def unconfused(word: str) -> str:
    """Return the word with the digits that stand in for letters as those letters: N1KE, GUCC1."""
    return word.translate(_LOOKALIKES)


class BrandMatcher:
    """Names and aliases of brands, and the words on them.

    brands: normal form -> the words by which it goes (its name is one of them, given or not). A name of
    less than 5 letters matches only exactly. A text matches as a whole word or run of whole words, never as
    a part of a longer one; a common word (GUEST, CHANNEL) matches only a brand that is just that word; what
    is as near to two brands matches neither.
    """

    def __init__(self, brands: Mapping[str, Iterable[str]]) -> None:
        self._exact: dict[str, str] = {}
        self._phrases: dict[str, str] = {}
        self._digits: dict[str, str] = {}
        self._shortened: defaultdict[str, list[str]] = defaultdict(list)
        self._longest = 0
        self._longest_run = 1
        for brand, aliases in brands.items():
            for name in (brand, *aliases):
                self._enrol(brand, normal_brand(name))

    def _enrol(self, brand: str, name: str) -> None:
        compact = name.replace(" ", "")
        if not compact or compact in self._exact:
            return
        self._exact[compact] = brand
        self._phrases[name] = brand
        if not any(c.isdigit() for c in compact):
            self._digits[compact] = brand
        for short in deletions(compact, tolerance(compact, compact)):
            self._shortened[short].append(compact)
        self._longest = max(self._longest, len(compact))
        words = len(name.replace("&", " & ").split())
        self._longest_run = max(self._longest_run, words, 2 if len(compact) >= SHORTEST_JOINED else 1)

    def match(self, text: str) -> tuple[str, float] | None:
        """Return the brand that a text as a whole says, and how sure that is from 0 to 1; None for none."""
        compact = normal_brand(text).replace(" ", "")
        return self._match(compact) if compact else None

    def find(self, readings: Sequence[Reading]) -> list[Found]:
        """Return the brands in readings in reading order; CALVIN and KLEIN may be one reading or two.

        The surest come first in claiming their words, so that no word tells two brands.
        """
        tokens = [_Token(word, i) for i, r in enumerate(readings) for word in normal_brand(r.text).split()]
        candidates = []
        for length in range(1, self._longest_run + 1):
            for start in range(len(tokens) - length + 1):
                run = tokens[start : start + length]
                match = self._run(run)
                if match is not None:
                    first, last = run[0].reading, run[-1].reading
                    read = min(readings[i].confidence for i in range(first, last + 1))
                    found = Found(match[0], match[1] * read, first, last)
                    candidates.append((-match[1], -length, start, found))
        taken: set[int] = set()
        chosen = []
        for _, minus_length, start, found in sorted(candidates, key=lambda c: c[:3]):
            places = set(range(start, start - minus_length))
            if not places & taken:
                taken |= places
                chosen.append((start, found))
        return [found for _, found in sorted(chosen, key=lambda c: c[0])]

    def _run(self, run: Sequence[_Token]) -> tuple[str, float] | None:
        compact = "".join(token.text for token in run)
        if len(run) == 1:
            return self._match(compact)
        # A number beside a word is a size or an hour, not the rest of the word misread.
        if (
            len(compact) < SHORTEST_JOINED
            or all(token.text in COMMON_WORDS for token in run)
            or any(token.text.isdigit() for token in run)
        ):
            brand = self._phrases.get(normal_brand(" ".join(token.text for token in run)))
            return (brand, 1.0) if brand is not None else None
        return self._match(compact)

    def _match(self, compact: str) -> tuple[str, float] | None:
        brand = self._exact.get(compact)
        if brand is not None:
            return brand, 1.0
        if compact in COMMON_WORDS or sum(c.isalpha() for c in compact) * 2 <= len(compact):
            return None
        plain = unconfused(compact)
        brand = self._digits.get(plain)
        if brand is not None:
            return brand, 1.0 - DIGIT_COST
        if plain in COMMON_WORDS:
            return None
        return self._nearest(plain)

    def _nearest(self, word: str) -> tuple[str, float] | None:
        # Two words n letters apart become one word by leaving out n letters of each (W. Garbe, SymSpell).
        most = tolerance(word, word)
        if not most or len(word) > self._longest + most:
            return None
        names = {name for short in deletions(word, most) for name in self._shortened.get(short, ())}
        best: dict[str, int] = {}
        for name in names:
            limit = tolerance(word, name)
            apart = distance(word, name, limit)
            if limit and apart <= limit:
                brand = self._exact[name]
                best[brand] = min(apart, best.get(brand, apart))
        if not best:
            return None
        least = min(best.values())
        brands = [brand for brand, apart in best.items() if apart == least]
        return (brands[0], 1.0 - MISREAD_COST * least) if len(brands) == 1 else None
