"""Rendered cloth that marks are printed on: plain to camouflage, with folds, seams, buttons and zips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.training.noise import NoiseBank, Piece, mixed, noise_bank
from engines.training.trimmings import TRIMMINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]
    Floats = npt.NDArray[np.float32]

_LARGEST = 1024
_UPRIGHT = float(np.pi / 2)


def cloth(rng: np.random.Generator, height: int, width: int, bank: NoiseBank | None = None) -> Bgr:
    """Return a (height, width, 3) uint8 BGR piece of clothing, 8 to 1024 px a side; same rng, same piece."""
    if not (8 <= height <= _LARGEST and 8 <= width <= _LARGEST):
        raise ValueError(f"cloth is drawn at 8 to {_LARGEST} px a side, not {height} x {width}")
    piece = Piece(rng, height, width, bank or noise_bank())
    picture = _WEAVES[int(rng.integers(len(_WEAVES)))](piece)
    if rng.random() < 0.15:
        picture = _joined(piece, picture)
    picture *= _shading(piece)[..., None]
    sewn = np.clip(picture, 0, 255, out=picture).astype(np.uint8)
    if min(height, width) >= 48:
        for _ in range(int(rng.choice([0, 0, 1, 1, 2]))):
            TRIMMINGS[int(rng.integers(len(TRIMMINGS)))](piece, sewn)
    return sewn


def _shading(piece: Piece) -> Floats:
    """Return how bright the light falls, about 1: a slope over the piece and its folds, soft or sharp."""
    folds: npt.NDArray[np.floating[Any]] = piece.cut(piece.bank.folds)
    if piece.rng.random() < 0.5:
        folds = 1.0 - 2.0 * np.abs(folds)
    if piece.rng.random() < 0.4:
        folds = folds + 0.5 * piece.cut(piece.bank.folds)
    strength = piece.between(0.02, 0.35) * np.float32(1.0 if piece.rng.random() < 0.7 else 0.3)
    down: Floats = np.linspace(-1, 1, piece.height, dtype=np.float32)[:, None] * np.float32(
        piece.rng.normal(0, 0.1)
    )
    across = np.linspace(-1, 1, piece.width, dtype=np.float32)[None, :] * np.float32(
        piece.rng.normal(0, 0.15)
    )
    return np.asarray((1.0 + down + across) * np.maximum(1.0 + strength * folds, 0.15), np.float32)


def _joined(piece: Piece, picture: Floats) -> Floats:
    """Return the picture with a panel of other cloth on one side of a bent line."""
    side = piece.phase(float(piece.rng.uniform(0, np.pi)), 4.0 * max(piece.height, piece.width), 30.0)
    share = np.clip((side - np.float32(np.median(side) + piece.rng.normal(0, 0.3))) * 60, 0, 1)
    return mixed(picture, _plain(piece), np.asarray(share, np.float32))


def _plain(piece: Piece) -> Floats:
    return piece.dyed(1.0 + piece.cut(piece.bank.grain) * piece.between(0, 0.06))


def _heather(piece: Piece) -> Floats:
    grain = cv2.blur(piece.cut(piece.bank.grain[:3]), (int(piece.rng.integers(3, 8)), 1))
    return piece.dyed(np.asarray(1.0 + grain * piece.between(0.15, 0.5), np.float32))


def _twill(piece: Piece) -> Floats:
    ribs = np.sin(piece.phase(float(piece.rng.choice([0.78, 2.36, 0.0, 1.57])), piece.rng.uniform(2.2, 7.0)))
    grain = piece.cut(piece.bank.grain) * piece.between(0, 0.12)
    return piece.dyed(1.0 + ribs * piece.between(0.03, 0.15) + grain)


def _knit(piece: Piece) -> Floats:
    """Stitches like rows of V: the courses rise and fall with the ribs that they cross."""
    period, turn = piece.rng.uniform(4, 14), float(piece.rng.normal(0, 0.06))
    ribs = piece.phase(turn, period)
    courses = piece.phase(turn + _UPRIGHT, period * piece.rng.uniform(0.5, 0.9))
    loops = np.sin(courses + 2.0 * np.abs(np.sin(0.5 * ribs))) * 0.5 + 0.5 * np.cos(ribs)
    texture = 1.0 + loops * piece.between(0.08, 0.3) + piece.cut(piece.bank.grain) * np.float32(0.06)
    picture = piece.dyed(np.asarray(texture, np.float32))
    if piece.rng.random() < 0.3:
        picture = mixed(picture, piece.dyed(np.asarray(texture, np.float32)), _bands(piece, turn + _UPRIGHT))
    return picture


def _denim(piece: Piece) -> Floats:
    threads = np.sin(piece.phase(0.9, piece.rng.uniform(2.2, 4.5)))
    worn = piece.cut(piece.bank.folds) * piece.between(0.05, 0.3)
    light = np.clip(0.35 + worn + 0.12 * threads + 0.15 * piece.cut(piece.bank.grain), 0, 1)
    dark = np.array([70, 40, 25], np.float32) * piece.between(0.4, 1.3)
    bright = np.array([215, 190, 170], np.float32) * piece.between(0.6, 1.1)
    return mixed(dark, bright, np.asarray(light, np.float32))


def _bands(piece: Piece, angle: float) -> Floats:
    waves = np.sin(piece.phase(angle, piece.rng.uniform(8, 90)))
    return np.asarray(np.clip((waves - piece.between(-0.7, 0.9)) * 4 + 0.5, 0, 1), np.float32)


def _stripes(piece: Piece) -> Floats:
    angle = float(piece.rng.choice([0.0, _UPRIGHT]) + piece.rng.normal(0, 0.08))
    picture = _plain(piece)
    for _ in range(int(piece.rng.integers(1, 4))):
        picture = mixed(picture, piece.colour(), _bands(piece, angle))
    return picture


def _plaid(piece: Piece) -> Floats:
    picture = _twill(piece)
    turn, period = float(piece.rng.normal(0, 0.15)), piece.rng.uniform(14, 80)
    for angle in (turn, turn + _UPRIGHT):
        phase = piece.phase(angle, period)
        for edge in piece.rng.uniform(-0.3, 0.95, 2):
            mask = np.clip((np.sin(phase + piece.between(0, 6)) - np.float32(edge)) * 5, 0, 1)
            picture = mixed(picture, piece.colour(), np.asarray(mask * piece.between(0.25, 0.6), np.float32))
    return picture


def _dots(piece: Piece) -> Floats:
    """Dots, checks and diamonds: where two sets of stripes meet."""
    period, turn = piece.rng.uniform(8, 40), float(piece.rng.uniform(0, 1.57))
    both = np.sin(piece.phase(turn, period)) * np.sin(piece.phase(turn + _UPRIGHT, period))
    mask = np.clip((both - piece.between(0.0, 0.8)) * 5, 0, 1)
    return mixed(_plain(piece), piece.colour(), np.asarray(mask, np.float32))


def _camouflage(piece: Piece) -> Floats:
    picture, tint = _plain(piece), piece.colour()
    for _ in range(int(piece.rng.integers(1, 4))):
        colour = 0.5 * (tint + piece.colour()) if piece.rng.random() < 0.7 else piece.colour()
        mask = np.clip((piece.cut(piece.bank.blobs) - piece.between(0, 0.5)) * 12, 0, 1)
        picture = mixed(picture, colour, np.asarray(mask, np.float32))
    return picture


def _floral(piece: Piece) -> Floats:
    """Petals in some colours, each only where another noise allows it, with dark veins around them."""
    picture = _plain(piece)
    for _ in range(int(piece.rng.integers(2, 5))):
        petals = piece.cut(piece.bank.cells[1:]) * 0.7 + piece.cut(piece.bank.blobs)
        mask = np.clip((petals - piece.between(0.3, 1.0)) * 9, 0, 1)
        picture = mixed(picture, piece.colour(), np.asarray(mask, np.float32))
    return picture


def _leather(piece: Piece) -> Floats:
    bumps = piece.cut(piece.bank.cells[:3])
    shine = cv2.Sobel(cv2.GaussianBlur(bumps, (0, 0), 1.2), cv2.CV_32F, 1, 0, ksize=3)
    texture = 1.0 + shine * piece.between(0.02, 0.2) + bumps * piece.between(0.0, 0.12)
    gloss = np.clip(piece.cut(piece.bank.folds), 0, 1) * piece.between(0, 0.5)
    return piece.dyed(np.asarray(texture + gloss, np.float32))


_WEAVES: tuple[Callable[[Piece], Floats], ...] = (
    *(_plain, _plain, _plain, _heather, _heather, _twill, _twill, _knit, _knit, _denim),
    *(_stripes, _plaid, _dots, _camouflage, _floral, _leather),
)
