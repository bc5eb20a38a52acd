"""Training samples of the garment parser: crops of labelled photographs as cameras would show them.

Varied: what part of the person is in the crop, its size in pixels (blurred copies of down to 90 px), JPEG,
light, colour, mirror, turn, what is behind; a few show a garment without a person, or a mannequin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.errors import BadInput
from engines.garments.classes import CLASSES
from engines.letterbox import Fit
from engines.training.garments_labels import ONE_HELD_OUT_IN, read_labels
from engines.training.garments_network import HEIGHT, STRIDE, WIDTH

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Image = npt.NDArray[np.uint8]

FEWEST = 5
FLAT, MANNEQUIN, SCENE = 0.08, 0.06, 0.3
FLAT_CLASSES = (
    "t-shirt",
    "shirt",
    "sweater",
    "vest",
    "jacket",
    "coat",
    "dress",
    "skirt",
    "trousers",
    "jeans",
    "bag",
)


@dataclass(frozen=True, slots=True)
class Photograph:
    """picture: (h, w, 3) uint8 BGR. labels: (h, w) uint8, values of the folder's `labels.txt`."""

    name: str
    picture: Image
    labels: Image


@dataclass(frozen=True, slots=True)
class Material:
    """Labelled photographs of one folder. allowed: for each value, the classes it may be."""

    allowed: list[tuple[str, ...]]
    learned: list[Photograph]
    held_out: list[Photograph]


def read_material(folder: Path) -> Material:
    """Read NAME.jpg with NAME.png (label map) and `labels.txt`. BadInput where they do not fit."""
    allowed = read_labels(folder)
    maps = sorted(folder.glob("*.png"))
    if len(maps) < FEWEST:
        raise BadInput(f"{folder}: expected at least {FEWEST} label maps (NAME.png), found {len(maps)}")
    photographs = [_photograph(path, len(allowed)) for path in maps]
    first = len(photographs) - len(photographs) // ONE_HELD_OUT_IN
    return Material(allowed, photographs[:first], photographs[first:])


def _photograph(path: Path, values: int) -> Photograph:
    photo = path.with_suffix(".jpg")
    picture, labels = cv2.imread(str(photo)), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None or labels is None:
        raise BadInput(f"{photo if picture is None else path}: cannot be read as a picture")
    if picture.shape[:2] != labels.shape:
        raise BadInput(f"{path}: {labels.shape[1]} x {labels.shape[0]} px, its photograph has other sides")
    if labels.max() >= values:
        raise BadInput(f"{path}: value {labels.max()} has no name in labels.txt, which has {values}")
    return Photograph(path.stem, np.asarray(picture, np.uint8), np.asarray(labels, np.uint8))


