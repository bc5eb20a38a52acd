"""Samples for training and judging: a query crop with its clean drawing, and scenes with boxes of marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.boxes import intersection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.training.art import Art
    from engines.training.render import Preset, Renderer

    Bytes = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

CROP = 64
"""Side of what the embedding reads, px."""
MINED_FILE, MINED_HELD_OUT = "mined.npy", 4000
"""What `mine` wrote; the last so many crops are not trained on: the cohort is made of them."""
MARGIN = 1.16
"""Side of a crop by the longest side of its box."""


def square(box: Sequence[float], margin: float = MARGIN) -> tuple[float, float, float]:
    """Return left, top and side of the square that is cut around a box x1 y1 x2 y2."""
    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(x1 - x0, y1 - y0, 4.0) * margin
    return (x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side


def cut(picture: Bytes | Floats, box: Sequence[float], margin: float = MARGIN) -> Bytes:
    """Return the square around a box as (CROP, CROP, 3), as the finder samples it: two taps a pixel."""
    left, top, side = square(box, margin)
    fine = 2 * CROP
    scale = side / fine
    matrix = np.array([[scale, 0, left + scale / 2 - 0.5], [0, scale, top + scale / 2 - 0.5]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    big = cv2.warpAffine(picture, matrix, (fine, fine), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(big, (CROP, CROP), interpolation=cv2.INTER_AREA), np.uint8)


def jitter(
    box: Sequence[float], rng: np.random.Generator, amount: float
) -> tuple[float, float, float, float]:
    """Return the box as a finder would give it: each side off by up to `amount` of the box's mean side."""
    x0, y0, x1, y1 = box
    reach = amount * ((x1 - x0) + (y1 - y0)) / 2
    d = rng.normal(0, reach / 2, 4).clip(-1.5 * reach, 1.5 * reach)
    return x0 + d[0], y0 + d[1], max(x0 + 3, x1 + d[2]), max(y0 + 3, y1 + d[3])


def clean(art: Art, rng: np.random.Generator | None = None) -> Bytes:
    """Draw a mark flat, as it is enrolled: (CROP, CROP, 3) uint8. Without rng: black on white."""
    ground = np.full(3, 255.0)
    ink = np.full(3, 12.0)
    if rng is not None:
        ground, ink = (
            rng.choice([0.0, 20.0, 235.0, 255.0, 128.0]) + rng.uniform(-15, 15, 3),
            rng.uniform(0, 255, 3),
        )
        if abs(float(ground.mean() - ink.mean())) < 90:
            ink = np.full(3, 250.0 if ground.mean() < 128 else 8.0)
    alpha = art.alphas[0].astype(np.float32)[..., None] / 255
    colour = ink if art.colours is None else art.colours[0].astype(np.float32)
    if art.colours is not None and rng is None:
        ground = np.full(3, 255.0)
    height, width = alpha.shape[:2]
    side = int(max(height, width) * 1.4)
    sheet = np.empty((side, side, 3), np.float32)
    sheet[:] = ground.clip(0, 255)
    y, x = (side - height) // 2, (side - width) // 2
    area = sheet[y : y + height, x : x + width]
    area += alpha * (colour - area)
    box = (x, y, x + width, y + height)
    return cut(sheet.clip(0, 255).astype(np.uint8), box if rng is None else jitter(box, rng, 0.05))


class Sampler:
    """Draws samples of marks and pieces of background; all chance comes from the generator given."""

    def __init__(self, renderer: Renderer, backgrounds: npt.NDArray[np.uint8]) -> None:
        self._renderer = renderer
        self._backgrounds = backgrounds

    def background(self, side: int, rng: np.random.Generator) -> Floats:
        """Return a (side, side, 3) float32 piece of background."""
        piece = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
        full = piece.shape[0]
        part = int(full * rng.uniform(0.3, 1.0))
        y, x = rng.integers(0, full - part + 1, 2)
        method = cv2.INTER_AREA if part > side else cv2.INTER_LINEAR
        return np.asarray(
            cv2.resize(piece[y : y + part, x : x + part], (side, side), interpolation=method), np.float32
        )

    def query(
        self, art: Art, height: float, preset: Preset, rng: np.random.Generator, *, off: float = 0.1
    ) -> Bytes | None:
        """Return a crop of a mark of `height` px as a camera sees it, its box off by `off`."""
        side = int(height * max(1.0, art.aspect) * 1.55) + 10
        scene = self.background(side, rng)
        box = self._renderer.paste(scene, art, (side / 2, side / 2), height, preset, rng)
        if box is None:
            return None
        if rng.random() < preset.occlusion:
            self._renderer.occlude(scene, self._cover(rng), box, rng)
        if rng.random() < 0.7:
            self._renderer.shade(scene, rng)
        return cut(self._renderer.spoil(scene, preset, rng), jitter(box, rng, off) if off else box)

    def nothing(self, preset: Preset, rng: np.random.Generator) -> Bytes:
        """Return a crop without a mark."""
        side = int(rng.integers(24, 120))
        scene = self.background(side, rng)
        if rng.random() < 0.5:
            self._renderer.shade(scene, rng)
        return cut(self._renderer.spoil(scene, preset, rng), (2, 2, side - 2, side - 2), 1.0)

    def placed(
        self, art: Art, height: float, size: tuple[int, int], preset: Preset, rng: np.random.Generator
    ) -> tuple[Bytes, tuple[float, float, float, float] | None]:
        """Return a picture of (width, height) px with one mark somewhere on it, and the mark's box."""
        scene = self.background(max(size), rng)[: size[1], : size[0]].copy()
        reach = min(height * max(1.0, art.aspect) / 2 + 2, min(size) / 2)
        x, y = (float(v) for v in rng.uniform([reach, reach], [size[0] - reach, size[1] - reach]))
        box = self._renderer.paste(scene, art, (x, y), height, preset, rng)
        return self._renderer.spoil(scene, preset, rng), box

    def scene(
        self, arts: Sequence[Art], side: int, preset: Preset, rng: np.random.Generator, *, max_marks: int = 4
    ) -> tuple[Bytes, Floats, list[int]]:
        """Return a (side, side, 3) scene, boxes of its marks (n, 4) float32, and which of arts they are."""
        scene = self.background(side, rng)
        boxes: list[tuple[float, float, float, float]] = []
        which = []
        for _ in range(int(rng.integers(0, max_marks + 1))):
            number = int(rng.integers(len(arts)))
            art = arts[number]
            height = float(np.exp(rng.uniform(np.log(11), np.log(side * 0.62))))
            height = min(height, side * 0.85 / max(art.aspect, 0.3))
            if height < 9:
                continue
            reach = height * max(1.0, art.aspect) / 2
            centre = rng.uniform(min(reach, side / 2), max(side - reach, side / 2), 2)
            around = (centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
            if any(intersection(around, box) > 0 for box in boxes):
                continue
            box = self._renderer.paste(scene, art, (float(centre[0]), float(centre[1])), height, preset, rng)
            if box is None:
                continue
            if rng.random() < preset.occlusion:
                self._renderer.occlude(scene, self._cover(rng), box, rng)
            boxes.append(box)
            which.append(number)
        if rng.random() < 0.7:
            self._renderer.shade(scene, rng)
        found = np.asarray(boxes, np.float32).reshape(-1, 4)
        return self._renderer.spoil(scene, preset, rng), found, which

    def _cover(self, rng: np.random.Generator) -> Bytes:
        piece = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
        y, x = rng.integers(0, piece.shape[0] - 40, 2)
        return np.asarray(piece[y : y + 40, x : x + 40], np.uint8)
