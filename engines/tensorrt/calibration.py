"""Frames for quantising a network: a folder of pictures, fed to it as in service."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.colour import from_bgr
from engines.errors import BadInput
from engines.letterbox import Fit, letterbox
from engines.manifest import ChannelOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from engines.image import I420
    from engines.manifest import Model

    Tensor = npt.NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
LEAST_FRAMES = 50
ROUND, HELD_OUT = 50, 10
"""Of each 50 frames the last 10 are kept from the calibration, to judge it by: neighbours look alike."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Pictures for calibration, pictures held out from it, and one digest of the names and bytes of all."""

    calibration: tuple[Path, ...]
    held_out: tuple[Path, ...]
    digest: str

    @classmethod
    def of(cls, folder: Path) -> Frames:
        """Find the pictures of a folder and those below it, in the order of their paths. Raises BadInput."""
        try:
            paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not folder.is_dir():
                raise BadInput(f"frames: {folder} is no folder; name one with frames of the store's cameras")
            digest = hashlib.sha256()
            for path in paths:
                content = hashlib.sha256(path.read_bytes()).digest()
                digest.update(str(path.relative_to(folder)).encode("utf-8", "replace") + b"\0" + content)
        except OSError as error:
            raise BadInput(f"frames: {folder}: {(error.strerror or 'cannot be read').lower()}") from error
        if len(paths) < LEAST_FRAMES:
            raise BadInput(
                f"frames: {folder} has {len(paths)} pictures ({', '.join(SUFFIXES)}), at least "
                f"{LEAST_FRAMES} are needed; a few hundred of the store's cameras at all hours are best"
            )
        held_out = [path for number, path in enumerate(paths) if number % ROUND >= ROUND - HELD_OUT]
        rest = [path for number, path in enumerate(paths) if number % ROUND < ROUND - HELD_OUT]
        return cls(tuple(rest), tuple(held_out), digest.hexdigest())


def read_picture(path: Path) -> I420:
    """Read a picture file. Raises BadInput."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None or min(bgr.shape[:2]) < 2:
        raise BadInput(f"frames: {path} cannot be read as a picture; remove it, or save it anew")
    return from_bgr(np.asarray(bgr, np.uint8))


def to_tensor(picture: I420, model: Model, target: Tensor) -> Fit:
    """Write a picture into target, (3, height, width) float32, as the network is fed in service."""
    size = model.input
    pixels = np.empty((size.height, size.width, 3), np.uint8)
    fit = letterbox(picture, pixels, rgb=size.order is ChannelOrder.RGB)
    np.subtract(pixels.transpose(2, 0, 1), np.array(size.mean, np.float32)[:, None, None], out=target)
    target *= np.float32(size.scale)
    return fit


def batches(paths: Sequence[Path], model: Model, count: int) -> Iterator[tuple[Tensor, list[Fit]]]:
    """Yield (count, 3, height, width) float32 and where each picture lies; the last may hold fewer.

    Raises BadInput on a file that is no picture. The memory of a batch is reused for the next.
    """
    size = model.input
    memory = np.empty((count, 3, size.height, size.width), np.float32)
    for start in range(0, len(paths), count):
        chosen = paths[start : start + count]
        fits = [to_tensor(read_picture(p), model, memory[i]) for i, p in enumerate(chosen)]
        yield memory[: len(chosen)], fits
