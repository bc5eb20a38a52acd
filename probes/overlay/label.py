"""Text blocks of the overlay: rendered once with a font, cached as I420 planes with alpha."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from engines.colour import from_bgr
from probes.overlay.fonts import runs

if TYPE_CHECKING:
    from engines.image import I420, Plane
    from probes.overlay.text import LabelText, Rgb

PLATE, PLATE_ALPHA = (14, 17, 23), 222
INK, SOFT, DIM = (255, 255, 255), (205, 212, 222), (150, 158, 170)
WIDEST_EM = 15.0
HEAD_EM = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A rendered block: premultiplied ink, and per pixel the share of the picture that stays (255: all).

    keep_luma is (height, width), keep_chroma (height / 2, width / 2); height and width are even.
    """

    ink: I420
    keep_luma: Plane
    keep_chroma: Plane

    @property
    def size(self) -> tuple[int, int]:
        """Width, height in pixels."""
        return self.ink.width, self.ink.height

    def paint(self, picture: I420, x: int, y: int) -> None:
        """Blend into the picture in place; x, y are even and not negative; parts outside are clipped."""
        width = min(self.ink.width, (picture.width - x) & ~1)
        height = min(self.ink.height, (picture.height - y) & ~1)
        if width <= 0 or height <= 0:
            return
        _blend(picture.y[y : y + height, x : x + width], self.ink.y, self.keep_luma)
        half = (slice(y // 2, (y + height) // 2), slice(x // 2, (x + width) // 2))
        _blend(picture.u[half], self.ink.u, self.keep_chroma)
        _blend(picture.v[half], self.ink.v, self.keep_chroma)


def _blend(target: Plane, ink: Plane, keep: Plane) -> None:
    rows, columns = target.shape
    cv2.multiply(target, keep[:rows, :columns], dst=target, scale=1 / 255)
    cv2.add(target, ink[:rows, :columns], dst=target)


@dataclass(frozen=True, slots=True)
class LabelFont:
    """A weight and a size in which texts of any script are measured and drawn."""

    weight: str
    pixels: int

    def width(self, text: str) -> float:
        """Return the width of a text in pixels."""
        return sum(font.getlength(part) for part, font in runs(text, self.weight, self.pixels))

    def draw(self, brush: ImageDraw.ImageDraw, at: tuple[float, float], text: str, fill: Rgb | int) -> None:
        """Draw a text from its left end, at half its height."""
        x, y = at
        for part, font in runs(text, self.weight, self.pixels):
            brush.text((x, y), part, fill=fill, font=font, anchor="lm")
            x += font.getlength(part)


def shorten(text: str, font: LabelFont, limit: float) -> str:
    """Return the text, cut with an ellipsis where it is wider than `limit` pixels."""
    if font.width(text) <= limit:
        return text
    while text and font.width(text + "…") > limit:
        text = text[:-1]
    return text.rstrip() + "…"


def render(text: LabelText, em: int, widest_em: float = WIDEST_EM) -> Label:
    """Render a block with a font size of `em` pixels; names wider than `widest_em` em are cut short."""
    regular, bold = LabelFont("Medium", em), LabelFont("Bold", round(em * HEAD_EM))
    rows = [(shorten(row.name, regular, em * widest_em), row) for row in text.rows]
    names = max((regular.width(name) for name, _ in rows), default=0.0)
    prices = max((regular.width(row.price) for _, row in rows), default=0.0)
    bar, pad, gap, line = max(3, round(em * 0.22)), round(em * 0.6), em * 0.9, round(em * 1.34)
    head = round(em * HEAD_EM * 1.16) if text.head else 0
    body = max(names + (gap + prices if prices else 0), bold.width(text.head) if text.head else 0)
    width = _even(bar + 2 * pad + body)
    top = round(em * 0.36)
    height = _even(head + len(rows) * line + 2 * top)
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), em * 0.3, fill=255)
    image = Image.new("RGB", (width, height), PLATE)
    opaque = Image.new("L", (width, height), PLATE_ALPHA)
    brush, cover = ImageDraw.Draw(image), ImageDraw.Draw(opaque)
    brush.rectangle((0, 0, bar - 1, height), fill=text.tone.rgb)
    cover.rectangle((0, 0, bar - 1, height), fill=255)

    def put(at: tuple[float, float], words: str, font: LabelFont, colour: Rgb) -> None:
        font.draw(brush, at, words, colour)
        font.draw(cover, at, words, 255)

    left, right = bar + pad, width - pad
    if text.head:
        put((left, top + head / 2), text.head, bold, text.tone.rgb)
    for number, (name, row) in enumerate(rows):
        middle = top + head + (number + 0.5) * line
        put((left, middle), name, regular, DIM if row.dim else SOFT)
        put((right - regular.width(row.price), middle), row.price, regular, DIM if row.dim else INK)
    return _label(np.asarray(image), np.minimum(np.asarray(opaque), np.asarray(mask)))


def _even(length: float) -> int:
    return (int(np.ceil(length)) + 1) // 2 * 2


def _label(rgb: Plane, alpha: Plane) -> Label:
    ink = from_bgr(np.ascontiguousarray(rgb[:, :, ::-1]))
    height, width = alpha.shape
    coarse = np.asarray(cv2.resize(alpha, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    for plane, cover in ((ink.y, alpha), (ink.u, coarse), (ink.v, coarse)):
        cv2.multiply(plane, cover, dst=plane, scale=1 / 255)
    return Label(ink, 255 - alpha, 255 - coarse)
