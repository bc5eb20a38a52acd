"""Gathers what the finder takes for marks on pictures without any: the hardest of what is none of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.marks.network import MarkFinder
from engines.training.cloth import cloth
from engines.training.samples import cut, jitter
from engines.training.split import held_out

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_SCORE = 0.05
SIZES = (40, 320)
LOOK = (320, 480)


def looks(paths: list[Path], each: int, rng: np.random.Generator) -> Iterator[Any]:
    """Yield parts of pictures, of the shape of a person and of any size, none larger than the network's."""
    for path in paths:
        picture = cv2.imread(str(path))
        if picture is None or min(picture.shape[:2]) < SIZES[0]:
            continue
        height, width = picture.shape[:2]
        for _ in range(each):
            tall = min(height, width * 1.5) * rng.uniform(0.35, 1.0)
            wide = tall / 1.5
            y, x = int(rng.uniform(0, height - tall)), int(rng.uniform(0, width - wide))
            part = picture[y : y + int(tall), x : x + int(wide)]
            if part.shape[0] > LOOK[1]:
                part = cv2.resize(part, LOOK, interpolation=cv2.INTER_AREA)
            yield part


def main() -> None:
    """Write the crops, (n, CROP, CROP, 3) uint8."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, help="folder of photos, textures, people")
    parser.add_argument("out", type=Path)
    parser.add_argument("--most", type=int, default=16000)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng, finder = np.random.default_rng(21), MarkFinder()
    found: list[Any] = []
    for folder, each in (("photos", 9), ("people", 1), ("textures", 1)):
        paths = [p for p in sorted((args.sources / folder).rglob("*.*")) if not held_out(p.name)]
        for part in looks(paths, each, rng):
            seen = finder.find(part)
            found += [cut(part, jitter(b, rng, 0.06)) for b in seen.boxes[seen.scores >= LEAST_SCORE]]
        print(folder, len(found), flush=True)
    for _ in range(200):
        part = cloth(rng, LOOK[1], LOOK[0])
        seen = finder.find(part)
        found += [cut(part, b) for b in seen.boxes[seen.scores >= LEAST_SCORE]]
    order = rng.permutation(len(found))[: args.most]
    np.save(args.out, np.stack([found[i] for i in order]))
    print(f"{len(order)} of {len(found)} crops")


if __name__ == "__main__":
    main()
