"""Makes the pictures of the README's story: a photograph of an invented label, and somebody who wears it.

`python -m scripts.demo.story FOLDER` writes brand-photo.jpg and brand-worn.jpg. The label is drawn by us
(assets/nordlicht.svg); cloth, folds and light are those of the training pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from engines.marks.picture import read_mark
from engines.training.art import art_of
from engines.training.cloth import cloth
from engines.training.render import Preset, Renderer

ASSETS = Path(__file__).resolve().parent / "assets"
SEED = 12
TILTED = Preset(70, 12, 0.05, 0.02, 0.5, 3, (85, 92), 0.0, (1, 0, 0, 0, 0, 0, 0))
"""As a telephone is held: a little askew, in uneven light."""
EDGE = 14
"""What is left of the cloth around the label, px: who photographs a mark fills the picture with it."""
WORN = (200.0, 314.0)
"""On the astronaut's chest, px."""
WORN_HEIGHT = 56.0


def main() -> None:
    """Write both pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    mark = read_mark(ASSETS / "nordlicht.svg")
    art = art_of("nordlicht", np.ascontiguousarray(mark.pixels[..., 3]))
    if art is None:
        raise SystemExit("the drawing of the label is empty")
    renderer, rng = Renderer(SEED), np.random.default_rng(SEED)
    sheet = cloth(rng, 480, 640).astype(np.float32) * 0.35 + 150
    box = renderer.paste(sheet, art, (320, 240), 190, TILTED, rng)
    if box is None:
        raise SystemExit("the label fell off the cloth")
    renderer.shade(sheet, rng)
    left, top, right, bottom = (int(edge) for edge in box)
    photo = renderer.spoil(sheet, TILTED, rng)[top - EDGE : bottom + EDGE, left - EDGE : right + EDGE]
    cv2.imwrite(str(folder / "brand-photo.jpg"), photo)
    person = cv2.imread(str(ASSETS / "astronaut.jpg"))
    if person is None:
        raise SystemExit("the astronaut's picture is missing")
    scene = person.astype(np.float32)
    renderer.paste(scene, art, WORN, WORN_HEIGHT, TILTED, rng)
    cv2.imwrite(str(folder / "brand-worn.jpg"), np.clip(scene, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
