"""Cuts a mark out of the even ground that it stands on: a JPEG on white is then as good as a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Rgba = npt.NDArray[np.uint8]

APART = 40
"""Difference from the ground's colour from which a pixel is the mark's."""
RIM_SIDE = 100
"""Shorter side, px, from which the rim, where mark and ground mix, is cut off too."""
MIN_SHARE = 0.05
"""Least share of the picture that must be left to be a mark."""


def cut_out(pixels: Rgba, ground: tuple[int, int, int]) -> Rgba | None:
    """Return (h, w, 4) uint8 RGBA pixels with the ground around the mark transparent, None where all is.

    ground: its colour (red, green, blue). What the mark encloses stays, of whatever colour.
    """
    apart = np.abs(pixels[..., :3].astype(np.int16) - np.array(ground, np.int16)).max(axis=-1)
    # A frame of ground, so that all that touches an edge is one area with it.
    bare = np.pad((apart <= APART).astype(np.uint8), 1, constant_values=1)
    _, areas = cv2.connectedComponents(bare, connectivity=4)
    mark = np.asarray(areas[1:-1, 1:-1] != areas[0, 0]).astype(np.uint8)
    if min(mark.shape) >= RIM_SIDE:
        mark = np.asarray(cv2.erode(mark, np.ones((3, 3), np.uint8)), np.uint8)
    if mark.mean() < MIN_SHARE:
        return None
    return np.dstack([pixels[..., :3], 255 * mark])
