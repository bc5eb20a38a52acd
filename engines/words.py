"""Text read from a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One piece of text, often a whole line: box is x1 y1 x2 y2 in pixels of the picture that was read."""

    text: str
    confidence: float
    box: tuple[float, float, float, float]
