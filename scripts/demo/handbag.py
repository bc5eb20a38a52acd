"""A handbag drawn for the story: leather with grain and seams, two handles, a name in gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from scripts.demo.marks import Print, stamp

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.colour import Bgr

    Floats = npt.NDArray[np.float32]

WIDTH, HEIGHT, HANDLES, EDGE = 300, 210, 150, 20
LEATHER, GOLD = (38, 58, 112), (120, 190, 220)
SEED = 4


def handbag(name: str) -> tuple[Bgr, Floats]:
    """Return the bag, (HANDLES + HEIGHT + EDGE, WIDTH + 2 * EDGE, 3) BGR, and its outline from 0 to 1."""
    size = (HANDLES + HEIGHT + EDGE, WIDTH + 2 * EDGE)
    picture, outline = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)
    left, right, top, bottom = EDGE, EDGE + WIDTH, HANDLES, HANDLES + HEIGHT
    leather = np.array(LEATHER, np.float32)

    def cover(mask: npt.NDArray[np.uint8], shade: Floats) -> None:
        share = (mask / 255).astype(np.float32)
        picture[:] = picture * (1 - share[..., None]) + shade * share[..., None]
        outline[:] = np.maximum(outline, share)

    def seam(start: tuple[int, int], end: tuple[int, int], shade: Floats, thick: int) -> None:
        mask = np.zeros(size, np.uint8)
        cv2.line(mask, start, end, 255, thick, cv2.LINE_AA)
        cover(mask, shade)

    for aside, light in ((-10, 0.55), (8, 0.9)):
        mask = np.zeros(size, np.uint8)
        middle, half = (size[1] // 2 + aside // 2, top + 8), (int(WIDTH * 0.27), 118)
        cv2.ellipse(mask, middle, half, 0, 180, 360, 255, 11, cv2.LINE_AA)
        cover(mask, leather * np.float32(light))
    mask = np.zeros(size, np.uint8)
    corners = [
        (22, 0),
        (WIDTH - 22, 0),
        (WIDTH, HEIGHT - 18),
        (WIDTH - 16, HEIGHT),
        (16, HEIGHT),
        (0, HEIGHT - 18),
    ]
    cv2.fillPoly(mask, [np.array([(left + x, top + y) for x, y in corners], np.int32)], 255, cv2.LINE_AA)
    cover(mask, leather * _light(size)[..., None])
    seam((left + 24, top + 4), (right - 24, top + 4), leather * np.float32(1.5), 5)
    dark = leather * np.float32(0.45)
    seam((left + 30, top + 16), (right - 30, top + 16), dark, 2)
    seam((left + 6, bottom - 8), (right - 6, bottom - 8), dark, 6)
    for side in (-1, 1):
        x = int(size[1] / 2 + side * WIDTH * 0.27)
        seam((x, top + 10), (x, bottom - 10), dark, 2)
        cv2.circle(picture, (x, top + 10), 9, GOLD, -1, cv2.LINE_AA)
    made = np.clip(picture, 0, 255).astype(np.uint8)
    stamp(made, Print(name, GOLD), (size[1] / 2, top + HEIGHT * 0.52), WIDTH * 0.5, tilt=0.0)
    return made, outline


def _light(size: tuple[int, int]) -> Floats:
    """Return how bright the leather is: less below and aside, with a grain."""
    grain = np.random.default_rng(SEED).normal(0, 1, size).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), 1.2), np.float32)
    down, across = np.mgrid[0 : size[0], 0 : size[1]]
    smooth = 1.15 - 0.45 * (down - HANDLES) / HEIGHT - 0.25 * np.abs(across - size[1] * 0.42) / WIDTH
    return np.asarray(smooth + 0.05 * grain / grain.std(), np.float32)
