"""Draws patterns of cloth, such as checks, monogram canvases and stripes, and shows them as a camera may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    Rgb = npt.NDArray[np.uint8]
    Rng = np.random.Generator

SIZE, SIDE = 480, 64
"""Pixels of a drawn swatch and of a window as it is met."""
PLAIN = 14
"""Least spread of a swatch's brightest channel: two colours may come out alike."""
LETTERS = list("ABCDEFGHJKLMNOPRSTUVXYZ")


@dataclass(frozen=True, slots=True)
class Motif:
    """What a canvas repeats. kind: text, flower, diamond, dot, ring, cross; how: what that kind needs."""

    kind: str
    how: tuple[Any, ...] = ()


def draw_swatch(seed: int, fonts: Sequence[Path]) -> Rgb:
    """Return a swatch of a pattern, (SIZE, SIZE, 3) RGB, the same for the same seed."""
    rng = np.random.default_rng(seed)
    kind = rng.random()
    drawn = _check(rng) if kind < 0.4 else _canvas(rng, fonts) if kind < 0.85 else _lines(rng)
    method = cv2.INTER_AREA if drawn.shape[0] > SIZE else cv2.INTER_LINEAR
    swatch = cv2.resize(np.clip(drawn, 0, 255).astype(np.uint8), (SIZE, SIZE), interpolation=method)
    if rng.random() < 0.5:
        swatch = np.clip(swatch + rng.normal(0, 6, swatch.shape[:2])[..., None], 0, 255).astype(np.uint8)
    return np.asarray(swatch, np.uint8)


def is_plain(swatch: Rgb) -> bool:
    """Return whether a swatch shows next to nothing."""
    return float(swatch.std(axis=(0, 1)).max()) < PLAIN


def seen(swatch: Rgb, rng: Rng) -> Rgb:
    """Return a window of cloth as it is met: turned, folded, shaded, blurred, compressed; (SIDE, SIDE, 3)."""
    share = float(np.exp(rng.uniform(np.log(0.3), np.log(1.6))))
    width = int(np.exp(rng.uniform(np.log(24), np.log(100))))
    laid = _laid(swatch, rng, share * SIZE / width, width + 8)
    lit = _lit(laid, rng)
    if rng.random() < 0.8:
        packed = cv2.imencode(".jpg", lit, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))])[1]
        lit = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    method = cv2.INTER_AREA if width > SIDE else cv2.INTER_LINEAR
    cut = lit[4 : 4 + width, 4 : 4 + width]
    return np.asarray(cv2.resize(cut, (SIDE, SIDE), interpolation=method), np.uint8)


def _laid(swatch: Rgb, rng: Rng, scale: float, size: int) -> npt.NDArray[np.float32]:
    """Return a swatch turned by up to 25 degrees and bent, (size, size, 3). scale: its px to one."""
    angle = np.deg2rad(rng.uniform(-25, 25))
    y, x = (axis.astype(np.float32) - size / 2 for axis in np.mgrid[:size, :size])
    for _ in range(2):
        often, phase = rng.uniform(0.5, 2) * 2 * np.pi / size, rng.uniform(0, 6.3)
        far, along = rng.uniform(0, 0.035) * size, rng.uniform(0, 6.3)
        bent = np.sin(often * (x * np.cos(along) + y * np.sin(along)) + phase) * far
        x, y = x + bent * np.cos(along + 1.3), y + bent * np.sin(along + 1.3)
    narrow = rng.uniform(0.75, 1.0) if rng.random() < 0.6 else 1
    across = (x * np.cos(angle) - y * np.sin(angle)) / narrow * scale
    down = (x * np.sin(angle) + y * np.cos(angle)) * scale
    left, top = rng.uniform(0, SIZE, 2)
    smooth = (
        cv2.GaussianBlur(swatch, (0, 0), 0.45 * scale, borderType=cv2.BORDER_REFLECT) if scale > 1 else swatch
    )
    laid = cv2.remap(
        smooth,
        np.asarray(across + left, np.float32),
        np.asarray(down + top, np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(laid, np.float32)


def _lit(laid: npt.NDArray[np.float32], rng: Rng) -> Rgb:
    """Return it in uneven light, with a camera's colours, blur and noise."""
    y, x = np.mgrid[: laid.shape[0], : laid.shape[1]] / laid.shape[0]
    light = (
        1
        + rng.uniform(-0.25, 0.25) * (x - 0.5) * 2
        + rng.uniform(-0.25, 0.25) * (y - 0.5) * 2
        + rng.uniform(0, 0.2)
        * np.sin(2 * np.pi * (x * rng.uniform(-2, 2) + y * rng.uniform(-2, 2)) + rng.uniform(0, 6))
    )
    shown = 255 * np.clip(laid / 255, 0, 1) ** rng.uniform(0.7, 1.4)
    shown = shown * light[..., None] * rng.uniform(0.55, 1.15) * rng.uniform(0.88, 1.12, 3)
    shown += rng.uniform(0, 25)
    if rng.random() < 0.7:
        shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.3, 0.95))
    noise = rng.normal(0, rng.uniform(0, 6), shown.shape)
    return np.asarray(np.clip(shown + noise, 0, 255).astype(np.uint8))


