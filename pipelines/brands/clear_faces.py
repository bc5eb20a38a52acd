"""Clear faces on pictures of marks: a photograph of a garment may show its wearer, whom no gallery keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.marks.picture import MarkPicture

    FaceCount = Callable[[MarkPicture], int]

FACES = "centerface"
CLEAR_SCORE = 0.6
"""Score from which a face is clear; what masks faces in pictures asks for much less."""
CLEAR_PX = 20.0
"""Height from which somebody could be known by it, px of the picture as it is kept."""
LEAST_SIDE = 32


def build_face_count() -> FaceCount:
    """Return what counts the clear faces on a picture; raises BadInput where the model cannot be loaded."""
    from engines.colour import from_bgr  # noqa: PLC0415 loads OpenCV
    from engines.detector import load_detector  # noqa: PLC0415 loads OpenVINO

    detector = load_detector(FACES)

    def count(picture: MarkPicture) -> int:
        bgr = picture.on()
        if min(bgr.shape[:2]) < LEAST_SIDE:
            return 0
        (found,) = detector.detect([from_bgr(bgr)])
        heights = found.boxes[:, 3] - found.boxes[:, 1]
        return int(np.count_nonzero((found.scores >= CLEAR_SCORE) & (heights >= CLEAR_PX)))

    return count