class GarmentSampler:
    """Makes samples of photographs, a new one each time. seed decides all of them."""

    def __init__(self, material: Material, seed: int = 1) -> None:
        self._material = material
        self._rng = np.random.default_rng(seed)
        names = [allowed[0] if len(allowed) == 1 else "" for allowed in material.allowed]
        self._values = {name: [v for v, n in enumerate(names) if n == name] for name in set(names)}

    def sample(self, photograph: Photograph) -> tuple[Image, Image]:
        """Return the network's input (HEIGHT, WIDTH, 3) RGB and label values at its STRIDE."""
        rng = self._rng
        picture, labels = photograph.picture, photograph.labels
        kind = rng.random()
        if kind < FLAT:
            picture, labels = self._flat(picture, labels)
        elif kind < FLAT + MANNEQUIN:
            picture, labels = self._mannequin(picture, labels)
        elif kind < FLAT + MANNEQUIN + SCENE:
            picture = self._elsewhere(picture, labels != 0)
        box = _varied(person_of(photograph.labels), rng)
        picture, labels = _cut(picture, labels, box, rng)
        return fed(_shot(picture, rng)), _at_stride(labels)

    def _scene(self, size: tuple[int, int]) -> Image:
        """Return a background of (width, height): what is behind others, enlarged, or one colour."""
        rng = self._rng
        if rng.random() < 0.45:
            shade = np.full((*size[::-1], 3), rng.choice([255, 240, 200, 128, 60]), np.float32)
            tint = shade * rng.uniform(0.85, 1.0, 3) + rng.normal(0, 3, shade.shape)
            return np.clip(tint, 0, 255).astype(np.uint8)
        other = self._material.learned[rng.integers(len(self._material.learned))]
        person = person_of(other.labels)
        width = other.labels.shape[1]
        left = person[0] > width - person[2]
        strip = (
            other.picture[:, : max(8, person[0])] if left else other.picture[:, min(width - 8, person[2]) :]
        )
        return np.asarray(cv2.resize(strip, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _elsewhere(self, picture: Image, mask: npt.NDArray[np.bool_]) -> Image:
        """Put what is kept before another background."""
        scene = self._scene((picture.shape[1], picture.shape[0]))
        share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.0)[..., None]
        return (picture * share + scene * (1 - share)).astype(np.uint8)

    def _flat(self, picture: Image, labels: Image) -> tuple[Image, Image]:
        """Leave one garment, as on a hanger: nobody wears it."""
        there = [n for n in FLAT_CLASSES if np.isin(labels, self._values.get(n, [])).sum() > 2000]
        if not there:
            return picture, labels
        chosen = there[self._rng.integers(len(there))]
        mask = np.isin(labels, self._values[chosen])
        return self._elsewhere(picture, mask), np.where(mask, labels, 0).astype(np.uint8)

    def _mannequin(self, picture: Image, labels: Image) -> tuple[Image, Image]:
        """Make skin one smooth shade, and hair what is behind."""
        rng = self._rng
        skin = np.isin(labels, self._values.get("skin", []))
        hair = np.isin(labels, self._values.get("hair", []))
        grey = cv2.cvtColor(cv2.GaussianBlur(picture, (0, 0), 5.0), cv2.COLOR_BGR2GRAY)[..., None] / 255.0
        shade = rng.choice([235, 200, 150, 40]) * rng.uniform(0.9, 1.0, 3)
        shaped = np.clip(shade * (0.7 + 0.5 * grey), 0, 255)
        changed = np.where(skin[..., None], shaped, picture).astype(np.uint8)
        changed = self._elsewhere(changed, (labels != 0) & ~hair)
        return changed, np.where(skin | hair, 0, labels).astype(np.uint8)


def person_of(labels: Image) -> tuple[int, int, int, int]:
    """Return x1 y1 x2 y2 of all that is not background; the whole where nothing is."""
    rows, columns = np.flatnonzero((labels != 0).any(1)), np.flatnonzero((labels != 0).any(0))
    if not len(rows):
        return 0, 0, labels.shape[1], labels.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _varied(person: tuple[int, int, int, int], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Return the crop: the whole person, the upper or lower part, or the trunk alone."""
    x1, y1, x2, y2 = person
    width, height = x2 - x1, y2 - y1
    kind = rng.random()
    if kind < 0.5:
        top, bottom = 0.0, 1.0
    elif kind < 0.72:
        top, bottom = 0.0, rng.uniform(0.35, 0.75)
    elif kind < 0.9:
        top = rng.uniform(0.08, 0.2)
        bottom = top + rng.uniform(0.35, 0.8)
    else:
        top, bottom = rng.uniform(0.35, 0.55), 1.0
    out = rng.uniform(-0.03, 0.12, 4)
    return (
        x1 - out[0] * width,
        y1 + (top - (out[1] * 0.6 if top == 0 else 0)) * height,
        x2 + out[2] * width,
        y1 + (bottom + (out[3] * 0.6 if bottom == 1 else 0)) * height,
    )


def _cut(
    picture: Image, labels: Image, box: tuple[float, float, float, float], rng: np.random.Generator
) -> tuple[Image, Image]:
    """Cut the box out, mirrored and turned by chance; it is clipped to the picture."""
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(picture.shape[1], int(box[2])), min(picture.shape[0], max(int(box[3]), y1 + 16))
    if rng.random() < 0.3:
        middle = ((x1 + x2) / 2, (y1 + y2) / 2)
        turn = cv2.getRotationMatrix2D(middle, rng.uniform(-9, 9), 1.0)
        size = (picture.shape[1], picture.shape[0])
        picture = np.asarray(cv2.warpAffine(picture, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        labels = np.asarray(cv2.warpAffine(labels, turn, size, flags=cv2.INTER_NEAREST), np.uint8)
    picture, labels = picture[y1:y2, x1:x2], labels[y1:y2, x1:x2]
    if rng.random() < 0.5:
        picture, labels = picture[:, ::-1], labels[:, ::-1]
    if rng.random() < 0.15:
        picture, labels = _hidden(picture, labels, rng)
    return np.ascontiguousarray(picture), np.ascontiguousarray(labels)


def _hidden(picture: Image, labels: Image, rng: np.random.Generator) -> tuple[Image, Image]:
    """Put a plain thing before a part: a counter, a shelf, another's back."""
    height, width = labels.shape
    side = (max(4, int(height * rng.uniform(0.1, 0.35))), max(4, int(width * rng.uniform(0.2, 0.7))))
    top, left = int(rng.integers(0, height)), int(rng.integers(0, width))
    picture, labels = picture.copy(), labels.copy()
    place = (slice(top, top + side[0]), slice(left, left + side[1]))
    picture[place] = rng.integers(0, 255, 3)
    labels[place] = 0
    return picture, labels


def _shot(picture: Image, rng: np.random.Generator) -> Image:
    """Show the crop as a camera would: fewer pixels, JPEG, other light and colour."""
    if rng.random() < 0.6:
        tall = min(picture.shape[0], np.exp(rng.uniform(np.log(90), np.log(320))))
        share = tall / picture.shape[0]
        size = (max(8, int(picture.shape[1] * share)), max(8, int(tall)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        if rng.random() < 0.3:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.0)), np.uint8)
    if rng.random() < 0.4:
        done, code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 85))])
        picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8) if done else picture
    light = 255 * (np.arange(256) / 255) ** rng.uniform(0.65, 1.5)
    light = np.clip((light - 128) * rng.uniform(0.75, 1.2) + 128 + rng.uniform(-20, 20), 0, 255)
    tint = rng.uniform(0.9, 1.1, 3)
    tables = np.stack([np.clip(light * one, 0, 255) for one in tint], 1).astype(np.uint8)[None]
    picture = np.asarray(cv2.LUT(picture, tables), np.uint8)
    if rng.random() < 0.1:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        picture = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    return picture


