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

    drawing: a file of the starter set, where it is not `{brand}/{brand}.svg`; fits a square of 90 px. One
    of several colours is printed in them.
    """
    picture = np.repeat(skimage.data.camera()[..., None], 3, axis=2)
    if brand is not None:
        mark = read_mark(STARTER / (drawing or f"{brand}/{brand}.svg")).pixels
        share = WIDTH / (max(mark.shape[:2]) if drawing else mark.shape[1])
        drawn = cv2.resize(mark, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        ink, colours = drawn[..., 3:] / 255, drawn[..., 2::-1]
        place = np.s_[AT[1] : AT[1] + ink.shape[0], AT[0] : AT[0] + ink.shape[1]]
        printed = colours if len(np.unique(colours[drawn[..., 3] == 255], axis=0)) > 1 else LIGHT
        picture[place] = np.rint(picture[place] * (1 - ink) + printed * ink)
    return picture
