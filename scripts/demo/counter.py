"""The camera at the counter: the person of a portrait walks in, stands before the shelves, and leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.errors import BadInput
from scripts.demo.footage import ASSETS
from scripts.demo.marks import Print, render, stamp
from scripts.demo.truth import Rect, Truth, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from engines.colour import Bgr

    Floats = npt.NDArray[np.float32]

SIZE = (1280, 720)
FPS = 10
FRAMES = 240
COME, STAY, GO = 12, 40, 178
GONE = GO + (STAY - COME)

# Places in the 512 x 512 portrait, found by eye.
FACE = Rect(190, 86, 72, 78)
CHEST = (148.0, 316.0)
CHEST_WIDTH = 158.0
PATCH = ((171, 385), 39)
NAME = ((283, 366), (284, 372), (318, 377), (319, 370))

VISOR = ((385, 435), (107, 95))


@dataclass(frozen=True, slots=True)
class CounterRecipe:
    """What makes one such camera different from another."""

    mark: Print
    brand: str
    mirrored: bool = False
    scale: float = 1.2
    seed: int = 7


def truth(recipe: CounterRecipe) -> Truth:
    """Return what each frame shows."""
    faces: dict[int, Rect] = {}
    prints: dict[int, tuple[str, Rect]] = {}
    ink = render(recipe.mark.text, recipe.mark.spacing)
    text_height = CHEST_WIDTH * ink.shape[0] / ink.shape[1]
    text = Rect(CHEST[0] - CHEST_WIDTH / 2, CHEST[1] - text_height / 2, CHEST_WIDTH, text_height)
    if recipe.mirrored:
        text = Rect(512 - text.x - text.w, text.y, text.w, text.h)
    face = Rect(512 - FACE.x - FACE.w, FACE.y, FACE.w, FACE.h) if recipe.mirrored else FACE
    for number in range(COME, GONE):
        x, y, scale = _pose(number, recipe)
        placed, printed = face.moved(x, y, scale), text.moved(x, y, scale)
        if placed.inside(SIZE):
            faces[number] = placed
        if printed.inside(SIZE):
            prints[number] = (recipe.mark.text, printed)
    visit = Visit(COME, GONE - 1, (("top", recipe.brand),))
    return Truth(FRAMES, FPS, SIZE, (visit,), faces, prints)


def frames(portrait: Path, recipe: CounterRecipe) -> Iterator[Bgr]:
    """Yield one loop, (720, 1280, 3) BGR; it begins and ends with the empty shop, never quite still."""
    person, alpha = _cut_out(portrait, recipe)
    shop = _shop(recipe.seed)
    noise = _noise(recipe.seed)
    empty = [np.clip(shop + grain, 0, 255).astype(np.uint8) for grain in noise]
    for number in range(FRAMES):
        frame = empty[number % len(noise)].copy()
        if COME <= number < GONE:
            x, y, scale = _pose(number, recipe)
            ratio = scale * 512 / person.shape[0]
            warp = np.array([[ratio, 0, x], [0, ratio, y]], np.float64)
            cover = cv2.warpAffine(alpha, warp, SIZE, flags=cv2.INTER_LINEAR)
            moved = cv2.warpAffine(
                person, warp, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            left, top, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
            here = np.s_[top : top + height, left : left + width]  # the rest is the empty shop
            share = cover[here][..., None]
            shown = shop[here] * (1 - share) + moved[here] * share + noise[number % len(noise)][here]
            frame[here] = np.clip(shown, 0, 255).astype(np.uint8)
        yield frame


def _pose(number: int, recipe: CounterRecipe) -> tuple[float, float, float]:
    """Return left, top (px) and scale of the portrait in that frame."""
    coming = _ease((number - COME) / (STAY - COME))
    going = _ease((number - GO) / (GONE - GO))
    here = coming - going
    walking = math.sin(math.pi * here)
    seconds = number / FPS
    scale = recipe.scale * (1 + 0.012 * math.sin(0.9 * seconds))
    outside, inside = -512 * recipe.scale - 8, 345.0
    x = outside + (inside - outside) * here + 26 * here * math.sin(0.75 * seconds)
    if recipe.mirrored:
        x = SIZE[0] - x - 512 * scale
    # The portrait's lower edge stays below the picture's, whatever the step.
    y = SIZE[1] - 512 * scale + 14 + 6 * walking * math.sin(11 * seconds) + 4 * math.sin(1.3 * seconds)
    return x, y, scale


def _ease(share: float) -> float:
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def _cut_out(portrait: Path, recipe: CounterRecipe) -> tuple[Bgr, Floats]:
    """Return the person with the mark printed on, twice the portrait's size, and her outline from 0 to 1."""
    picture = cv2.imread(str(portrait), cv2.IMREAD_COLOR)
    alpha = cv2.imread(str(ASSETS / "astronaut-alpha.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None or alpha is None or picture.shape[:2] != alpha.shape:
        raise BadInput(f"{portrait}: not the 512 x 512 portrait; remove the file and start again")
    hole = np.zeros(alpha.shape, np.uint8)
    cv2.circle(hole, *PATCH, 255, -1)
    cv2.fillPoly(hole, [np.array(NAME, np.int32)], 255)
    plain = _lit_visor(np.asarray(cv2.inpaint(picture, hole, 5, cv2.INPAINT_TELEA), np.uint8))
    if recipe.mirrored:
        plain, alpha = plain[:, ::-1], alpha[:, ::-1]
    big = np.array(cv2.resize(plain, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8)
    centre = (512 - CHEST[0] if recipe.mirrored else CHEST[0], CHEST[1])
    stamp(big, recipe.mark, (2 * centre[0], 2 * centre[1]), 2 * CHEST_WIDTH, tilt=0.0)
    outline = cv2.resize(alpha, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    return big, np.asarray(outline / 255, np.float32)


def _lit_visor(picture: Bgr) -> Bgr:
    """Return the portrait with a visor that mirrors a bright room: a black one is often taken for a bag."""
    lit = np.zeros(picture.shape[:2], np.float32)
    cv2.ellipse(lit, *VISOR, 0, 0, 360, 1.0, -1)
    share = cv2.GaussianBlur(lit, (0, 0), 3)[..., None]
    return np.asarray(picture * (1 - share) + (0.6 * picture + 70) * share, np.uint8)


def _shop(seed: int) -> Floats:
    """Return shelves of folded clothes and hanging lamps, out of focus, (720, 1280, 3) float32."""
    random = np.random.default_rng(seed)
    wall = np.linspace((150, 168, 186), (96, 112, 132), SIZE[1], dtype=np.float32)[:, None].repeat(SIZE[0], 1)
    picture = np.ascontiguousarray(wall)
    cloths = [(92, 84, 150), (150, 120, 70), (70, 110, 84), (190, 190, 200), (60, 62, 72), (88, 140, 190)]
    for row in range(4):
        board = 190 + row * 150
        x = 20
        while x < SIZE[0] - 60:
            across = int(random.integers(70, 130))
            for fold in range(int(random.integers(2, 6))):
                tone = np.array(cloths[int(random.integers(len(cloths)))]) * random.uniform(0.75, 1.1)
                base = board - 16 * fold
                cv2.rectangle(picture, (x, base - 14), (x + across, base), tuple(map(float, tone)), -1)
            x += across + int(random.integers(14, 60))
        cv2.rectangle(picture, (0, board), (SIZE[0], board + 12), (58, 84, 112), -1)
    for x in (0, 430, 850, 1262):
        cv2.rectangle(picture, (x, 60), (x + 18, SIZE[1]), (50, 72, 98), -1)
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 7), np.float32)
    glow = np.zeros((SIZE[1], SIZE[0]), np.float32)
    for x in (170, 520, 900, 1180):
        cv2.circle(glow, (x, 46), 26, 1.0, -1)
    light = cv2.GaussianBlur(glow, (0, 0), 10) * 1.2 + cv2.GaussianBlur(glow, (0, 0), 60) * 1.6
    return np.asarray(np.clip(picture + light[..., None] * (120, 170, 200), 0, 250), np.float32)


def _noise(seed: int) -> list[Floats]:
    """Return a sensor's grain: what keeps an empty shop's picture alive."""
    random = np.random.default_rng(seed + 1)
    shape = (SIZE[1], SIZE[0], 1)
    return [random.normal(0, 1.6, shape).astype(np.float32) for _ in range(4)]
