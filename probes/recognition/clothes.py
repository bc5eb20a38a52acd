"""What the clothes of a person look like, as two small histograms of colour. Never written down anywhere.

They tell whether who stands there after some minutes can be the one who stood there before. They tell
nothing else: many wear the same, and nobody can be named by them. The head is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from engines.image import I420
    from probes.frame import Box

UPPER, LOWER = (0.2, 0.5), (0.55, 0.9)
"""Parts of a person's height, from the top: below the head to the waist, and the legs."""
ASIDE = 0.25
"""Share of the width that is left out on each side: there the room shows."""
LIGHT, COLOURS = 6, 12
"""Steps of brightness, and of each of the two axes of colour."""
MIN_PX = 8
"""A smaller part shows nothing."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Clothes:
    """The colours of a person's upper and lower part, each (LIGHT + 2 * COLOURS,) shares."""

    upper: npt.NDArray[np.float32]
    lower: npt.NDArray[np.float32]

    def alike(self, other: Clothes) -> float:
        """Return how alike both are, from 0 to 1: of the two parts the less alike counts."""
        pairs = ((self.upper, other.upper), (self.lower, other.lower))
        return min(float(np.sqrt(one * two).sum()) / 3 for one, two in pairs)

    def mixed(self, newer: Clothes, share: float) -> Clothes:
        """Return these clothes with so large a share of a newer look at them."""
        return Clothes(
            (1 - share) * self.upper + share * newer.upper, (1 - share) * self.lower + share * newer.lower
        )


def clothes_of(crop: I420, person: Box) -> Clothes | None:
    """Return what a person wears by colour; None where too little shows. person: in pixels of the crop."""
    left, right = person.x + ASIDE * person.w, person.right - ASIDE * person.w
    parts = [
        _histogram(crop, left, right, person.y + top * person.h, person.y + bottom * person.h)
        for top, bottom in (UPPER, LOWER)
    ]
    upper, lower = parts
    return None if upper is None or lower is None else Clothes(upper, lower)


def _histogram(
    crop: I420, left: float, right: float, top: float, bottom: float
) -> npt.NDArray[np.float32] | None:
    x0, x1 = max(0, int(left)) // 2, min(crop.width, int(right)) // 2
    y0, y1 = max(0, int(top)) // 2, min(crop.height, int(bottom)) // 2
    if 2 * (x1 - x0) < MIN_PX or 2 * (y1 - y0) < MIN_PX:
        return None
    light = crop.y[2 * y0 : 2 * y1 : 2, 2 * x0 : 2 * x1 : 2]
    blue, red = crop.u[y0:y1, x0:x1], crop.v[y0:y1, x0:x1]
    return np.concatenate(
        [_shares(light, 16, 235, LIGHT), *(_shares(c, 80, 176, COLOURS) for c in (blue, red))]
    )


def _shares(plane: npt.NDArray[np.uint8], low: int, high: int, steps: int) -> npt.NDArray[np.float32]:
    """Return the shares of a plane's values by step, each value shared out between the two nearest steps."""
    place = np.clip((plane.ravel().astype(np.float32) - low) / (high - low), 0, 1) * (steps - 1)
    below = place.astype(np.intp)
    rest = place - below
    found = np.bincount(below, 1 - rest, steps) + np.bincount(np.minimum(below + 1, steps - 1), rest, steps)
    return np.asarray(found / plane.size, np.float32)