def _colour(rng: Rng, beside: Any = None, apart: int = 60) -> npt.NDArray[np.int_]:
    colour = np.zeros(3, int)
    for _ in range(50):
        if rng.random() < 0.7:
            colour = rng.integers(0, 256, 3)
        else:
            colour = np.clip(rng.integers(20, 235) + rng.integers(-15, 16, 3), 0, 255)
        if beside is None or int(np.abs(colour - beside).sum()) > apart:
            break
    return colour.astype(int)


def _check(rng: Rng) -> npt.NDArray[Any]:
    bands = rng.integers(3, 8)
    ground = _colour(rng)
    colours = [ground, *(_colour(rng, ground) for _ in range(rng.integers(1, 4)))]
    widths = rng.integers(2, 14, bands)
    threads = np.concatenate([[int(rng.integers(0, len(colours)))] * wide for wide in widths])
    if rng.random() < 0.7:
        threads = np.concatenate([threads, threads[::-1]])
    count = int(rng.integers(3, 6)) * len(threads)
    line = np.array(colours)[np.resize(threads, count)]
    y, x = np.mgrid[:count, :count]
    if rng.random() < 0.4:
        return np.asarray((line[None, :] + line[:, None]) / 2)
    return np.where(((x + y) % 4 < 2)[..., None], line[None, :], line[:, None])


def _canvas(rng: Rng, fonts: Sequence[Path]) -> npt.NDArray[Any]:
    count = int(rng.integers(3, 7))
    apart = SIZE / count
    ground = _colour(rng)
    ink = _colour(rng, ground, 90)
    other = _colour(rng, ground, 90) if rng.random() < 0.4 else ink
    picture = Image.new("RGB", (SIZE, SIZE), tuple(int(value) for value in ground))
    draw = ImageDraw.Draw(picture)
    motifs = [_motif(rng, fonts) for _ in range(rng.integers(1, 4))]
    staggered = rng.random() < 0.7
    for row in range(-1, count + 1):
        for column in range(-1, count + 1):
            x = (column + 0.5 + (0.5 if staggered and row % 2 else 0)) * apart
            place = x, (row + 0.5) * apart
            colour = ink if (row + column) % 2 else other
            _stamp(draw, motifs[(row + column) % len(motifs)], place, apart * 0.95, colour)
    return np.array(picture)


def _motif(rng: Rng, fonts: Sequence[Path]) -> Motif:
    kind = rng.random()
    if kind < 0.5:
        font = fonts[int(rng.integers(len(fonts)))]
        text = "".join(rng.choice(LETTERS, rng.integers(1, 4)))
        return Motif("text", (str(font), text, rng.uniform(0.45, 0.7)))
    if kind < 0.65:
        return Motif("flower", (int(rng.integers(3, 7)), rng.random() < 0.5))
    if kind < 0.75:
        return Motif("diamond", (rng.random() < 0.5,))
    if kind < 0.83:
        return Motif("dot", (rng.uniform(0.1, 0.35),))
    return Motif("ring" if kind < 0.92 else "cross")


def _stamp(
    draw: ImageDraw.ImageDraw, motif: Motif, at: tuple[float, float], size: float, colour: Any
) -> None:
    x, y = at
    ink = tuple(int(value) for value in colour)

    def around(half: float, high: float | None = None) -> tuple[float, float, float, float]:
        tall = half if high is None else high
        return x - half, y - tall, x + half, y + tall

    if motif.kind == "text":
        font, text, share = motif.how
        draw.text(at, text, ink, ImageFont.truetype(font, max(8, int(size * share))), anchor="mm")
    elif motif.kind == "flower":
        count, outlined = motif.how
        half, thick = size * 0.16, max(1, int(size * 0.05))
        for number in range(count):
            turn = 2 * np.pi * number / count
            left, top = x + size * 0.28 * np.cos(turn), y + size * 0.28 * np.sin(turn)
            petal = (left - half, top - half, left + half, top + half)
            draw.ellipse(
                petal, outline=ink if outlined else None, fill=None if outlined else ink, width=thick
            )
    elif motif.kind == "diamond":
        half = size * 0.38
        corners = [(x - half, y), (x, y - half), (x + half, y), (x, y + half)]
        draw.polygon(corners, outline=ink, fill=ink if motif.how[0] else None, width=max(1, int(size * 0.07)))
    elif motif.kind == "dot":
        draw.ellipse(around(size * motif.how[0]), fill=ink)
    elif motif.kind == "ring":
        draw.ellipse(around(size * 0.33), outline=ink, width=max(1, int(size * 0.09)))
    else:
        draw.rectangle(around(size * 0.3, size * 0.09), fill=ink)
        draw.rectangle(around(size * 0.09, size * 0.3), fill=ink)


def _lines(rng: Rng) -> npt.NDArray[Any]:
    count = int(rng.integers(3, 9))
    ground = _colour(rng)
    ink = _colour(rng, ground, 80)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE * count
    kind = rng.random()
    if kind < 0.4:
        along = x
    elif kind < 0.7:
        along = x + np.abs((y * rng.uniform(0.5, 1.5)) % 1 - 0.5)
    else:
        along = x + 0.2 * np.sin(2 * np.pi * y)
    inked = (along % 1) < rng.uniform(0.2, 0.6)
    base = np.broadcast_to(ground, (SIZE, SIZE, 3))
    if rng.random() < 0.5:
        base = np.where(((along * 0.5) % 1 < 0.5)[..., None], ground, _colour(rng, ground, 60))
    if rng.random() < 0.35:
        inked ^= (y % 1) < 0.5
    return np.where(inked[..., None], ink, base)
