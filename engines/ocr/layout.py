"""Puts words in reading order and tells which are parts of one text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.ocr.words import Word

TURNED = 20.0
LIKE_SIZE = 2.0
SIDE_GAP = 2.0
LINE_GAP = 1.3
SAME_LINE = 0.5

Extent = tuple[float, float, float, float]


def arranged(words: Sequence[Word]) -> list[Word]:
    """Return the words block by block, line by line, in reading order, with `block` and `line` set."""
    blocks = _blocks(words)
    blocks.sort(key=lambda block: (min(word.box[1] for word in block), min(word.box[0] for word in block)))
    found, line = [], 0
    for number, block in enumerate(blocks):
        for row in _lines(block):
            found += [replace(word, block=number, line=line) for word in row]
            line += 1
    return found


def _blocks(words: Sequence[Word]) -> list[list[Word]]:
    blocks: list[list[Word]] = []
    for word in words:
        mine = [block for block in blocks if any(_together(word, other) for other in block)]
        rest = [block for block in blocks if block not in mine]
        blocks = [*rest, [word, *(other for block in mine for other in block)]]
    return blocks


def _together(first: Word, second: Word) -> bool:
    turn = abs(first.angle - second.angle) % 360
    low, high = sorted((first.height, second.height))
    if min(turn, 360 - turn) > TURNED or high > LIKE_SIZE * low:
        return False
    (a, b, c, d), (e, f, g, h) = _extent(first, first.angle), _extent(second, first.angle)
    aside, below = max(a, e) - min(c, g), max(b, f) - min(d, h)
    return (below < 0 and aside <= SIDE_GAP * high) or (aside < 0 and below <= LINE_GAP * high)


def _lines(block: Sequence[Word]) -> list[list[Word]]:
    """Part a block into lines, top to bottom, each from its beginning to its end."""
    angle = block[0].angle
    rows: list[list[Word]] = []
    for word in sorted(block, key=lambda w: sum(_extent(w, angle)[1::2])):
        middle = sum(_extent(word, angle)[1::2]) / 2
        last = rows[-1] if rows else []
        if last and abs(middle - sum(_extent(last[-1], angle)[1::2]) / 2) < SAME_LINE * word.height:
            last.append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda w: _extent(w, angle)[0]) for row in rows]


def _extent(word: Word, angle: float) -> Extent:
    """Return the word's rectangle x1 y1 x2 y2 in axes turned by `angle` degrees clockwise."""
    left, top, right, bottom = word.box
    turn = math.radians(angle)
    cos, sin = math.cos(turn), math.sin(turn)
    x, y = (left + right) / 2, (top + bottom) / 2
    tilt = math.radians(word.angle)
    across = word.height or min(right - left, bottom - top)
    wide = abs(math.cos(tilt)) >= abs(math.sin(tilt))
    share = abs(math.cos(tilt)) if wide else abs(math.sin(tilt))
    other = math.sqrt(max(0.0, 1 - share * share))
    along = max(across / 2, ((right - left if wide else bottom - top) - other * across) / share)
    u, v = cos * x + sin * y, cos * y - sin * x
    return u - along / 2, v - across / 2, u + along / 2, v + across / 2
