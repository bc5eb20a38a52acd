"""deface, as its own command masks by default: CenterFace at the picture's own size, ellipses."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.colour import to_bgr
from pipelines.errors import BadInput
from scripts.bench.rivals.deface_masks import THRESHOLD, mask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from engines.image import I420


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
        return mask(found, picture).astype(np.bool_)

    return mask_of
