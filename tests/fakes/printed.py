"""A photograph of a person (scikit-image's cameraman) with a mark of the starter set printed on the coat."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data

from engines.marks.picture import read_mark
from pipelines.settings.brands import STARTER

AT, WIDTH, LIGHT = (45, 225), 90, 225


def cameraman(brand: str | None = None) -> np.ndarray:
    """Return the photograph, (512, 512, 3) uint8, with the mark 90 px wide on the sleeve."""
    picture = np.repeat(skimage.data.camera()[..., None], 3, axis=2)
    if brand is not None:
        mark = read_mark(STARTER / brand / f"{brand}.svg").pixels[..., 3]
        ink = cv2.resize(mark, (WIDTH, round(WIDTH * mark.shape[0] / mark.shape[1])))[..., None] / 255
        place = np.s_[AT[1] : AT[1] + ink.shape[0], AT[0] : AT[0] + WIDTH]
        picture[place] = np.rint(picture[place] * (1 - ink) + LIGHT * ink)
    return picture
