"""Separates a lock-up, a symbol with a word beside or below it, into the two: garments often show one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from engines.marks.picture import WHITE, Ground

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.marks.picture import MarkPicture

    Ink = npt.NDArray[np.bool_]

Part = Literal["symbol", "word"]

GAP = 0.05
"""Width of the empty band between symbol and word, as a share of the picture's side across the band."""
LETTERS, WORD_ASPECT, SCRIPT_ASPECT = 3, 1.6, 3.5
"""A word has at least so many separate shapes in a row, and width to height; and a word of joined letters."""
SYMBOL_ASPECT = (0.3, 3.2)
TALLER = 1.15
"""By how much a symbol beside a word is taller than it: a letter that stands apart is not."""
LEAST_SIDE, LEAST_SHARE = 24, 0.12
"""Least side of a part: px, and share of the whole picture's side in that direction."""
APART = 40
MARGIN = 0.08
FAINT = 16
"""Alpha below which `read_mark` takes nothing for the mark."""


@dataclass(frozen=True, slots=True)
class Lockup:
    """The parts of a picture that shows a symbol with a word."""

    symbol: MarkPicture
    word: MarkPicture


def separate(picture: MarkPicture) -> Lockup | None:
    """Return a picture's symbol and word; None where it shows one of them, or is cut from a garment.

    The picture is cut at its widest empty band, across or down. One side must look like a word and the other
    not: two words one below the other are one word mark, two shapes one symbol.
    """
    ink = _ink(picture)
    if ink is None:
        return None
    for axis, start, end in sorted(_bands(ink), key=lambda band: band[1] - band[2]):
        first = (slice(0, start), slice(None)) if axis == 0 else (slice(None), slice(0, start))
        second = (slice(end, None), slice(None)) if axis == 0 else (slice(None), slice(end, None))
        boxes = [_box(ink, part) for part in (first, second)]
        kinds = [_kind(ink[box], ink.shape) for box in boxes]
        if sorted(str(kind) for kind in kinds) == ["symbol", "word"]:
            parts = dict(zip(kinds, boxes, strict=True))
            if axis == 1 and _height(parts["symbol"]) < TALLER * _height(parts["word"]):
                continue  # a letter that stands apart
            return Lockup(_part(picture, parts["symbol"]), _part(picture, parts["word"]))
    return None


def _ink(picture: MarkPicture) -> Ink | None:
    """Return which pixels are mark, (h, w)."""
    if picture.ground is Ground.NONE:
        return np.asarray(picture.pixels[..., 3] >= 128)
    if picture.ground is Ground.GARMENT:
        return None
    border = np.array(picture.border or WHITE, np.int16)
    return np.asarray(np.abs(picture.pixels[..., :3].astype(np.int16) - border).max(axis=-1) > APART)


def _bands(ink: Ink) -> list[tuple[int, int, int]]:
    """Return the empty bands wide enough, as axis, first and last line."""
    found = []
    for axis in (0, 1):
        empty = np.logical_not(np.asarray(ink.any(axis=1 - axis)))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            inside = start > 0 and end < len(empty)
            if inside and end - start >= GAP * min(ink.shape):
                found.append((axis, int(start), int(end)))
    return found


def _box(ink: Ink, part: tuple[slice, slice]) -> tuple[slice, slice]:
    """Return the rectangle of the ink in a part of the picture."""
    only = np.zeros_like(ink)
    only[part] = ink[part]
    rows, columns = np.flatnonzero(only.any(axis=1)), np.flatnonzero(only.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _kind(ink: Ink, whole: tuple[int, ...]) -> Part | None:
    height, width = ink.shape
    if min(height, width) < LEAST_SIDE or max(height / whole[0], width / whole[1]) < LEAST_SHARE:
        return None
    there = np.concatenate([[False], ink.any(axis=0), [False]]).astype(np.int8)
    shapes = int((np.diff(there) == 1).sum())
    aspect = width / height
    if aspect >= SCRIPT_ASPECT or (aspect >= WORD_ASPECT and shapes >= LETTERS):
        return "word"
    return "symbol" if SYMBOL_ASPECT[0] <= aspect <= SYMBOL_ASPECT[1] and shapes < 2 * LETTERS else None


def _height(box: tuple[slice, slice]) -> int:
    return int(box[0].stop - box[0].start)


def _part(picture: MarkPicture, box: tuple[slice, slice]) -> MarkPicture:
    pixels = np.ascontiguousarray(picture.pixels[box])
    pixels.flags.writeable = False
    return replace(picture, pixels=pixels)


def seen_alone(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return RGBA pixels, (h, w, 4) uint8, without what cannot be seen.

    Who cuts a mark out of a photograph often leaves the colours of all the rest in the file, a face among
    them.
    """
    return np.where(pixels[..., 3:] < FAINT, np.uint8(0), pixels)


def with_margin(picture: MarkPicture) -> npt.NDArray[np.uint8]:
    """Return a part as it is to be written, (h, w, 4) uint8 RGBA, with a rim of the ground it stood on."""
    rim = max(2, round(MARGIN * max(picture.pixels.shape[:2])))
    around = ((rim, rim), (rim, rim), (0, 0))
    wide = seen_alone(np.pad(picture.pixels, around))
    if picture.ground is Ground.NONE:
        return wide
    frame = np.ones(wide.shape[:2], np.bool_)
    frame[rim:-rim, rim:-rim] = False
    wide[frame] = (*(picture.border or WHITE), 255)
    return wide
