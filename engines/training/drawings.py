"""Drawings of icon packages by the mark they show: filled or outlined, thin or bold, with colours or not.

Those of one mark are one class to the training, so that another version of a drawing stays near.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import resvg_py

from engines.training.split import HELD_OUT_BRANDS, held_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Drawing = tuple[Bytes, Bytes | None]

TEXTURE, INNER = 96, 88
"""Side of a mark's texture, and the longest side of the drawing within it, px."""
PARTS = 8
"""From here on numbers of `labels_of` are holes."""
DRAWN = 192
_SUFFIXES = r"-(outline|fill|bold|light|thin|regular|original|plain|color|black|icon)$"
_VARIANTS = re.compile(r"light|dark|medium|skin|flag|clock|^keycap")
"""Of emoji: the same figure in other skins, and sheets of flags and clocks that hardly differ."""


@dataclass(frozen=True, slots=True)
class MarkDrawings:
    """A mark's drawings: of which pack, its name, and SVG texts with whether their colours count."""

    kind: str
    name: str
    texts: tuple[tuple[str, bool], ...]


def is_held_out(name: str) -> bool:
    """Return whether a mark of this name is not trained on, however a package spells it."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return held_out(plain) or any(part in plain for part in HELD_OUT_BRANDS)


def read_drawings(folder: Path) -> Iterator[MarkDrawings]:
    """Yield the marks of each package below a folder, FOLDER/PACKAGE/*.svg or FOLDER/PACKAGE/icons.json."""
    for pack in sorted(path for path in folder.iterdir() if path.is_dir()):
        listing = pack / "icons.json"
        if listing.exists():
            yield from _listed(pack.name, listing)
        groups: dict[str, list[Path]] = {}
        for path in sorted(pack.glob("*.svg")):
            groups.setdefault(re.sub(_SUFFIXES, "", path.stem), []).append(path)
        for name, paths in groups.items():
            if not is_held_out(name):
                coloured = [(p.read_text(encoding="utf-8"), _coloured(p.stem)) for p in paths]
                yield MarkDrawings(pack.name, name, tuple(coloured))


def _coloured(stem: str) -> bool:
    return stem.endswith(("-original", "-color"))


def _listed(kind: str, listing: Path) -> Iterator[MarkDrawings]:
    """Yield the marks of a collection in Iconify's form."""
    held = json.loads(listing.read_text(encoding="utf-8"))
    for name, icon in sorted(held["icons"].items()):
        if is_held_out(name.removesuffix("-icon")) or (kind == "noto" and _VARIANTS.search(name)):
            continue
        width, height = (icon.get(side, held.get(side, 24)) for side in ("width", "height"))
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
        space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        text = f'<svg {space} viewBox="{box}" width="{width}" height="{height}">{icon["body"]}</svg>'
        yield MarkDrawings(kind, name, ((text, True),))


def draw_text(text: str, *, coloured: bool) -> Drawing | None:
    """Return coverage and colours (RGB, or none) of an SVG as textures; None where there is too little."""
    try:
        png = bytes(resvg_py.svg_to_bytes(svg_string=text, width=DRAWN))
    except ValueError:
        return None
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        return None
    colours = np.ascontiguousarray(picture[..., 2::-1], np.uint8) if coloured else None
    return texture_of(np.ascontiguousarray(picture[..., 3], np.uint8), colours)


def texture_of(alpha: Bytes, colour: Bytes | None = None) -> Drawing | None:
    """Trim a drawing, and centre it in a texture; None of a mere line or next to nothing."""
    rows, columns = np.flatnonzero(alpha.max(1) > 40), np.flatnonzero(alpha.max(0) > 40)
    if len(rows) < 4 or len(columns) < 4:
        return None
    area = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    alpha = alpha[area]
    height, width = alpha.shape
    if max(height, width) > 8 * min(height, width):
        return None
    scale = INNER / max(height, width)
    w, h = max(3, round(width * scale)), max(3, round(height * scale))
    y, x = (TEXTURE - h) // 2, (TEXTURE - w) // 2
    out = np.zeros((TEXTURE, TEXTURE), np.uint8)
    out[y : y + h, x : x + w] = cv2.resize(alpha, (w, h), interpolation=cv2.INTER_AREA)
    if colour is None:
        return out, None
    inside = alpha > 128
    mean = colour[area][inside].mean(0) if inside.any() else np.full(3, 128.0)
    filled = np.where((alpha > 8)[..., None], colour[area], mean).astype(np.float32)
    full = np.empty((TEXTURE, TEXTURE, 3), np.float32)
    full[:] = mean
    full[y : y + h, x : x + w] = cv2.resize(filled, (w, h), interpolation=cv2.INTER_AREA)
    return out, full.clip(0, 255).astype(np.uint8)


def labels_of(alpha: Bytes) -> Bytes:
    """Return the numbers of a drawing's parts, 1 to 7, and of the holes in it, 8 to 15; outside it is 0."""
    inside = (alpha > 128).astype(np.uint8)
    _, parts = cv2.connectedComponents(inside, connectivity=8)
    _, holes = cv2.connectedComponents(1 - inside, connectivity=4)
    out = np.where(parts > 0, 1 + (parts - 1) % (PARTS - 1), 0)
    border = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
    hole = (holes > 0) & ~np.isin(holes, border)
    return np.where(hole, PARTS + holes % PARTS, out).astype(np.uint8)
