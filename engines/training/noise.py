"""Noise to draw cloth from: tiles made once, and the pieces that are cut from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_BANK = 512


@dataclass(frozen=True, slots=True)
class NoiseBank:
    """Tiles of (512, 512) float32 noise, mostly within -1..1, that wrap around at their edges."""

    folds: tuple[Floats, ...]
    blobs: tuple[Floats, ...]
    grain: tuple[Floats, ...]
    cells: tuple[Floats, ...]


@lru_cache(maxsize=2)
def noise_bank(seed: int = 0) -> NoiseBank:
    """Return the noise that `cloth` cuts its pieces from; the same for the same seed."""
    rng = np.random.default_rng(seed)
    wide = [_tile(rng, sigma) for sigma in (14, 20, 28, 40, 56)]
    long = [_tile(rng, sigma, 3.0) for sigma in (10, 16, 24)]
    return NoiseBank(
        folds=tuple(
            _warped(tile, _tile(rng, 40.0), 30.0) for tile in wide + long + [tile.T for tile in long]
        ),
        blobs=tuple(_tile(rng, sigma) for sigma in (5, 8, 12, 18)),
        grain=tuple(_tile(rng, sigma) for sigma in (0.0, 0.6, 1.0, 1.6)),
        cells=tuple(_cells(rng, size) for size in (4.0, 6.0, 9.0, 14.0)),
    )


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of cloth being made: its size in px, the chance and the noise that it is made from."""

    rng: np.random.Generator
    height: int
    width: int
    bank: NoiseBank

    def cut(self, tiles: tuple[Floats, ...]) -> Floats:
        """Return a part of one of the tiles, as large as the piece: (height, width)."""
        tile = tiles[int(self.rng.integers(len(tiles)))]
        y, x = (int(v) for v in self.rng.integers(0, _BANK, 2))
        if y + self.height <= _BANK and x + self.width <= _BANK:
            return tile[y : y + self.height, x : x + self.width]
        rows = np.take(tile, np.arange(y, y + self.height), 0, mode="wrap")
        return np.asarray(np.take(rows, np.arange(x, x + self.width), 1, mode="wrap"), np.float32)

    def between(self, low: float, high: float) -> np.float32:
        """Return a number from low to high that leaves float32 arrays float32."""
        found: np.float32 = np.float32(self.rng.uniform(low, high))
        return found

    def phase(self, angle: float, period: float, sway: float = 4.0) -> Floats:
        """Return the phase in radians of stripes a period of px apart, bent by up to about sway px."""
        turn = 2 * np.pi / period
        rows = np.arange(self.height, dtype=np.float32)[:, None] * np.float32(turn * np.sin(angle))
        columns = np.arange(self.width, dtype=np.float32)[None, :] * np.float32(turn * np.cos(angle))
        bent = self.cut(self.bank.folds) * np.float32(turn * self.rng.uniform(0, sway))
        return np.asarray(rows + columns + bent, np.float32)

    def colour(self) -> Floats:
        """Return a colour that clothes have, BGR 0..255: black, white and greys, navy, and the others."""
        kind = self.rng.random()
        if kind < 0.35:
            hsv = (self.rng.uniform(0, 180), self.rng.uniform(0, 40), self.rng.uniform(12, 252))
        elif kind < 0.5:
            hsv = (self.rng.uniform(100, 125), self.rng.uniform(60, 220), self.rng.uniform(25, 130))
        else:
            hsv = (self.rng.uniform(0, 180), self.rng.uniform(60, 255), self.rng.uniform(40, 250))
        pixel = np.array([[hsv]], np.float32).astype(np.uint8)
        return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0], np.float32)

    def dyed(self, texture: npt.NDArray[np.floating[Any]]) -> Floats:
        """Return the brightness (height, width), 1 for unchanged, in one colour: (height, width, 3)."""
        return np.asarray(texture[..., None] * self.colour(), np.float32)


def mixed(below: Floats, above: Floats, share: Floats) -> Floats:
    """Return one colour or picture over another, by the share (height, width) of the upper one."""
    return np.asarray(below + (above - below) * share[..., None], np.float32)


def _tile(rng: np.random.Generator, sigma: float, stretch: float = 1.0) -> Floats:
    """Return Gaussian noise of a grain of sigma px across and stretch times that down."""
    spectrum = np.fft.rfft2(rng.standard_normal((_BANK, _BANK)))
    rows, columns = np.fft.fftfreq(_BANK)[:, None] * stretch, np.fft.rfftfreq(_BANK)[None, :]
    spectrum *= np.exp(-2.0 * (np.pi * sigma) ** 2 * (rows**2 + columns**2))
    tile = np.fft.irfft2(spectrum, s=(_BANK, _BANK))
    tile -= tile.mean()
    return np.asarray(tile / (2.0 * tile.std() + 1e-9), np.float32)


def _cells(rng: np.random.Generator, size: float) -> Floats:
    """Return 1 in the middle of cells about size px wide, down to about -1 between them."""
    empty = np.full((_BANK, _BANK), 255, np.uint8)
    y, x = rng.integers(0, _BANK, (2, int((_BANK / size) ** 2)))
    empty[y, x] = 0
    around = cv2.copyMakeBorder(empty, 32, 32, 32, 32, cv2.BORDER_WRAP)
    far = cv2.distanceTransform(around, cv2.DIST_L2, 3)[32:-32, 32:-32]
    return np.asarray(1.0 - far / (0.6 * size), np.float32)


def _warped(tile: Floats, by: Floats, pixels: float) -> Floats:
    rows, columns = np.mgrid[0:_BANK, 0:_BANK].astype(np.float32)
    x, y = columns + pixels * by, rows + pixels * by.T
    return np.asarray(cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), np.float32)
