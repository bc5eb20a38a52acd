"""Makes the pictures of the README's stories, from a public-domain portrait and what is drawn here.

`python -m scripts.demo.story FOLDER` writes two pictures of an invented label, brand-photo.jpg and
brand-worn.jpg, and the three inputs of the demo page that this product began as: a woman with a bag by a
known brand (story-bag.jpg), a short bad video of somebody in a jacket by another (story-jacket.mp4), and a
picture without people (story-empty.jpg). The label is drawn by us (assets/nordlicht.svg); cloth, folds and
light are those of the training pictures.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.marks.picture import read_mark
from engines.training.art import art_of
from engines.training.cloth import cloth
from engines.training.render import Preset, Renderer
from scripts.demo.counter import CounterRecipe, frames
from scripts.demo.footage import ASSETS
from scripts.demo.handbag import handbag
from scripts.demo.scenes import BURBERRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engines.colour import Bgr

SEED = 12
TILTED = Preset(70, 12, 0.05, 0.02, 0.5, 3, (85, 92), 0.0, (1, 0, 0, 0, 0, 0, 0))
"""As a telephone is held: a little askew, in uneven light."""
EDGE = 14
"""What is left of the cloth around the label, px: who photographs a mark fills the picture with it."""
WORN = (200.0, 314.0)
"""On the astronaut's chest, px."""
WORN_HEIGHT = 56.0
PORTRAIT = ASSETS / "astronaut.jpg"
RECIPE = CounterRecipe(BURBERRY, "burberry")
"""Of the demo's counter: its loop begins with the empty shop."""
WINDOW = (slice(100, 720), slice(300, 1000))
"""The part of the shop that a picture shows."""
CUSTOMER, CUSTOMER_X = 1.15, 60
BAG, BAG_AT = 0.713, (150, 300)
"""Scale of the bag, and its left and top in the portrait: before her, px."""
BAD_SIZE, BAD_FPS, BAD_QUALITY = (640, 360), 8, 22
BEGIN, LENGTH = 44, 40
"""Frames of the counter's loop in the bad video: she stands before the shelves."""


def woman_with_bag() -> Bgr:
    """Return a picture of the shop: a woman with a handbag by Gucci before her."""
    scene = empty_room().astype(np.float32)
    person, alpha = _portrait(), cv2.imread(str(ASSETS / "astronaut-alpha.png"), cv2.IMREAD_GRAYSCALE)
    assert alpha is not None
    height, width = (round(side * CUSTOMER) for side in alpha.shape)
    top = scene.shape[0] - height
    cover = cv2.resize(alpha, (width, height)).astype(np.float32) / 255
    _lay(scene, np.asarray(cv2.resize(person, (width, height)), np.uint8), cover, CUSTOMER_X, top)
    bag, outline = handbag("GUCCI")
    size = (round(bag.shape[1] * BAG), round(bag.shape[0] * BAG))
    small = np.asarray(cv2.resize(bag, size, interpolation=cv2.INTER_AREA), np.uint8)
    shape = np.asarray(cv2.resize(outline, size, interpolation=cv2.INTER_AREA), np.float32)
    left, above = CUSTOMER_X + int(BAG_AT[0] * CUSTOMER), top + int(BAG_AT[1] * CUSTOMER)
    _lay(scene, small, shape, left, above)
    return np.clip(scene, 0, 255).astype(np.uint8)


def bad_video() -> Iterator[Bgr]:
    """Yield LENGTH frames of somebody in a jacket by Burberry, small and badly compressed."""
    for frame in islice(frames(PORTRAIT, RECIPE), BEGIN, BEGIN + LENGTH):
        small = cv2.resize(frame, BAD_SIZE, interpolation=cv2.INTER_AREA)
        _, code = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, BAD_QUALITY])
        yield np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def empty_room() -> Bgr:
    """Return a picture of the shop without people."""
    return next(frames(PORTRAIT, RECIPE))[WINDOW]


def write_story(folder: Path) -> tuple[Path, Path, Path]:
    """Write story-bag.jpg, story-jacket.mp4 and story-empty.jpg; return their paths."""
    from scripts.demo.encode import write_mp4  # noqa: PLC0415 needs GStreamer

    paths = folder / "story-bag.jpg", folder / "story-jacket.mp4", folder / "story-empty.jpg"
    cv2.imwrite(str(paths[0]), woman_with_bag())
    write_mp4(bad_video(), BAD_SIZE, BAD_FPS, paths[1])
    cv2.imwrite(str(paths[2]), empty_room())
    return paths


def _portrait() -> Bgr:
    person = cv2.imread(str(PORTRAIT))
    if person is None:
        raise SystemExit("the astronaut's picture is missing")
    return np.asarray(person, np.uint8)


def _lay(scene: np.ndarray, thing: Bgr, cover: np.ndarray, left: int, top: int) -> None:
    """Lay a thing onto a scene in place; what hangs over its lower edge is cut off."""
    tall = min(thing.shape[0], scene.shape[0] - top)
    place = (slice(top, top + tall), slice(left, left + thing.shape[1]))
    share = cover[:tall, :, None]
    scene[place] = scene[place] * (1 - share) + thing[:tall] * share


def main() -> None:
    """Write all pictures."""
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
    scene = _portrait().astype(np.float32)
    renderer.paste(scene, art, WORN, WORN_HEIGHT, TILTED, rng)
    cv2.imwrite(str(folder / "brand-worn.jpg"), np.clip(scene, 0, 255).astype(np.uint8))
    write_story(folder)


if __name__ == "__main__":
    main()