def fed(picture: Image, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Image:
    """Return a BGR crop as the input of (height, width): RGB, scaled as a whole, centred, black around it."""
    fit = Fit.of((picture.shape[1], picture.shape[0]), size[::-1])
    method = cv2.INTER_AREA if fit.width < picture.shape[1] else cv2.INTER_LINEAR
    target = np.zeros((*size, 3), np.uint8)
    small = cv2.resize(picture, (fit.width, fit.height), interpolation=method)
    target[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width] = small[..., ::-1]
    return target


def _at_stride(labels: Image, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Image:
    """Return the label values of the network's output; what is black around the crop is background."""
    fit = Fit.of((labels.shape[1], labels.shape[0]), size[::-1])
    target = np.zeros(size, np.uint8)
    small = cv2.resize(labels, (fit.width, fit.height), interpolation=cv2.INTER_NEAREST)
    target[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width] = small
    return np.ascontiguousarray(target[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE])


def plain(
    photograph: Photograph, height: int | None = None, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> tuple[Image, Image]:
    """Return the person of a photograph for validation, shrunk to a height in px first where given."""
    x1, y1, x2, y2 = person_of(photograph.labels)
    picture, labels = photograph.picture[y1:y2, x1:x2], photograph.labels[y1:y2, x1:x2]
    if height is not None and height < picture.shape[0]:
        fewer = (max(8, round(picture.shape[1] * height / picture.shape[0])), height)
        picture = np.asarray(cv2.resize(picture, fewer, interpolation=cv2.INTER_AREA), np.uint8)
    return fed(picture, size), _at_stride(labels, size)


def names_of(values: Image, allowed: list[tuple[str, ...]]) -> npt.NDArray[np.int16]:
    """Return the classes' indices of a label map; -1 where the label is not one class."""
    table = np.full(256, -1, np.int16)
    for value, classes in enumerate(allowed):
        if len(classes) == 1:
            table[value] = CLASSES.index(classes[0])
    return table[values]
