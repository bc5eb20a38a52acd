"""Drawings of marks: symbols from SVG, words in fonts, and emblems composed of both in several colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from PIL.ImageFont import FreeTypeFont

    Bytes = npt.NDArray[np.uint8]

LEVELS = (128, 64, 32)
"""Longest sides in which every drawing is kept, px."""
SHAPES = ("circle", "shield", "square", "hexagon", "diamond", "ring", "ellipse", "octagon")


@dataclass(frozen=True, slots=True)
class Art:
    """A mark's drawing, trimmed, at each of LEVELS.

    alphas: (h, w) uint8 each. colours: (h, w, 3) uint8 BGR each, or none for a drawing of one tone, whose
    colour is free.
    """

    name: str
    alphas: tuple[Bytes, ...]
    colours: tuple[Bytes, ...] | None = None

    @property
    def aspect(self) -> float:
        """Width by height."""
        height, width = self.alphas[0].shape
        return float(width / height)


def art_of(name: str, alpha: Bytes, colour: Bytes | None = None) -> Art | None:
    """Trim a drawing and scale it to LEVELS; None where next to nothing is drawn or it is a mere line."""
    rows, columns = np.flatnonzero(alpha.max(1) > 40), np.flatnonzero(alpha.max(0) > 40)
    if len(rows) < 4 or len(columns) < 4:
        return None
    area = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    alpha, colour = alpha[area], colour if colour is None else colour[area]
    height, width = alpha.shape
    if max(height, width) > 8 * min(height, width):
        return None
    sizes = [
        (max(3, round(width * level / max(alpha.shape))), max(3, round(height * level / max(alpha.shape))))
        for level in LEVELS
    ]
    alphas = tuple(np.asarray(cv2.resize(alpha, s, interpolation=cv2.INTER_AREA), np.uint8) for s in sizes)
    if colour is None:
        return Art(name, alphas)
    colours = (np.asarray(cv2.resize(colour, s, interpolation=cv2.INTER_AREA), np.uint8) for s in sizes)
    return Art(name, alphas, tuple(colours))


def flipped(art: Art) -> Art | None:
    """Return the mark upside down, as a mark of its own; None where that looks much the same."""
    alpha = art.alphas[1]
    for like in (alpha, alpha[:, ::-1], alpha[::-1, ::-1]):
        both = np.minimum(like, alpha[::-1]).sum() / max(1, np.maximum(like, alpha[::-1]).sum())
        if both > 0.55:
            return None
    colours = art.colours and tuple(np.ascontiguousarray(c[::-1]) for c in art.colours)
    return Art(f"{art.name}/flipped", tuple(np.ascontiguousarray(a[::-1]) for a in art.alphas), colours)


def word_alpha(text: str, font: FreeTypeFont, rng: np.random.Generator) -> Bytes:
    """Draw a word, letters more or less apart."""
    from PIL import Image, ImageDraw

    gap = int(rng.choice([0, 0, 0, 4, 10]))
    widths = [font.getlength(letter) for letter in text]
    picture = Image.new("L", (int(sum(widths)) + gap * len(text) + 80, int(font.size) * 2), 0)
    draw, x = ImageDraw.Draw(picture), 40.0
    if not gap:
        draw.text((x, font.size * 0.3), text, 255, font)
    else:
        for letter, width in zip(text, widths, strict=True):
            draw.text((x, font.size * 0.3), letter, 255, font)
            x += width + gap
    return np.asarray(picture, np.uint8)


def plate(shape: str, size: int = 128) -> Bytes:
    """Draw a filled shape that emblems stand on: (size, size) uint8."""
    mask = np.zeros((size, size), np.uint8)
    middle, radius = size // 2, size // 2 - 2
    corners = {"hexagon": 6, "diamond": 4, "octagon": 8}
    if shape in ("circle", "ring"):
        cv2.circle(mask, (middle, middle), radius, 255, -1, cv2.LINE_AA)
        if shape == "ring":
            cv2.circle(mask, (middle, middle), int(radius * 0.82), 0, -1, cv2.LINE_AA)
    elif shape == "ellipse":
        cv2.ellipse(mask, (middle, middle), (radius, int(radius * 0.7)), 0, 0, 360, 255, -1, cv2.LINE_AA)
    elif shape in corners:
        n = corners[shape]
        turns = [2 * math.pi * (i + (0.5 if n != 4 else 0)) / n for i in range(n)]
        points = [(middle + radius * math.cos(t), middle + radius * math.sin(t)) for t in turns]
        cv2.fillPoly(mask, [np.asarray(points, np.int32)], 255, cv2.LINE_AA)
    elif shape == "shield":
        side = np.linspace(0, 1, 12)
        right = [(0.92 - 0.42 * max(0.0, (t - 0.45) / 0.55) ** 2.2, 0.05 + 0.92 * t) for t in side]
        outline = [*right, *[(1 - x, y) for x, y in reversed(right)]]
        cv2.fillPoly(
            mask, [np.asarray([(x * size, y * size) for x, y in outline], np.int32)], 255, cv2.LINE_AA
        )
    else:
        cv2.rectangle(mask, (3, 3), (size - 4, size - 4), 255, -1)
    return mask


def palette(rng: np.random.Generator, count: int) -> list[Bytes]:
    """Return colours that stand clear of each other, as BGR."""
    found: list[Bytes] = []
    for _ in range(60):
        hsv = np.array(
            [[[rng.integers(180), rng.choice([0, 90, 200, 240]), rng.choice([15, 110, 190, 245])]]]
        )
        colour = np.asarray(cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0], np.uint8)
        if all(np.abs(colour.astype(int) - c).sum() > 150 for c in found):
            found.append(colour)
        if len(found) == count:
            break
    while len(found) < count:
        found.append(np.asarray(rng.integers(0, 256, 3), np.uint8))
    return found


def emblem(name: str, parts: Sequence[Bytes], rng: np.random.Generator) -> Art | None:
    """Compose a crest or badge of several colours: a plate, a border, stripes or halves, and parts upon it.

    parts: alphas of symbols or letters.
    """
    size = 128
    shape = str(rng.choice(SHAPES))
    alpha = plate(shape, size)
    ground, second, third, fourth = palette(rng, 4)
    colour = np.empty((size, size, 3), np.uint8)
    colour[:] = ground
    pattern = rng.integers(6)
    if pattern == 1:
        colour[:, : size // 2] = second
    elif pattern == 2:
        width = int(rng.integers(8, 24))
        colour[:, (np.arange(size) // width) % 2 == 1] = second
    elif pattern == 3:
        width = int(rng.integers(8, 24))
        colour[(np.arange(size) // width) % 2 == 1] = second
    elif pattern == 4:
        a, b = np.mgrid[:size, :size]
        colour[np.abs(a - b + rng.integers(-30, 30)) < rng.integers(8, 30)] = second
    elif pattern == 5:
        colour[: int(size * rng.uniform(0.25, 0.5))] = second
    if rng.random() < 0.6 and shape != "ring":
        inner = cv2.erode(alpha, np.ones((3, 3), np.uint8), iterations=int(rng.integers(2, 7)))
        colour[(alpha > 0) & (inner == 0)] = third
    count = 1 if shape != "ring" else int(rng.integers(1, 3))
    for i in range(int(rng.integers(count, 4))):
        part = parts[int(rng.integers(len(parts)))]
        side = size * (rng.uniform(0.35, 0.68) if i == 0 else rng.uniform(0.15, 0.35))
        scale = side / max(part.shape)
        small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        h, w = small.shape
        y = int(np.clip((0.5 if i == 0 else rng.uniform(0.2, 0.8)) * size - h / 2, 0, size - h))
        x = int(np.clip((0.5 if i == 0 else rng.uniform(0.2, 0.8)) * size - w / 2, 0, size - w))
        share = small[..., None] / 255.0
        tone = fourth if i == 0 else (third, second)[i % 2]
        area = colour[y : y + h, x : x + w]
        area[:] = (area * (1 - share) + tone * share).astype(np.uint8)
        if shape == "ring":
            alpha[y : y + h, x : x + w] = np.maximum(alpha[y : y + h, x : x + w], small)
    if rng.random() < 0.35:
        height = rng.uniform(0.75, 1.3)
        alpha = np.asarray(cv2.resize(alpha, None, fx=1.0, fy=height), np.uint8)
        colour = np.asarray(cv2.resize(colour, None, fx=1.0, fy=height), np.uint8)
    return art_of(name, alpha, colour)


def blob(name: str, rng: np.random.Generator) -> Art | None:
    """Draw a random abstract mark: curved or angular strokes, bars and dots."""
    size = 128
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        kind = rng.integers(4)
        points = rng.uniform(8, size - 8, (int(rng.integers(3, 6)), 2))
        width = int(rng.integers(4, 22))
        if kind == 0:
            cv2.fillPoly(mask, [points.astype(np.int32)], 255, cv2.LINE_AA)
        elif kind == 1:
            t = np.linspace(0, 1, 40)[:, None]
            a, b, c = points[0], points[1], points[2]
            curve = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
            taper = np.maximum(2, width * np.sin(np.pi * np.clip(t[:, 0] * rng.uniform(0.6, 1.0), 0.03, 1)))
            for (x, y), r in zip(curve, taper, strict=True):
                cv2.circle(mask, (int(x), int(y)), int(r), 255, -1, cv2.LINE_AA)
        elif kind == 2:
            slant, gap = rng.uniform(-40, 40), int(rng.integers(12, 30))
            for x in range(10, size - 20, gap):
                line = np.array(
                    [[x, 110], [x + gap * 0.55, 110], [x + slant + gap * 0.55, 18], [x + slant, 18]]
                )
                cv2.fillPoly(mask, [line.astype(np.int32)], 255, cv2.LINE_AA)
        else:
            start, turn = rng.uniform(0, 360), rng.uniform(120, 360)
            centre, axes = (
                (int(points[0, 0]), int(points[0, 1])),
                (int(rng.integers(14, 50)), int(rng.integers(14, 50))),
            )
            cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), start, start + turn, 255, width, cv2.LINE_AA)
    return art_of(name, mask)
