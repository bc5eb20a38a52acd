"""A photograph of a person (scikit-image's cameraman) with a mark of the starter set printed on the coat."""

from __future__ import annotations

import cv2
import numpy as np
import skimage.data

from engines.marks.picture import read_mark
from pipelines.settings.brands import STARTER

AT, WIDTH, LIGHT = (45, 225), 90, 225


def cameraman(brand: str | None = None, drawing: str = "") -> np.ndarray:
    """Return the photograph, (512, 512, 3) uint8, with the mark 90 px wide on the sleeve.

    drawing: a file of the starter set, where it is not `{brand}/{brand}.svg`; fits a square of 90 px.
    """
    picture = np.repeat(skimage.data.camera()[..., None], 3, axis=2)
    if brand is not None:
        mark = read_mark(STARTER / (drawing or f"{brand}/{brand}.svg")).pixels[..., 3]
        share = WIDTH / (max(mark.shape) if drawing else mark.shape[1])
        ink = cv2.resize(mark, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)[..., None] / 255
        place = np.s_[AT[1] : AT[1] + ink.shape[0], AT[0] : AT[0] + ink.shape[1]]
        picture[place] = np.rint(picture[place] * (1 - ink) + LIGHT * ink)
    return picture
