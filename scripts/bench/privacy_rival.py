"""deface, as its own command masks by default: CenterFace at the picture's own size, ellipses."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from engines.colour import to_bgr
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from engines.image import I420

THRESHOLD, MASK_SCALE = 0.2, 1.3
"""The defaults of deface 1.5.0 (its README, `deface --help`)."""


def load_deface(folder: Path) -> Callable[[I420], npt.NDArray[np.bool_]]:
    """Return what deface would cover of a picture, (height, width) bool. BadInput where it is not there."""
    sys.path.insert(0, str(folder))
    try:
        make: Callable[[], Any] = importlib.import_module("deface.centerface").CenterFace
    except ImportError as error:
        raise BadInput(f"--deface: {folder} holds no deface package ({error})") from None
    finally:
        sys.path.remove(str(folder))

    networks: dict[tuple[int, int], Any] = {}

    def mask_of(pixels: I420) -> npt.NDArray[np.bool_]:
        # After another size OpenCV's network finds nonsense (42 to 98 % masked): each size has its own.
        size = pixels.width, pixels.height
        if size not in networks:
            networks[size] = make()
        picture = to_bgr(pixels)
        found, _ = networks[size](np.ascontiguousarray(picture[..., ::-1]), threshold=THRESHOLD)
        mask = np.zeros((pixels.height, pixels.width), np.uint8)
        for left, top, right, bottom, *_ in np.asarray(found).reshape(-1, 5).tolist():
            middle = round((left + right) / 2), round((top + bottom) / 2)
            axes = (
                max(1, round((right - left) * MASK_SCALE / 2)),
                max(1, round((bottom - top) * MASK_SCALE / 2)),
            )
            cv2.ellipse(mask, middle, axes, 0, 0, 360, 1, -1)
        # What deface then does to the picture: a blur of the whole of it, put in place of the faces.
        blurred = cv2.blur(picture, (max(1, picture.shape[1] // 16), max(1, picture.shape[0] // 16)))
        np.copyto(picture, blurred, where=mask[: picture.shape[0], : picture.shape[1], None].astype(np.bool_))
        return mask.astype(np.bool_)

    return mask_of
