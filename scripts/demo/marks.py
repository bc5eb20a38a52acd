"""Wordmarks printed onto cloth: rendered from a real font, warped, shaded by the folds beneath, softened."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from probes.overlay.fonts import FONTS

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.colour import Bgr

    Ink = npt.NDArray[np.float32]

FONT = FONTS / "Inter-Bold-subset.otf"
RENDER_PX = 96
SOFTEN_PX = 0.7


@dataclass(frozen=True, slots=True)
class Print:
    """A wordmark as the shop's customer wears it; colour is BGR."""

    text: str
    colour: tuple[int, int, int]
    spacing: float = 0.06


@lru_cache(maxsize=16)
def render(text: str, spacing: float) -> Ink:
    """Return the ink's coverage, (height, width) float32 from 0 to 1, tight around the letters.

    spacing: extra room between letters, as a share of the letter height.
    """
    font = ImageFont.truetype(str(FONT), RENDER_PX)
    pad = RENDER_PX // 2
    steps = [font.getlength(letter) + spacing * RENDER_PX for letter in text]
    picture = Image.new("L", (int(sum(steps)) + 2 * pad, 2 * RENDER_PX), 0)
    pen, x = ImageDraw.Draw(picture), float(pad)
    for letter, step in zip(text, steps, strict=True):
        pen.text((x, pad // 2), letter, fill=255, font=font)
        x += step
    box = picture.getbbox()
    if box is None:
        raise ValueError("a wordmark needs letters")
    return np.asarray(np.asarray(picture.crop(box)) / 255, np.float32)


def stamp(
    frame: Bgr,
    mark: Print,
    centre: tuple[float, float],
    width: float,
    *,
    tilt: float = 0.0,
    opacity: float = 1.0,
) -> None:
    """Print the mark on the frame, in place: centre and width in px, tilt in degrees clockwise."""
    if opacity <= 0:
        return
    ink = render(mark.text, mark.spacing)
    size = (max(4, round(width)), max(4, round(width * ink.shape[0] / ink.shape[1])))
    small = np.pad(cv2.resize(ink, size, interpolation=cv2.INTER_AREA), 4)
    warp = cv2.getRotationMatrix2D((small.shape[1] / 2, small.shape[0] / 2), -tilt, 1.0)
    warp[:, 2] += np.asarray(centre) - (small.shape[1] / 2, small.shape[0] / 2)
    height, across = frame.shape[:2]
    left, top = max(0, int(centre[0] - width)), max(0, int(centre[1] - width / 2))
    right, bottom = min(across, int(centre[0] + width) + 1), min(height, int(centre[1] + width / 2) + 1)
    if right <= left or bottom <= top:
        return
    warp[:, 2] -= (left, top)
    cover = cv2.warpAffine(small, warp, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    cover = cv2.GaussianBlur(cover, (0, 0), SOFTEN_PX)[..., None] * opacity
    cloth = frame[top:bottom, left:right].astype(np.float32)
    printed = np.asarray(mark.colour, np.float32) * _folds(cloth)
    frame[top:bottom, left:right] = np.clip(cloth * (1 - cover) + printed * cover, 0, 255).astype(np.uint8)


def _folds(cloth: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return how bright each place is against the cloth around it, (h, w, 1), from 0.75 to 1.1."""
    light = cv2.GaussianBlur(cloth.mean(axis=2), (0, 0), 3) + 12
    return np.asarray(np.clip(light / np.median(light), 0.75, 1.1), np.float32)[..., None]
