"""Pictures of noise and frames of boxes, for tests of what happens to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engines.image import I420
from probes.frame import Box, Detection, Frame, Kind

if TYPE_CHECKING:
    from probes.frame import TrackId

BOTH = frozenset({Kind.PERSON, Kind.FACE})


def noise(width: int, height: int, seed: int = 0) -> I420:
    """A picture in which no two neighbouring pixels are alike, but for chance."""
    rng = np.random.default_rng(seed)
    half = ((height + 1) // 2, (width + 1) // 2)
    return I420(*(rng.integers(1, 255, size, np.uint8) for size in ((height, width), half, half)))


def person(x: float, y: float, w: float, h: float, track: TrackId | None = None) -> Detection:
    return Detection(Kind.PERSON, "person", 0.9, Box(x, y, w, h), track)


def face(x: float, y: float, w: float, h: float) -> Detection:
    return Detection(Kind.FACE, "face", 0.9, Box(x, y, w, h))


def frame(
    *detections: Detection, ms: int = 0, size: tuple[int, int] = (640, 480), analysed: frozenset[Kind] = BOTH
) -> Frame:
    return Frame("entrance", 1_700_000_000_000_000_000 + ms * 1_000_000, size, detections, analysed)
