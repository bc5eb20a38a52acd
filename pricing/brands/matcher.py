"""Finds brand names in OCR text, tolerant of misread letters."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pricing.brands.common_words import COMMON_WORDS, COMPANIONS, MISREAD_AS_NONE
from pricing.brands.names import normal_brand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MISREAD_COST = 0.15
DIGIT_COST = 0.05
SHORTEST_JOINED = 5
SHORT = 3
SURE = 0.9
LARGE = 0.02
LOOKALIKE_COST = 0.75
OTHERS_HALF, RIVAL = 5, 2.0
"""Least letters of a word of another brand's name, and how far what is read may be from it, and what stands
with it from the word beside it in that name: then it is no brand by itself.
"""
_LOOKALIKES = str.maketrans("0158624", "oisbgza")
_HUMP = re.compile(r"(?<=[a-z]{2})(?=[A-Z][A-Za-z])")
"""Where two words are written as one."""
_DIGRAPHS = (("rn", "m"), ("cl", "d"), ("vv", "w"))
_PAIRS = "il ij it lj lt tf ef oq od oc ce cg gq uv vy uo bh bp br hn nm nr kx sz ag ao pr pf wm vw"
_ALIKE = frozenset(pair for one in _PAIRS.split() for pair in (one, one[::-1]))


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as it was read, with the reader's confidence from 0 to 1.

    Readings of one line stand side by side, lines of one block one below the other. size: height of the
    letters as a share of the picture's height, None where unknown.
    """

    text: str
    confidence: float
    line: int = 0
    block: int = 0
    size: float | None = None


@dataclass(frozen=True, slots=True)
class BrandMatch:
    """A brand in the readings `first` to `last`, both included."""

    brand: str
    confidence: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    reading: int


def tolerance(first: str, second: str) -> float:
    """Return how far two words may be apart: nothing below 5 letters, one letter below 8, else 1.75."""
    shorter = min(len(first), len(second))
    return 0.0 if shorter < 5 else 1.0 if shorter < 8 else 1.75


def distance(first: str, second: str, limit: float) -> float:
    """Return how many letters must be put in, left out or changed; limit + 1 where it is more than limit.

    A change between letters that look alike counts LOOKALIKE_COST: two such are two letters misread, but a
    word of which two letters are quite different is another word.
    """
    if abs(len(first) - len(second)) > limit:
        return limit + 1
    row = [float(n) for n in range(len(second) + 1)]
    for i, letter in enumerate(first, 1):
        above, row = row, [float(i)]
        for j, other in enumerate(second, 1):
            change = 0.0 if letter == other else LOOKALIKE_COST if letter + other in _ALIKE else 1.0
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + change))
        if min(row) > limit:
            return limit + 1
    return row[-1] if row[-1] <= limit else limit + 1


def _letters(word: str) -> int:
    """Return how many letters of a word may be misread."""
    return math.ceil(tolerance(word, word))


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


def folded(word: str) -> str:
    """Return the word with two letters that look like one as that one: rn is m, cl is d, vv is w."""
    for pair, letter in _DIGRAPHS:
        word = word.replace(pair, letter)
    return word


