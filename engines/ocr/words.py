"""Text read from a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One piece of text, often a whole line: box is x1 y1 x2 y2 in pixels of the picture that was read.

    angle: in which direction it reads, degrees clockwise from left to right, 0 up to 360. height: of its
    letters, px, 0 where unknown. Words of one `line` stand side by side, lines of one `block` one below the
    other, in like size and direction: parts of one text. Both count from 0.
    """

    text: str
    confidence: float
    box: tuple[float, float, float, float]
    angle: float = 0.0
    height: float = 0.0
    line: int = 0
    block: int = 0
