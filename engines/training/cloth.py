"""Rendered cloth that marks are printed on: plain to camouflage, with folds and seams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

_BANK = 512
_LARGEST = 1024


@dataclass(frozen=True, slots=True)
class NoiseBank:
    """Tiles of (512, 512) float32 noise, about -1..1, that wrap around: one list per grain, coarse to fine."""

    folds: tuple[Floats, ...]
    blobs: tuple[Floats, ...]
    grain: tuple[Floats, ...]


@lru_cache(maxsize=2)
def noise_bank(seed: int = 0) -> NoiseBank:
    """Return the noise that `cloth` cuts its pieces from; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return NoiseBank(
        folds=tuple(_warped(_tile(rng, sigma), _tile(rng, 40.0), 30.0) for sigma in (14, 20, 28, 40, 56, 24)),
        blobs=tuple(_tile(rng, sigma) for sigma in (5, 8, 12, 18)),
        grain=tuple(_tile(rng, sigma) for sigma in (0.0, 0.6, 1.0, 1.6)),
    )


def cloth(rng: np.random.Generator, height: int, width: int, bank: NoiseBank | None = None) -> Bgr:
    """Return a (height, width, 3) uint8 BGR piece of clothing; sides to 1024 px. The same for the same rng."""
    if not (8 <= height <= _LARGEST and 8 <= width <= _LARGEST):
        raise ValueError(f"cloth is drawn at 8 to {_LARGEST} px a side, not {height} x {width}")
    bank = bank or noise_bank()
    weave = _WEAVES[int(rng.integers(len(_WEAVES)))]
    picture = weave(rng, height, width, bank)
    picture *= _shading(rng, height, width, bank)[..., None]
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def _tile(rng: np.random.Generator, sigma: float) -> Floats:
    spectrum = np.fft.rfft2(rng.standard_normal((_BANK, _BANK)))
    rows, columns = np.fft.fftfreq(_BANK)[:, None], np.fft.rfftfreq(_BANK)[None, :]
    spectrum *= np.exp(-2.0 * (np.pi * sigma) ** 2 * (rows**2 + columns**2))
    tile = np.fft.irfft2(spectrum, s=(_BANK, _BANK))
    tile -= tile.mean()
    return np.asarray(tile / (2.0 * tile.std() + 1e-9), np.float32)


