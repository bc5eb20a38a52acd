"""Fits what turns pooled features into vectors of patterns, and writes it with what people usually wear.

`python -m engines.training.pattern_textures FOLDER OUT --fonts FOLDER`; FOLDER holds labelled photographs, as
for `msh types train`: the last fifth by number is left out. Some minutes of one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.marks.patterns import PLAIN, SIDE, PatternTextures, TextureEmbedder, swatch_views
from engines.training.pattern_art import draw_swatch, is_plain, seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from engines.marks.types import FloatArray

    Rgb = npt.NDArray[np.uint8]
    Rng = np.random.Generator

SWATCHES, VIEWS, SEEN = 200, 6, 9
PHOTOGRAPHS, WINDOWS, TRIES = 220, 5, 60
LEAST_AREA, LEAST_SIDE, COVERED = 900, 20, 0.9
LENGTH, RIDGE = 64, 0.3
BARE = ("null", "skin", "hair", "background")


def worn_windows(photograph: Path, labels: Sequence[str], rng: Rng) -> Iterator[tuple[int, Rgb]]:
    """Yield the label and up to WINDOWS windows, (SIDE, SIDE, 3) RGB, of each garment on a photograph."""
    read, marked = cv2.imread(str(photograph)), cv2.imread(str(photograph.with_suffix(".png")), 0)
    if read is None or marked is None:
        raise SystemExit(f"{photograph}: cannot be read, or has no label map beside it")
    picture = read[..., ::-1]
    for label in np.unique(marked):
        mask = (marked == label).astype(np.uint8)
        area = int(mask.sum())
        if labels[label].split()[-1].lower() in BARE or area < LEAST_AREA:
            continue
        sums, places, found = cv2.integral(mask), np.argwhere(mask), 0
        for _ in range(TRIES):
            max_side = max(LEAST_SIDE + 1, 0.8 * np.sqrt(area))
            side = int(np.exp(rng.uniform(np.log(LEAST_SIDE), np.log(max_side))))
            y, x = places[rng.integers(area)] - side // 2
            if y < 0 or x < 0 or y + side > mask.shape[0] or x + side > mask.shape[1]:
                continue
            inside = sums[y + side, x + side] - sums[y, x + side] - sums[y + side, x] + sums[y, x]
            if inside < COVERED * side * side:
                continue
            method = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
            cut = np.ascontiguousarray(picture[y : y + side, x : x + side])
            yield int(label), np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=method), np.uint8)
            found += 1
            if found == WINDOWS:
                break


def fitted(
    drawn: FloatArray, drawn_of: Sequence[int], worn: FloatArray, worn_of: Sequence[str]
) -> PatternTextures:
    """Return the directions in which patterns differ most, by how much views of one pattern do.

    drawn, worn: (n, f) features; drawn_of, worn_of: which pattern, and which garment, each is of.
    """
    every = np.concatenate([drawn, worn])
    mean, scale = every.mean(axis=0), every.std(axis=0) + 1e-3
    centres, within = [], np.zeros((every.shape[1], every.shape[1]))
    for rows, owners in ((drawn, np.array(drawn_of)), (worn, np.array(worn_of))):
        even = (rows - mean) / scale
        for owner in np.unique(owners):
            views = even[owners == owner]
            centre = views.mean(axis=0)
            centres.append(centre)
            within += (views - centre).T @ (views - centre)
    within /= len(every)
    within += RIDGE * np.eye(len(within)) * np.trace(within) / len(within)
    spread, axes = np.linalg.eigh(within)
    whitened = axes / np.sqrt(spread)
    _, turn = np.linalg.eigh(whitened.T @ np.cov(np.array(centres).T) @ whitened)
    chosen = np.asarray(np.float16(whitened @ turn[:, ::-1][:, :LENGTH]), np.float32)
    nothing = np.zeros((0, LENGTH), np.float32)
    return PatternTextures(np.asarray(mean, np.float32), np.asarray(scale, np.float32), chosen, nothing)


def main() -> None:
    """Draw, embed, fit and write; print how many windows each kind has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fonts", type=Path, nargs="+", required=True, help="font files for canvases")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    none = np.zeros(1, np.float32)
    embedder = TextureEmbedder(textures=PatternTextures(none, none, none, none))

    def features(windows: Sequence[Rgb]) -> FloatArray:
        return embedder.features([window[..., ::-1] for window in windows])

    drawn, drawn_of, as_seen = [], [], []
    for seed in range(SWATCHES):
        swatch = draw_swatch(seed, args.fonts)
        if is_plain(swatch):
            continue
        rng = np.random.default_rng(seed + 10**6)
        views = swatch_views(np.ascontiguousarray(swatch[..., ::-1]))
        chosen = [views[number][..., ::-1] for number in rng.choice(len(views), VIEWS, replace=False)]
        drawn.append(features([*chosen, *(seen(swatch, rng) for _ in range(SEEN))]))
        drawn_of += [seed] * (VIEWS + SEEN)
        as_seen += [False] * VIEWS + [True] * SEEN
    labels = (args.photographs / "labels.txt").read_text().split("\n")
    photographs = sorted(args.photographs.glob("*.jpg"))
    learned = photographs[: len(photographs) - len(photographs) // 5]
    rng, windows, worn_of = np.random.default_rng(0), [], []
    for number in rng.choice(len(learned), min(PHOTOGRAPHS, len(learned)), replace=False):
        for label, window in worn_windows(learned[number], labels, rng):
            if window.std(axis=(0, 1)).max() >= PLAIN:
                windows.append(window)
                worn_of.append(f"{learned[number].stem} {label}")
    worn, of_swatches = features(windows), np.concatenate(drawn)
    textures = fitted(of_swatches, drawn_of, worn, worn_of)
    others = np.concatenate([textures.vectors(worn), textures.vectors(of_swatches[np.array(as_seen)])])
    np.savez_compressed(
        args.out,
        mean=textures.mean,
        scale=textures.scale,
        turn=np.float16(textures.turn),
        worn=np.float16(others),
    )
    print(f"{len(of_swatches)} windows of {len(drawn)} drawn patterns, {len(worn)} of garments: {args.out}")


if __name__ == "__main__":
    main()
