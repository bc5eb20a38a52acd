"""Brings marks and backgrounds to the device that draws and trains, from `material` and from drawings."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from engines.training.drawings import TEXTURE, MarkDrawings, draw_text, labels_of, read_drawings, texture_of
from engines.training.gpu_versions import Textures
from engines.training.samples import MINED_FILE, MINED_HELD_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from engines.training.art import Art
    from engines.training.drawings import Drawing

    Bytes = npt.NDArray[np.uint8]

SHARES = {
    "icons": 0.34, "phosphor": 0.1, "mdi": 0.1, "bootstrap": 0.03, "cryptocurrency": 0.04, "devicon": 0.04,
    "logos": 0.09, "noto": 0.05, "emblems": 0.12, "words": 0.07, "blobs": 0.04,
}  # fmt: skip
"""Share of a batch's marks by kind; of any other package 0.05."""
OTHER = 0.05


@dataclass(slots=True)
class MarkShelf:
    """Drawings as they are gathered, those of one mark together. starts: of each mark, its first row."""

    alphas: list[Bytes] = field(default_factory=list)
    colours: list[Bytes] = field(default_factory=list)
    coloured: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def add(self, kind: str, drawings: Iterable[Drawing | None]) -> None:
        """Add a mark, unless nothing is drawn of it."""
        found = [drawing for drawing in drawings if drawing is not None]
        if not found:
            return
        self.kinds.append(kind)
        self.starts.append(len(self.alphas))
        for alpha, colour in found:
            self.alphas.append(alpha)
            self.coloured.append(-1 if colour is None else len(self.colours))
            if colour is not None:
                self.colours.append(colour)

    def add_art(self, kind: str, art: Art) -> None:
        """Add a mark that `material` drew."""
        colours = None if art.colours is None else np.ascontiguousarray(art.colours[0][..., ::-1])
        self.add(kind, [texture_of(art.alphas[0], colours)])

    def textures(self, backgrounds: Bytes) -> Textures:
        """Return them as tensors, beside backgrounds (k, s, s, 3) uint8 RGB."""
        colours = np.stack(self.colours or [np.zeros((TEXTURE, TEXTURE, 3), np.uint8)])
        labels = np.stack([labels_of(alpha) for alpha in self.alphas])
        return Textures(
            torch.from_numpy(np.stack(self.alphas)),
            torch.from_numpy(labels),
            torch.from_numpy(np.ascontiguousarray(colours.transpose(0, 3, 1, 2))),
            torch.tensor(self.coloured),
            torch.from_numpy(np.ascontiguousarray(backgrounds)),
        )

    def odds(self) -> Tensor:
        """Return how likely each mark is drawn: by its kind."""
        kinds = np.asarray(self.kinds)
        return torch.tensor([SHARES.get(kind, OTHER) / int((kinds == kind).sum()) for kind in self.kinds])


def _drawn(mark: MarkDrawings) -> tuple[str, list[Drawing | None]]:
    return mark.kind, [draw_text(text, coloured=coloured) for text, coloured in mark.texts]


def training_shelf(material: Path, drawings: Path | None, workers: int) -> MarkShelf:
    """Return the marks to train on: those of `material`, and those of icon packages where there are any."""
    shelf = MarkShelf()
    with (material / "train_arts.pkl").open("rb") as file:
        arts = pickle.load(file)
    for kind in ("icons", "words", "emblems", "blobs"):
        for art in arts[kind]:
            shelf.add_art(kind, art)
    if drawings is not None:
        with ProcessPoolExecutor(workers) as pool:
            for kind, found in pool.map(_drawn, read_drawings(drawings), chunksize=32):
                shelf.add(kind, found)
    return shelf


def unseen_shelf(material: Path) -> MarkShelf:
    """Return the symbols that are kept back from training."""
    shelf = MarkShelf()
    with (material / "test_arts.pkl").open("rb") as file:
        for art in pickle.load(file)["icons"]:
            shelf.add_art("icons", art)
    return shelf


def mined_crops(material: Path) -> Tensor:
    """Return what `mine` found, (n, 3, s, s) uint8 RGB, but for what the cohort is made of."""
    path = material / MINED_FILE
    crops = np.load(path)[:-MINED_HELD_OUT] if path.exists() else np.zeros((0, 64, 64, 3), np.uint8)
    return torch.from_numpy(np.ascontiguousarray(crops[..., ::-1].transpose(0, 3, 1, 2)))