def _warped(tile: Floats, by: Floats, pixels: float) -> Floats:
    rows, columns = np.mgrid[0:_BANK, 0:_BANK].astype(np.float32)
    moved = cv2.remap(
        tile, columns + pixels * by, rows + pixels * by.T, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return np.asarray(moved, np.float32)


def _cut(rng: np.random.Generator, tiles: tuple[Floats, ...], height: int, width: int) -> Floats:
    tile = tiles[int(rng.integers(len(tiles)))]
    y, x = (int(v) for v in rng.integers(0, _BANK, 2))
    if y + height <= _BANK and x + width <= _BANK:
        return tile[y : y + height, x : x + width]
    return np.take(
        np.take(tile, np.arange(y, y + height), 0, mode="wrap"), np.arange(x, x + width), 1, mode="wrap"
    )


def _shading(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    folds = _cut(rng, bank.folds, height, width)
    if rng.random() < 0.5:
        folds = 1.0 - 2.0 * np.abs(folds)
    strength = rng.uniform(0.02, 0.35) * (1.0 if rng.random() < 0.7 else 0.3)
    slope = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.float32(rng.normal(0, 0.1))
    slope = slope + np.linspace(-1, 1, width, dtype=np.float32)[None, :] * np.float32(rng.normal(0, 0.15))
    return np.asarray((1.0 + slope) * (1.0 + strength * folds), np.float32)


def _colour(rng: np.random.Generator) -> Floats:
    kind = rng.random()
    if kind < 0.35:
        hsv = (rng.uniform(0, 180), rng.uniform(0, 40), rng.uniform(15, 250))
    elif kind < 0.5:
        hsv = (rng.uniform(100, 125), rng.uniform(60, 220), rng.uniform(25, 130))
    else:
        hsv = (rng.uniform(0, 180), rng.uniform(60, 255), rng.uniform(40, 250))
    pixel = np.array([[hsv]], np.float32).astype(np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0], np.float32)


def _plain(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    grain = _cut(rng, bank.grain, height, width) * np.float32(rng.uniform(0, 0.06))
    return np.asarray((1.0 + grain)[..., None] * _colour(rng), np.float32)


def _heather(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    grain = cv2.blur(_cut(rng, bank.grain[:3], height, width), (int(rng.integers(3, 8)), 1))
    return np.asarray(
        (1.0 + grain * np.float32(rng.uniform(0.15, 0.5)))[..., None] * _colour(rng), np.float32
    )


def _phase(
    rng: np.random.Generator, height: int, width: int, bank: NoiseBank, angle: float, period: float
) -> Floats:
    """Return the phase in radians of stripes a period of pixels apart, slightly wavy."""
    turn = 2 * np.pi / period
    rows = np.arange(height, dtype=np.float32)[:, None] * np.float32(turn * np.sin(angle))
    columns = np.arange(width, dtype=np.float32)[None, :] * np.float32(turn * np.cos(angle))
    waves = _cut(rng, bank.folds, height, width) * np.float32(turn * rng.uniform(0, 4))
    return np.asarray(rows + columns + waves, np.float32)


def _twill(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    ribs = np.sin(
        _phase(rng, height, width, bank, rng.choice([0.78, 2.36, 0.0, 1.57]), rng.uniform(2.2, 7.0))
    )
    grain = _cut(rng, bank.grain, height, width)
    texture = 1.0 + ribs * np.float32(rng.uniform(0.03, 0.15)) + grain * np.float32(rng.uniform(0, 0.12))
    return np.asarray(texture[..., None] * _colour(rng), np.float32)


def _denim(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    threads = np.sin(_phase(rng, height, width, bank, 0.9, rng.uniform(2.2, 4.5)))
    worn = _cut(rng, bank.folds, height, width) * np.float32(rng.uniform(0.05, 0.3))
    light = np.clip(0.35 + worn + 0.12 * threads + 0.15 * _cut(rng, bank.grain, height, width), 0, 1)[
        ..., None
    ]
    dark = np.array([70, 40, 25], np.float32) * np.float32(rng.uniform(0.4, 1.3))
    bright = np.array([215, 190, 170], np.float32) * np.float32(rng.uniform(0.6, 1.1))
    return np.asarray(dark + (bright - dark) * light, np.float32)


def _stripes(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    angle = float(rng.choice([0.0, 1.5708]) + rng.normal(0, 0.08))
    phase = _phase(rng, height, width, bank, angle, rng.uniform(8, 60))
    mask = np.clip((np.sin(phase) - np.float32(rng.uniform(-0.6, 0.8))) * 4 + 0.5, 0, 1)[..., None]
    base = _plain(rng, height, width, bank)
    return np.asarray(base + (_colour(rng) - base) * mask, np.float32)


def _plaid(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    picture = _twill(rng, height, width, bank)
    turn, period = rng.normal(0, 0.15), rng.uniform(14, 80)
    for angle in (turn, turn + 1.5708):
        phase = _phase(rng, height, width, bank, float(angle), period)
        for edge in rng.uniform(-0.3, 0.95, 2):
            mask = np.clip((np.sin(phase + rng.uniform(0, 6)) - np.float32(edge)) * 5, 0, 1)[..., None]
            picture = picture + (_colour(rng) - picture) * (mask * np.float32(rng.uniform(0.25, 0.6)))
    return np.asarray(picture, np.float32)


def _dots(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    period, turn = rng.uniform(8, 40), float(rng.uniform(0, 1.57))
    one = np.sin(_phase(rng, height, width, bank, turn, period))
    two = np.sin(_phase(rng, height, width, bank, turn + 1.5708, period))
    mask = np.clip((one * two - np.float32(rng.uniform(0.3, 0.8))) * 5, 0, 1)[..., None]
    base = _plain(rng, height, width, bank)
    return np.asarray(base + (_colour(rng) - base) * mask, np.float32)


def _camouflage(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    picture = _plain(rng, height, width, bank)
    tint = _colour(rng)
    for _ in range(int(rng.integers(1, 4))):
        colour = 0.5 * (tint + _colour(rng)) if rng.random() < 0.7 else _colour(rng)
        mask = np.clip((_cut(rng, bank.blobs, height, width) - np.float32(rng.uniform(0, 0.5))) * 12, 0, 1)[
            ..., None
        ]
        picture = picture + (colour - picture) * mask
    return np.asarray(picture, np.float32)


def _leather(rng: np.random.Generator, height: int, width: int, bank: NoiseBank) -> Floats:
    bumps = _cut(rng, bank.blobs[:1] + bank.grain[2:], height, width)
    light = cv2.Sobel(bumps, cv2.CV_32F, 1, 1, ksize=3)
    creases = 1.0 - np.float32(rng.uniform(0.1, 0.3)) * np.exp(-np.abs(bumps) * 12)
    texture = creases + light * np.float32(rng.uniform(0.05, 0.3))
    return np.asarray(texture[..., None] * _colour(rng), np.float32)


_WEAVES: tuple[Callable[[np.random.Generator, int, int, NoiseBank], Floats], ...] = (
    _plain,
    _plain,
    _heather,
    _twill,
    _denim,
    _stripes,
    _plaid,
    _dots,
    _camouflage,
    _leather,
)
