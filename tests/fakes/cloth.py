"""Cloth with a pattern, drawn, and worn by somebody on a photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from engines.colour import from_bgr
from engines.garments.parser import GarmentParser
from engines.paths import ROOT
from probes.frame import Box

if TYPE_CHECKING:
    import numpy.typing as npt

    Bgr = npt.NDArray[np.uint8]

ASTRONAUT = ROOT / "scripts" / "demo" / "assets" / "astronaut.jpg"
FACE = Box(187, 80, 70, 90)
"""Hers, px."""
REPEAT_PX = 24


def check(size: int = 240, repeats: int = 4) -> Bgr:
    """Return a beige check with black and red lines."""
    y, x = np.mgrid[:size, :size] * repeats / size % 1
    cloth = np.full((size, size, 3), (150, 190, 215), np.uint8)
    for along in (x, y):
        cloth[(along < 0.3) & (along > 0.05)] //= 2
        cloth[(along > 0.6) & (along < 0.66)] = (50, 50, 190)
    return cloth


def dressed_in(cloth: Bgr) -> Bgr:
    """Return the astronaut, (512, 512, 3), with her suit in a pattern of four repeats, by its own light."""
    shown = np.asarray(cv2.imread(str(ASTRONAUT)), np.uint8)
    outfit = GarmentParser().parse(from_bgr(shown))
    assert outfit is not None
    small = cv2.resize(cloth, (4 * REPEAT_PX,) * 2, interpolation=cv2.INTER_AREA)
    tiled = np.tile(small, (512 // len(small) + 1, 512 // len(small) + 1, 1))[:512, :512]
    light = cv2.GaussianBlur(cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY), (0, 0), 15)[..., None] / 150
    lit = np.clip(tiled * light, 0, 255).astype(np.uint8)
    for region in outfit.cloth():
        if region.type != "top":
            continue
        left, top = int(region.box[0]), int(region.box[1])
        height, width = region.mask.shape
        part = slice(top, top + height), slice(left, left + width)
        shown[part] = np.where(region.mask[..., None], lit[part], shown[part])
    return shown
