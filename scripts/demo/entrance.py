"""The camera at the entrance: a film of walkers, enlarged; one of them wears a wordmark on her back."""

from __future__ import annotations

import csv
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

    from engines.colour import Bgr

SIZE = (1280, 720)
FPS = 10
# The lawn of the film, empty in both frames: two people come, part, and leave one after the other.
CROP = Rect(20, 306, 480, 270)
FIRST, END = 508, 736
MARKED_COMES = 522
# Her back turns to the camera, and later her head leaves the picture.
SHOWN, HIDDEN, FADE = 617, 692, 4


@dataclass(frozen=True, slots=True)
class EntranceRecipe:
    """What the marked walker wears."""

    mark: Print
    brand: str
    share: float = 0.86
    height: float = 0.3


@dataclass(frozen=True, slots=True)
class WornPlace:
    """Where the walker is in one frame, in pixels of the camera's picture."""

    person: Rect
    centre: tuple[float, float]
    width: float
    opacity: float


def truth(recipe: EntranceRecipe) -> Truth:
    """Return what each frame shows. No face is known here: people are seen from behind or far away."""
    ink = render(recipe.mark.text, recipe.mark.spacing)
    prints = {}
    for number, place in walk(recipe).items():
        if place.opacity == 1:
            height = place.width * ink.shape[0] / ink.shape[1]
            box = Rect(place.centre[0] - place.width / 2, place.centre[1] - height / 2, place.width, height)
            prints[number] = (recipe.mark.text, box)
    visit = Visit(MARKED_COMES - FIRST, 718 - FIRST, (("top", recipe.brand),))
    return Truth(END - FIRST, FPS, SIZE, (visit,), {}, prints)


def walk(recipe: EntranceRecipe) -> dict[int, WornPlace]:
    """Return the marked walker's place by frame of the loop, while the mark can be seen."""
    zoom = SIZE[0] / CROP.w
    places = {}
    with (ASSETS / "walker.csv").open(newline="", encoding="ascii") as handle:
        for row in csv.DictReader(handle):
            frame, x, y, w, h, back, across = (float(value) for value in row.values())
            if SHOWN <= frame < HIDDEN:
                person = Rect(x - CROP.x, y - CROP.y, w, h).moved(0, 0, zoom)
                centre = ((back - CROP.x) * zoom, person.y + recipe.height * person.h)
                opacity = min(1.0, (frame - SHOWN + 1) / FADE, (HIDDEN - frame) / FADE)
                places[int(frame) - FIRST] = WornPlace(person, centre, recipe.share * across * zoom, opacity)
    return places


def frames(film: Path, recipe: EntranceRecipe) -> Iterator[Bgr]:
    """Yield one loop, (720, 1280, 3) BGR; it begins and ends with the empty lawn."""
    places = walk(recipe)
    for number, raw in enumerate(_read(film)):
        left, top = int(CROP.x), int(CROP.y)
        crop = raw[top : top + int(CROP.h), left : left + int(CROP.w)]
        frame = np.asarray(cv2.resize(crop, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)
        if (place := places.get(number)) is not None:
            stamp(frame, recipe.mark, place.centre, place.width, opacity=place.opacity)
        yield frame


def _read(film: Path) -> Iterator[Bgr]:
    video = cv2.VideoCapture(str(film))
    try:
        for number in range(END):
            good, frame = video.read()
            if not good or frame.shape[:2] != (576, 768):
                raise BadInput(f"{film}: cannot be read beyond frame {number}; remove it and start again")
            if number >= FIRST:
                yield np.asarray(frame, np.uint8)
    finally:
        video.release()
