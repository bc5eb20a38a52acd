"""Colours in words, as a person would say them of a garment.

>>> import numpy as np
>>> name_of(np.full((50, 3), (40, 30, 20), np.uint8))
'black'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]
    Names = npt.NDArray[np.int8]

COLOURS = (
    "black",
    "white",
    "grey",
    "beige",
    "brown",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "navy",
    "purple",
    "pink",
)
FEWEST = 4
CLEAR = 0.45
"""Share of a garment's pixels that must be of one colour for it to be called so."""

# Hue in degrees of CIE Lab from which each name begins; greyish, dark and pale colours are decided before.
_HUES = (
    (0, "pink"),
    (18, "red"),
    (43, "orange"),
    (75, "yellow"),
    (110, "green"),
    (205, "blue"),
    (295, "purple"),
    (335, "pink"),
)
_DARK, _PALE = 22.0, 80.0


def name_of(pixels: Pixels) -> str | None:
    """Return the colour of (n, 3) uint8 RGB pixels; None where none is clearly the most frequent."""
    if len(pixels) < FEWEST:
        return None
    counts = np.bincount(_each(pixels), minlength=len(COLOURS))
    best = int(counts.argmax())
    return COLOURS[best] if counts[best] >= CLEAR * len(pixels) else None


def _each(pixels: Pixels) -> Names:
    """Return the index in COLOURS of each pixel."""
    lab = cv2.cvtColor(pixels[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0]
    light, a, b = lab.T
    chroma, hue = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    edges = np.array([edge for edge, _ in _HUES])
    by_hue = np.array([COLOURS.index(name) for _, name in _HUES], np.int8)
    found: Names = by_hue[np.searchsorted(edges, hue, "right") - 1]
    warm = (hue >= 30) & (hue < 105)

    def say(name: str, where: npt.NDArray[np.bool_]) -> None:
        found[where] = COLOURS.index(name)

    say("brown", warm & (light < 52) & (chroma < 45))
    say("beige", warm & (light >= 52) & (chroma < 27))
    say("pink", ((hue < 30) | (hue >= 335)) & (light >= 65))
    say("navy", (hue >= 230) & (hue < 310) & (light < 27))
    say("grey", chroma < 7)
    say("grey", (chroma < 11) & (light < 60) & ~warm)
    say("white", (chroma < 9) & (light >= _PALE))
    say("black", (light < _DARK) & (chroma < 12))
    say("black", light < 10)
    return found
