"""What the recognition of marks passes on: candidates, what a brand is enrolled with, sightings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float32]

VECTOR = 128
"""Length of a mark's embedding."""


LIKELY = 0.3
"""Score from which a place holds a mark so likely that keypoints are looked for around it in a live look."""


class Route(str, Enum):
    """How a brand is told: by letters, by a mark's shape or keypoints, or by the pattern of the cloth."""

    WORDS = "words"
    SYMBOL = "symbol"
    EMBLEM = "emblem"
    PATTERN = "pattern"


@dataclass(frozen=True, slots=True, eq=False)
class Keypoints:
    """float32: points (n, 2) x y; sizes (n,); turns (n,), degrees; descriptors (n, 128) of unit length."""

    points: FloatArray
    sizes: FloatArray
    turns: FloatArray
    descriptors: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Emblem:
    """A picture of a mark: keypoints in units of its height from its top left. aspect: width by height."""

    brand: str
    keypoints: Keypoints
    aspect: float


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """A brand's check or monogram canvas. vectors: (k, d) float32 of unit length, of its texture.

    threshold: the similarity from which a window of cloth may be this, calibrated on what others wear.
    """

    brand: str
    vectors: FloatArray
    threshold: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """Places on a picture that may hold a mark.

    boxes: (n, 4) float32, x1 y1 x2 y2 in pixels of the picture. scores: (n,) float32, 0 to 1, that a mark is
    there. vectors: (n, VECTOR) float32 of unit length, the embeddings of what is there.
    """

    boxes: FloatArray
    scores: FloatArray
    vectors: FloatArray

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A brand's marks, ready to be compared.

    brand: its normal form. vectors: (k, VECTOR) float32 of unit length, of k pictures or views. threshold:
    the similarity from which a candidate may be this brand, calibrated on the cohort of other marks.
    """

    brand: str
    vectors: FloatArray
    emblems: tuple[Emblem, ...]
    routes: frozenset[Route]
    threshold: float
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A brand seen by one route. box: x1 y1 x2 y2, px of the picture. confidence: 0 to 1, calibrated.

    similarity: what the route measured (cosine, inliers, share of letters). note: why, in a few words.
    windows: the parts of the box that show a pattern, in the same px; none of other routes.
    """

    brand: str
    confidence: float
    box: tuple[float, float, float, float]
    route: Route
    similarity: float
    note: str = ""
    windows: tuple[tuple[float, float, float, float], ...] = ()
