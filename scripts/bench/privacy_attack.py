"""The attack on masks: who has photographs of the candidates masks them alike, and takes the nearest.

Each candidate's face is masked twice: as the shop's camera shows it (moved, scaled, lit and noisy a little),
and as the attacker's photograph shows it. The masked picture from the shop is compared with those of all
candidates, pixel by pixel. Chance is 1 of the candidates at first guess, 5 in five.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from engines.image import I420
from pipelines.errors import BadInput
from probes.frame import Box
from probes.redaction.masking import cover
from scripts.terminal import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Boxes = npt.NDArray[np.float32]

SIDE = 96
"""Faces are compared in this size, px."""
ROOM = 0.25
"""Share of the face around it that is masked too, as in the product."""
FEWEST = 5
FIRST = 5
"""Guesses of the second figure."""


def attack(pictures: Iterable[tuple[I420, Boxes]], max_faces: int) -> int:
    """Print how often the attacker is right, for each way of masking. Raises BadInput."""
    faces = _cut_out(pictures, max_faces)
    if len(faces) < FEWEST:
        raise BadInput(f"--attack needs {FEWEST} faces or more; the inputs show {len(faces)}")
    table = Table(box=SIMPLE, pad_edge=False, title=f"{len(faces)} candidates")
    for heading in ("masked by", "right at first guess", f"right in {FIRST}"):
        table.add_column(heading, justify="left" if heading == "masked by" else "right")
    for name, mask in WAYS.items():
        first, in_five = success(faces, mask)
        table.add_row(name, f"{first:.0%}", f"{in_five:.0%}")
    table.add_row("chance", f"{1 / len(faces):.0%}", f"{min(1.0, FIRST / len(faces)):.0%}")
    console().print(table)
    return 0


def success(faces: list[Bytes], mask: Callable[[Bytes], Bytes]) -> tuple[float, float]:
    """Return how often the right face is nearest, and among the FIRST nearest. Ties are broken by lot.

    faces: (SIDE, SIDE) uint8 luma each, one of each candidate.
    """
    rng = np.random.default_rng(1)
    masked_faces = np.stack([mask(face) for face in faces]).reshape(len(faces), -1).astype(np.float32)
    ranks = []
    for number, face in enumerate(faces):
        seen = mask(_as_the_shop_sees(face, rng)).reshape(-1).astype(np.float32)
        away = np.square(masked_faces - seen).mean(axis=1) + rng.uniform(0, 1e-6, len(faces))
        ranks.append(int((away < away[number]).sum()))
    return float(np.mean([rank == 0 for rank in ranks])), float(np.mean([rank < FIRST for rank in ranks]))


def _cut_out(pictures: Iterable[tuple[I420, Boxes]], max_faces: int) -> list[Bytes]:
    faces: list[Bytes] = []
    for picture, boxes in pictures:
        for left, top, right, bottom in boxes.tolist():
            room_x, room_y = (right - left) * ROOM, (bottom - top) * ROOM
            part = picture.crop(
                left - room_x, top - room_y, right - left + 2 * room_x, bottom - top + 2 * room_y
            )
            if min(part.y.shape) >= 16:
                faces.append(np.asarray(cv2.resize(part.y, (SIDE, SIDE)), np.uint8))
            if len(faces) == max_faces:
                return faces
    return faces


def _as_the_shop_sees(face: Bytes, rng: np.random.Generator) -> Bytes:
    """Return another picture of a face: moved by up to 2 %, scaled by up to 4 %, relit, noisy."""
    scale, shift = 1 + rng.uniform(-0.04, 0.04), rng.uniform(-0.02, 0.02, 2) * SIDE
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    moved = cv2.warpAffine(face, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    lit = moved * rng.uniform(0.92, 1.08) + rng.normal(0, 3, moved.shape)
    return np.asarray(np.clip(lit, 0, 255), np.uint8)


def _mosaic(face: Bytes) -> Bytes:
    return _covered(face, solid=False)


def _solid(face: Bytes) -> Bytes:
    return _covered(face, solid=True)


def _covered(face: Bytes, *, solid: bool) -> Bytes:
    half = np.full((SIDE // 2, SIDE // 2), 128, np.uint8)
    picture = I420(face.copy(), half, half.copy())
    cover(picture, Box(0, 0, SIDE, SIDE), solid=solid)
    return picture.y


def _means(face: Bytes) -> Bytes:
    small = cv2.resize(face, (8, 8), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST), np.uint8)


def _blur(face: Bytes) -> Bytes:
    """Return the face under a box blur over an eighth of it, which stands for nvdsosd's."""
    return np.asarray(cv2.blur(face, (SIDE // 8, SIDE // 8)), np.uint8)


def _deepstream(face: Bytes) -> Bytes:
    """Return the face as DeepStream shows it by default: nvdsosd's blur, then the probe's filled box."""
    return _solid(_blur(face))


WAYS: dict[str, Callable[[Bytes], Bytes]] = {
    "pixelate, the default": _mosaic,
    "solid": _solid,
    "DeepStream, the default": _deepstream,
    "means of 8 x 8 cells": _means,
    "blur, as nvdsosd alone": _blur,
}
