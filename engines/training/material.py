"""Draws the marks and cuts the backgrounds that training and the bench use, from what `sources` brought."""

from __future__ import annotations

import argparse
import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import resvg_py

from engines.training import bank
from engines.training.art import flipped
from engines.training.cloth import cloth
from engines.training.split import held_out

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

DRAWN = 256
NO_LETTERS = ("emoji", "symbol", "math", "music")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def draw(path: Path) -> Bytes:
    """Return the coverage of an SVG symbol, (DRAWN, DRAWN) uint8."""
    png = bytes(resvg_py.svg_to_bytes(svg_path=str(path), width=DRAWN, height=DRAWN))
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError(f"{path}: resvg drew no picture")
    coverage: Bytes = np.ascontiguousarray(picture[..., 3], np.uint8)
    return coverage


def fonts_in(folder: Path, *, for_test: bool) -> list[Path]:
    """Return the font files with letters that are held out, or that are not."""
    found = (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in (".ttf", ".otf"))
    lettered = (p for p in found if not any(part in p.name.lower() for part in NO_LETTERS))
    return [p for p in lettered if held_out(p.stem) == for_test]


def texts(titles: Path, rng: np.random.Generator) -> list[str]:
    """Return what logotypes say: names of the symbols that are not held out, and random letters."""
    names = [entry["title"] for entry in json.loads(titles.read_text(encoding="utf-8"))]
    names = [name for name in names if name.isascii() and 2 <= len(name) <= 14 and not held_out(name)]
    return names + ["".join(rng.choice(list(LETTERS), int(rng.integers(1, 4)))) for _ in range(500)]


def main() -> None:
    """Write train_arts.pkl, test_arts.pkl, bg_train.npy and bg_test.npy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, help="folder of icons, fonts, photos, textures")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    icons, fonts = args.sources / "icons", args.sources / "fonts"
    titles = next(args.sources.rglob("simple-icons.json"))
    for for_test, name, seed in ((False, "train", 1), (True, "test", 99)):
        rng = np.random.default_rng(seed)
        symbols = bank.read_icons(icons, for_test=for_test, draw=draw)
        counts = (300, 400, 0) if for_test else (3000, 5000, 1200)
        words = bank.make_words(texts(titles, rng), fonts_in(fonts, for_test=for_test), counts[0], rng)
        arts = {
            "icons": symbols,
            "flipped": [] if for_test else [f for a in symbols if (f := flipped(a)) is not None],
            "words": words,
            "emblems": bank.make_emblems(symbols, words, counts[1], rng),
            "blobs": bank.make_blobs(counts[2], rng),
        }
        with (args.out / f"{name}_arts.pkl").open("wb") as file:
            pickle.dump(arts, file, protocol=4)
        print(name, {kind: len(found) for kind, found in arts.items()})
        many = (500, 200, 200) if for_test else (3000, 1500, 1800)
        pieces = [cloth(rng, bank.PIECE, bank.PIECE) for _ in range(many[2])]
        for folder, count in (("photos", many[0]), ("textures", many[1])):
            paths = [p for p in sorted((args.sources / folder).rglob("*.*")) if held_out(p.name) == for_test]
            pieces += bank.pieces(paths, max(1, count // max(1, len(paths))), rng)
        np.save(args.out / f"bg_{name}.npy", np.stack(pieces))
        print(name, len(pieces), "backgrounds")


if __name__ == "__main__":
    main()