class BrandMatcher:
    """Names and aliases of brands, and the words on them.

    brands: normal form -> the words by which it goes (its name is one of them, given or not). A name of
    less than 5 letters matches only exactly. A text matches as a whole word or run of whole words, never as
    a part of a longer one; a common word (GUEST, CHANNEL) matches only a brand that is just that word; what
    is as near to two brands matches neither.

    stylised: normal form -> short forms (LV, CK). These, and all words of up to SHORT letters, match only
    where they are read exactly and surely, are large, and are all that their line says. A brand that is a
    common word too (BOSS, GUESS) matches where its line says nothing else but what stands beside brands
    (JEANS, PARIS), in no sentence.

    >>> matcher = BrandMatcher({"calvin klein": ["Calvin Klein"], "nike": ["Nike"]})
    >>> [found.brand for found in matcher.find([Reading("CALVIM", 0.9), Reading("KLEIN", 0.9)])]
    ['calvin klein']
    >>> matcher.match("N1KE"), matcher.match("BIKE")
    (('nike', 0.95), None)
    """

    def __init__(
        self, brands: Mapping[str, Iterable[str]], stylised: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self._exact: dict[str, str] = {}
        self._parts: dict[str, frozenset[str]] = {}
        self._phrases: set[str] = set()
        self._folded: dict[str, str] = {}
        self._shortened: defaultdict[str, list[str]] = defaultdict(list)
        self._strict: set[str] = set()
        self._beside: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self._longest = 0
        self._longest_run = 1
        for brand, aliases in brands.items():
            for name in (brand, *aliases):
                self._enrol(brand, normal_brand(name))
        for brand, forms in (stylised or {}).items():
            for name in map(normal_brand, forms):
                compact = name.replace(" ", "")
                if compact not in self._exact:
                    self._enrol(brand, name, tolerant=False)
                    self._strict.add(compact)

    def _enrol(self, brand: str, name: str, *, tolerant: bool = True) -> None:
        compact = name.replace(" ", "")
        if not compact or compact in self._exact:
            return
        self._exact[compact] = brand
        self._parts[compact] = frozenset(name.split())
        self._phrases.add(name)
        if sum(c.isalnum() for c in compact) <= SHORT:
            self._strict.add(compact)
            tolerant = False
        if tolerant and not any(c.isdigit() for c in compact):
            self._folded[folded(compact)] = compact
        for short in deletions(compact, _letters(compact)) if tolerant else ():
            self._shortened[short].append(compact)
        for pair in pairwise(name.split()):
            # PARIS and JEANS stand beside any brand.
            if all(len(word) >= OTHERS_HALF and word not in COMMON_WORDS | COMPANIONS for word in pair):
                self._beside[brand] |= {pair, (pair[1], pair[0])}
        self._longest = max(self._longest, len(compact))
        self._longest_run = max(
            self._longest_run, 2 * len(name.split()), len(name.replace("&", " & ").split())
        )

    def match(self, text: str) -> tuple[str, float] | None:
        """Return the brand that a text as a whole says, and how sure that is from 0 to 1; None for none."""
        compact = normal_brand(text).replace(" ", "")
        match = self._match(compact) if compact else None
        return (self._exact[match[0]], match[1]) if match is not None else None

    def find(self, readings: Sequence[Reading]) -> list[BrandMatch]:
        """Return the brands in readings in reading order; CALVIN and KLEIN may be one reading or two.

        The surest come first in claiming their words, so that no word tells two brands.
        """
        tokens = [_Token(word, i) for i, reading in enumerate(readings) for word in self._words(reading.text)]
        candidates = []
        for length in range(1, self._longest_run + 1):
            for start in range(len(tokens) - length + 1):
                run = tokens[start : start + length]
                match = self._run(run, readings)
                if match is None or not self._stands(match[0], tokens, start, length, readings):
                    continue
                if length == 1 and self._is_others_half(match[0], start, tokens, readings):
                    continue
                first, last = run[0].reading, run[-1].reading
                read = min(readings[i].confidence for i in range(first, last + 1))
                found = BrandMatch(self._exact[match[0]], match[1] * read, first, last)
                candidates.append((-match[1], -length, start, found))
        taken: set[int] = set()
        chosen = []
        for _, minus_length, start, found in sorted(candidates, key=lambda c: c[:3]):
            places = set(range(start, start - minus_length))
            if not places & taken:
                taken |= places
                chosen.append((start, found))
        return [found for _, found in sorted(chosen, key=lambda c: c[0])]

    def _words(self, text: str) -> list[str]:
        """Return a text's words; NikeAir is two, unless it is a name as a whole."""
        if not _HUMP.search(text):
            return normal_brand(text).split()
        parts = [p if self.match(p) else _HUMP.sub(" ", p) for p in text.split()]
        return normal_brand(" ".join(parts)).split()

    def _stands(
        self, name: str, tokens: Sequence[_Token], start: int, length: int, readings: Sequence[Reading]
    ) -> bool:
        """Return whether a run may be this name where it stands: in one block, and alone if it has to be."""
        run = tokens[start : start + length]
        parts = [readings[token.reading] for token in run]
        block, lines = parts[0].block, {part.line for part in parts}
        if any(part.block != block for part in parts):
            return False
        others = [(t.text, readings[t.reading]) for t in (*tokens[:start], *tokens[start + length :])]
        beside = [text for text, reading in others if reading.line in lines]
        if name in self._strict:
            clear = all(p.confidence >= SURE and (p.size is None or p.size >= LARGE) for p in parts)
            if beside or not clear:
                return False
        if name not in COMMON_WORDS:
            return True
        around = [text for text, reading in others if reading.block == block and reading.line not in lines]
        return all(text in COMPANIONS or text.isdigit() for text in beside) and not any(
            text in COMMON_WORDS and text not in COMPANIONS for text in around
        )

    def _is_others_half(
        self, name: str, number: int, tokens: Sequence[_Token], readings: Sequence[Reading]
    ) -> bool:
        """Return whether a word is nearly half of another brand's name, and its block has the other half.

        LOUIS above VUITTON in a script is read as LEVIS above VULTTONO.
        """
        said = tokens[number]
        block = readings[said.reading].block
        others = [
            token.text
            for token in (*tokens[:number], *tokens[number + 1 :])
            if readings[token.reading].block == block
        ]
        return any(
            distance(said.text, word, RIVAL) <= RIVAL
            and any(other in text or distance(text, other, RIVAL) <= RIVAL for text in others)
            for brand, pairs in self._beside.items()
            if brand != self._exact[name]
            for word, other in pairs
        )

    def _run(self, run: Sequence[_Token], readings: Sequence[Reading]) -> tuple[str, float] | None:
        compact = "".join(token.text for token in run)
        if len(run) == 1:
            return self._match(compact)
        common = [token.text in COMMON_WORDS for token in run]
        # A number beside a word is a size or an hour, not the rest of the word misread.
        if len(compact) >= SHORTEST_JOINED and not all(common) and not any(t.text.isdigit() for t in run):
            # A single letter beside a word, such as the (c) of a notice, is no misread part of a name.
            whole = all(len(token.text) > 1 for token in run) or compact in self._exact
            match = self._match(compact) if whole else None
            return match if match is None or not self._is_other_words(match[0], compact, run) else None
        phrase = normal_brand(" ".join(token.text for token in run))
        if phrase in self._phrases:
            return compact, 1.0
        return (compact, 1.0) if self._is_halves(compact, run, readings) else None

    def _is_other_words(self, name: str, compact: str, run: Sequence[_Token]) -> bool:
        """Return whether a run that is not quite a name has a word that is none of it: CANADA HOUSE."""
        own = self._parts[name]
        return compact != name and any(t.text in MISREAD_AS_NONE and t.text not in own for t in run)

    def _is_halves(self, compact: str, run: Sequence[_Token], readings: Sequence[Reading]) -> bool:
        """Return whether a fold splits a name of 4 letters: a whole line, surely read, not two words."""
        if len(compact) != SHORTEST_JOINED - 1 or compact not in self._exact or compact in COMMON_WORDS:
            return False
        parts = [readings[token.reading] for token in run]
        line = {token.reading for token in run} | {
            n for n, reading in enumerate(readings) if reading.line == parts[0].line
        }
        alone = line == {token.reading for token in run} and len({part.line for part in parts}) == 1
        sure = all(part.confidence >= SURE for part in parts)
        return alone and sure and not any(token.text in COMMON_WORDS for token in run)

    def _match(self, compact: str) -> tuple[str, float] | None:
        """Return the enrolled word that a text says, and how sure that is."""
        if compact in self._exact:
            return compact, 1.0
        if compact in MISREAD_AS_NONE or sum(c.isalpha() for c in compact) * 2 <= len(compact):
            return None
        plain = unconfused(compact)
        name = self._folded.get(folded(plain))
        if name is not None:
            return name, 1.0 - DIGIT_COST
        return None if plain in MISREAD_AS_NONE else self._nearest(plain)

    def _nearest(self, word: str) -> tuple[str, float] | None:
        # Two words n letters apart become one word by leaving out n letters of each (W. Garbe, SymSpell).
        max_edits = _letters(word)
        if not max_edits or len(word) > self._longest + max_edits:
            return None
        names = {name for short in deletions(word, max_edits) for name in self._shortened.get(short, ())}
        apart = {name: distance(word, name, tolerance(word, name)) for name in names}
        close = {name: d for name, d in apart.items() if d <= tolerance(word, name) > 0}
        least = min(close.values(), default=0.0)
        nearest = sorted(name for name, d in close.items() if d == least)
        if len({self._exact[name] for name in nearest}) != 1:
            return None
        return nearest[0], 1.0 - MISREAD_COST * least
