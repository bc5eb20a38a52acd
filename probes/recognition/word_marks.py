"""The brands that the words of a crop say, as marks placed in the frame."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from engines.marks.types import Route
from pricing.brands.matcher import SURE, Reading
from pricing.brands.names import normal_brand
from probes.answers import Mark
from probes.frame import Box
from probes.recognition.marks import limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engines.ocr.words import Word
    from probes.recognition.look import Look
    from probes.recognition.targets import RecognitionTargets


NEAR = 1.2
"""How far apart two words of one mark may stand, in heights of the taller one."""
IN_WORD, OF_WORD = 0.7, 0.4
"""Shares of a mark that a word covers, and of the word that the mark does, from which they are one thing."""
_CAPITAL = re.compile(r"(?<=[a-z]{2})(?=[A-Z])")
"""Where another word may begin. NikeA, the rest of it in a fold, is too little to name Nike by."""


def brands_of(
    words: Sequence[Word], look: Look, targets: RecognitionTargets, others: Sequence[Mark] = ()
) -> list[Mark]:
    """Return the brands that the words of a crop say; others: the marks that other routes saw.

    A stylised short form counts wherever it stands if another route saw that brand too.
    """
    tall = look.crop.height
    readings = [
        Reading(w.text, w.confidence, w.line, w.block, w.height / tall if w.height else None) for w in words
    ]
    marks = []
    matched: set[int] = set()
    for found in targets.matcher.find(readings):
        parts = words[found.first : found.last + 1]
        if all(_near(one, next_one) for one, next_one in pairwise(parts)):
            matched.update(range(found.first, found.last + 1))
            marks.append(_mark(found.brand, found.confidence, parts, look, targets))
    seen = {mark.brand for mark in others}
    for number, word in enumerate(words):
        if number in matched:
            continue
        supported = {
            targets.stylised.get(normal_brand(word.text)),
            targets.clipped.get(normal_brand(word.text)),
        }
        marks += [_mark(brand, word.confidence, [word], look, targets) for brand in supported & seen if brand]
    return marks


def settled(scales: Sequence[Sequence[Mark]]) -> list[Mark]:
    """Return the marks of several readings of one crop, of two brands at one place only one.

    That is the one that more readings said, then the surer one: a script read as LEVIS at one scale may be
    LOUIS VUITTON at two.
    """
    marks = [mark for marks in scales for mark in marks]
    said = Counter(brand for marks in scales for brand in {mark.brand for mark in marks})
    best: dict[str, float] = {}
    for mark in marks:
        best[mark.brand] = max(best.get(mark.brand, 0.0), mark.confidence)

    def rank(mark: Mark) -> tuple[int, float]:
        return said[mark.brand], best[mark.brand]

    return [
        mark
        for mark in marks
        if not any(
            other.brand != mark.brand and rank(other) > rank(mark) and mark.box.intersection(other.box) > 0
            for other in marks
        )
    ]


def without_words(
    marks: Sequence[Mark], words: Sequence[Word], look: Look, targets: RecognitionTargets
) -> list[Mark]:
    """Return the marks less the symbols and emblems that are another brand's word: NASA is not on NikeAir.

    A small word is much like a mark of drawn letters, however surely that is told. A word of no brand stays
    a mark: what an enrolled picture says in letters is not known.
    """
    others = [
        (brands, Box(look.left + left, look.top + top, right - left, bottom - top))
        for word in words
        if word.confidence >= SURE and (brands := _said(word.text, targets))
        for left, top, right, bottom in (word.box,)
    ]
    return [
        mark
        for mark in marks
        if mark.route is Route.WORDS
        or not any(_is_one(mark.box, box) and not _is_of(mark.brand, brands) for brands, box in others)
    ]


def _said(text: str, targets: RecognitionTargets) -> set[str]:
    found = targets.matcher.find([Reading(_CAPITAL.sub(" ", text), 1.0)])
    return {match.brand for match in found}


def _is_one(mark: Box, word: Box) -> bool:
    common = mark.intersection(word)
    return common >= IN_WORD * mark.area and common >= OF_WORD * word.area


def _is_of(brand: str, said: Iterable[str]) -> bool:
    """Return whether a brand is among those said, or a line of one: PORSCHE is Porsche Design's, too."""
    return any(name in brand or brand in name for name in said)


def _mark(
    brand: str, confidence: float, parts: Sequence[Word], look: Look, targets: RecognitionTargets
) -> Mark:
    left, top = min(word.box[0] for word in parts), min(word.box[1] for word in parts)
    right, bottom = max(word.box[2] for word in parts), max(word.box[3] for word in parts)
    box = Box(look.left + left, look.top + top, right - left, bottom - top)
    return Mark(brand, min(1.0, max(0.0, confidence)), box, Route.WORDS, limits(targets.book, brand))


def _near(first: Word, second: Word) -> bool:
    """Return whether two words may be parts of one mark: side by side or one above the other."""
    (a, b, c, d), (e, f, g, h) = first.box, second.box
    reach = NEAR * max(d - b, h - f)
    return max(a, e) - min(c, g) <= reach and max(b, f) - min(d, h) <= reach
