"""Writes the cohort that goes with the embedding: vectors of thousands of other marks, clean and as seen."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.marks.network import MarkEmbedder
from engines.training.render import TRAINING, TYPICAL, Renderer
from engines.training.samples import MINED_FILE, MINED_HELD_OUT, Sampler, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engines.training.art import Art

SEEN, NOTHING = 5000, 500
SHARES = {"icons": 0.5, "words": 0.2, "emblems": 0.15, "blobs": 0.15}


def seen_crops(
    arts: dict[str, list[Art]], backgrounds: Any, count: int, nothing: int, seed: int
) -> list[Any]:
    """Return camera crops of random marks, and of no mark at all."""
    sampler, rng = Sampler(Renderer(seed), backgrounds), np.random.default_rng(seed)
    kinds = [kind for kind in SHARES if arts.get(kind)]
    shares = np.array([SHARES[kind] for kind in kinds])
    found: list[Any] = []
    while len(found) < count:
        of = arts[kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]]
        height = float(np.exp(rng.uniform(np.log(14), np.log(80))))
        crop = sampler.query(of[int(rng.integers(len(of)))], height, TYPICAL, rng)
        if crop is not None:
            found.append(crop)
    return found + [sampler.nothing(TRAINING, rng) for _ in range(nothing)]


def clean_crops(arts: dict[str, list[Art]]) -> list[Any]:
    """Return the clean drawings of all symbols, and of a share of the other marks."""
    symbols: Sequence[Art] = [*arts["icons"], *arts.get("blobs", ())[:300], *arts["words"][:900]]
    return [clean(art) for art in [*symbols, *arts["emblems"][:800]]]


def main() -> None:
    """Embed and write them, as half floats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("material", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    with (args.material / "train_arts.pkl").open("rb") as file:
        arts = pickle.load(file)
    embedder = MarkEmbedder()
    marks = embedder.embed(clean_crops(arts))
    crops = seen_crops(arts, np.load(args.material / "bg_train.npy"), SEEN, NOTHING, 11)
    if (args.material / MINED_FILE).exists():
        crops += list(np.load(args.material / MINED_FILE)[-MINED_HELD_OUT:])
    seen = embedder.embed(crops)
    np.savez_compressed(args.out, marks=marks.astype(np.float16), seen=seen.astype(np.float16))
    print(f"{len(marks)} marks, {len(seen)} crops")


if __name__ == "__main__":
    main()
