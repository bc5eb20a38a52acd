"""What is sewn on clothes: seams, buttons, zips and pockets, none of them a mark."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from engines.training.noise import Piece

    Bgr = npt.NDArray[np.uint8]
    Points = npt.NDArray[np.int32]


def _line(piece: Piece) -> Points:
    """Return points (n, 2) x, y px of a slightly bent line from one side of the piece to another."""
    along, bend = np.linspace(-0.2, 1.2, 9), piece.rng.normal(0, 0.06)
    middle = piece.rng.uniform(0.1, 0.9) + piece.rng.normal(0, 0.15) * (along - 0.5)
    across = middle + bend * np.sin(np.pi * along)
    size = np.array([piece.width, piece.height])
    points = np.stack([across, along], 1) if piece.rng.random() < 0.7 else np.stack([along, across], 1)
    return np.asarray(np.round(points * size), np.int32)


def _thread(piece: Piece) -> tuple[float, float, float]:
    blue, green, red = (float(v) for v in piece.colour())
    return blue, green, red


def _stitches(piece: Piece, picture: Bgr, points: Points) -> None:
    """Draw a dashed line of thread along the points."""
    colour = _thread(piece)
    dash = float(piece.rng.uniform(2, 5))
    for start, end in pairwise(points):
        steps = max(int(np.hypot(*(end - start)) / (2 * dash)), 1)
        for at in np.arange(steps) / steps:
            a = start + (end - start) * at
            b = a + (end - start) / steps * 0.55
            cv2.line(picture, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), colour, 1, cv2.LINE_AA)


def _seam(piece: Piece, picture: Bgr) -> None:
    points = _line(piece)
    shade = picture // 2
    width = int(piece.rng.integers(1, 3))
    groove = np.zeros(picture.shape[:2], np.uint8)
    cv2.polylines(groove, [points], False, 255, width, cv2.LINE_AA)
    share = cv2.GaussianBlur(groove, (0, 0), 0.8)[..., None].astype(np.uint16)
    picture[:] = ((picture * (255 - share) + shade * share) // 255).astype(np.uint8)
    for offset in piece.rng.choice([-5, -3, 3, 5], int(piece.rng.integers(0, 3)), replace=False):
        _stitches(piece, picture, points + np.int32(offset))


def _buttons(piece: Piece, picture: Bgr) -> None:
    points, radius = _line(piece), int(piece.rng.integers(3, max(4, min(piece.width, piece.height) // 14)))
    colour = _thread(piece)
    hole = tuple(0.4 * value for value in colour)
    for at in np.arange(0.1, 1.0, piece.rng.uniform(0.18, 0.4)):
        place = points[0] + (points[-1] - points[0]) * at
        x, y = int(place[0]), int(place[1])
        cv2.circle(picture, (x + 1, y + 1), radius, (20, 20, 20), -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), radius, colour, -1, cv2.LINE_AA)
        cv2.circle(picture, (x, y), radius, hole, 1, cv2.LINE_AA)
        reach = max(radius // 3, 1)
        for dx, dy in ((-reach, -reach), (reach, -reach), (-reach, reach), (reach, reach)):
            cv2.circle(picture, (x + dx, y + dy), max(radius // 6, 1), hole, -1)


def _zip(piece: Piece, picture: Bgr) -> None:
    points, metal = _line(piece), float(piece.rng.uniform(60, 240))
    tape, teeth = _thread(piece), (metal, metal, metal)
    width = int(piece.rng.integers(2, 6))
    cv2.polylines(picture, [points], False, tape, 3 * width, cv2.LINE_AA)
    for start, end in pairwise(points):
        length = max(float(np.hypot(*(end - start))), 1.0)
        along = (end - start) / length
        side = np.array([-along[1], along[0]]) * width * 0.6
        for step in np.arange(0, length, width * 0.9 + 1):
            middle = start + along * step
            a, b = middle - side, middle + side
            cv2.line(picture, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), teeth, max(width // 3, 1))


def _pocket(piece: Piece, picture: Bgr) -> None:
    wide = int(piece.width * piece.rng.uniform(0.25, 0.7))
    high = int(wide * piece.rng.uniform(0.9, 1.3))
    x, y = (int(piece.rng.integers(-wide // 3, side)) for side in (piece.width, piece.height))
    drop = int(0.15 * high) if piece.rng.random() < 0.6 else 0
    corners = np.array(
        [(x, y), (x, y + high - drop), (x + wide // 2, y + high), (x + wide, y + high - drop), (x + wide, y)],
        np.int32,
    )
    dark = tuple(float(v) for v in picture.reshape(-1, 3)[:: max(picture.size // 600, 1)].mean(0) * 0.55)
    cv2.polylines(picture, [corners], piece.rng.random() < 0.7, dark, 1, cv2.LINE_AA)
    middle = corners.mean(0)
    _stitches(piece, picture, np.asarray(middle + (corners - middle) * 0.93, np.int32))


TRIMMINGS: tuple[Callable[[Piece, Bgr], None], ...] = (_seam, _seam, _seam, _buttons, _zip, _pocket)
"""Each draws one thing, at a place of its own choosing, into the picture."""
