"""What training draws on: drawings of marks and pieces of backgrounds, made once and kept in memory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.training.art import Art, art_of, blob, emblem, word_alpha
from engines.training.split import held_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

logger = logging.getLogger(__name__)

PIECE = 256
"""Side of a piece of background, px."""


def read_icons(folder: Path, *, for_test: bool, draw: Callable[[Path], Bytes]) -> list[Art]:
    """Return the drawings of the SVG symbols that are held out, or of those that are not, by name."""
    found = []
    for path in sorted(folder.glob("*.svg")):
        if held_out(path.stem) == for_test:
            art = art_of(path.stem, draw(path))
            if art is not None:
                found.append(art)
    return found


def make_words(
    texts: Sequence[str], fonts: Sequence[Path], count: int, rng: np.random.Generator
) -> list[Art]:
    """Return drawings of words, each in some font and case, as logotypes."""
    from PIL import ImageFont

    found: list[Art] = []
    while len(found) < count:
        text = texts[int(rng.integers(len(texts)))]
        text = text.upper() if rng.random() < 0.5 else text
        font = fonts[int(rng.integers(len(fonts)))]
        try:
            alpha = word_alpha(text[:14], ImageFont.truetype(str(font), 64), rng)
        except OSError:
            continue
        art = art_of(f"{text}/{font.stem}", alpha)
        if art is not None:
            found.append(art)
    return found


def make_emblems(
    icons: Sequence[Art], words: Sequence[Art], count: int, rng: np.random.Generator
) -> list[Art]:
    """Return crests and badges composed of symbols and words."""
    found: list[Art] = []
    while len(found) < count:
        pool = [icons[int(rng.integers(len(icons)))].alphas[0] for _ in range(2)]
        pool.append(words[int(rng.integers(len(words)))].alphas[0])
        art = emblem(f"emblem {len(found)}", pool, rng)
        if art is not None:
            found.append(art)
    return found


def make_blobs(count: int, rng: np.random.Generator) -> list[Art]:
    """Return abstract marks."""
    found: list[Art] = []
    while len(found) < count:
        art = blob(f"blob {len(found)}", rng)
        if art is not None:
            found.append(art)
    return found


def pieces(paths: Sequence[Path], per_picture: int, rng: np.random.Generator) -> Iterator[Bytes]:
    """Yield random pieces of pictures at random scales: (PIECE, PIECE, 3) uint8 BGR."""
    for path in paths:
        picture = cv2.imread(str(path))
        if picture is None or min(picture.shape[:2]) < 48:
            logger.info("%s: skipped, not a readable picture", path)
            continue
        height, width = picture.shape[:2]
        for _ in range(per_picture):
            side = int(min(height, width) * rng.uniform(0.2, 1.0))
            side = max(min(side, 1200), min(48, height, width))
            y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
            part = picture[y : y + side, x : x + side]
            method = cv2.INTER_AREA if side > PIECE else cv2.INTER_LINEAR
            piece = cv2.resize(part, (PIECE, PIECE), interpolation=method)
            yield np.asarray(piece[:, ::-1] if rng.random() < 0.5 else piece, np.uint8)
