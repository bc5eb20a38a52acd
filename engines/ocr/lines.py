"""Reads one line of text from an upright strip: PP-OCR's recogniser on OpenVINO."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from engines.ocr.regions import Region

    Bgr = npt.NDArray[np.uint8]

HEIGHT = 48
"""Height of a line, px, that the recogniser takes."""
WIDEST = 640
"""A longer line is squeezed to this width, px."""
BUCKET = 128
"""Widths are filled up to a multiple of this, so that few of them are compiled for."""
NARROWEST = 128


class LineReader:
    """Reads lines with a compiled recogniser: `request` infers (1, 3, 48, w) float32 from -1 to 1.

    letters: what the columns of its answer after the first (blank) mean.
    """

    def __init__(self, request: Any, letters: Sequence[str]) -> None:
        self._request = request
        self._letters = ("", *letters)

    def read(self, strip: Bgr) -> tuple[str, float]:
        """Return the text of a (height, width, 3) uint8 strip and how sure its letters are, 0 to 1."""
        width = min(WIDEST, max(1, math.ceil(HEIGHT * strip.shape[1] / strip.shape[0])))
        method = cv2.INTER_AREA if strip.shape[0] > HEIGHT else cv2.INTER_LINEAR
        scaled = cv2.resize(strip, (width, HEIGHT), interpolation=method)
        line = np.zeros((1, 3, HEIGHT, max(NARROWEST, -(-width // BUCKET) * BUCKET)), np.float32)
        line[0, :, :, :width] = scaled.transpose(2, 0, 1) / 127.5 - 1
        self._request.infer([line])
        steps = self._request.get_output_tensor().data[0]
        best = steps.argmax(axis=1)
        letter_steps = np.flatnonzero((best != 0) & (best != np.concatenate(([-1], best[:-1]))))
        if not letter_steps.size:
            return "", 0.0
        text = "".join(self._letters[n] for n in best[letter_steps].tolist())
        return text, float(steps[letter_steps, best[letter_steps]].mean())


def strip_of(bgr: Bgr, region: Region, angle: float, margins: float = 1.0) -> Bgr:
    """Cut a region out, turned so that what reads at `angle` degrees clockwise stands upright.

    angle: that of the region, or a multiple of 90 degrees away. margins: the share of the region's margin
    that is left around it.
    """
    turn = math.radians(angle)
    margin = margins * region.margin
    along, across = region.length + 2 * margin, region.thickness + 2 * margin
    if round((angle - region.angle) / 90) % 2:
        along, across = across, along
    width, height = max(2, round(along)), max(2, round(across))
    cos, sin = math.cos(turn), math.sin(turn)
    warp = np.array(
        [
            [cos, -sin, region.x - cos * (width - 1) / 2 + sin * (height - 1) / 2],
            [sin, cos, region.y - sin * (width - 1) / 2 - cos * (height - 1) / 2],
        ]
    )
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    strip = cv2.warpAffine(bgr, warp, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(strip, np.uint8)
