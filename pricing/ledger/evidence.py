"""The weight of one look: how much a route's word on a brand counts, by its confidence and the mark's size.

A weight of FULL is a plain vote. Words are always that. A symbol is worth the log-odds of its confidence,
FULL at `SURE`, so that what is barely believed adds up to nothing within a window, however often it comes:
looks at one mark err alike. Routes of one look that agree add up, to LOOK_CAP at most.
"""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FULL = 100
ROUTE_CAP = 150
LOOK_CAP = 200
SURE = 0.8
SHAPES = frozenset({"symbol", "emblem", "pattern"})
"""Routes that tell a brand by its looks: small ones deceive them."""
SMALLEST_PX = 16.0
# What a small mark tells counts less, so that a doubtful one takes twice the looks. The cap comes after the
# share: one that is very sure (0.94 at 16 to 24 px) is a plain vote. Of 135 photographs one look counted 33
# symbols with the cap before the share and 42 with it after; false on 182 without a mark: none either way.
_SIZES = ((24.0, 0.5, FULL), (32.0, 0.75, ROUTE_CAP))
"""Below a size: the share of a mark's evidence that counts, and the most that it is worth."""


def weight(route: str, confidence: float, size_px: float | None) -> int:
    """Return what a route's word is worth, 0 for nothing.

    size_px: of the mark, the root of its area, None where unknown. Not its height: a swoosh of 49 x 21 px has
    as much to tell it by as a square mark of 32.
    """
    if route not in SHAPES:
        return FULL
    if size_px is not None and size_px < SMALLEST_PX:
        return 0
    share, max_votes = next(
        ((share, max_votes) for below, share, max_votes in _SIZES if size_px is not None and size_px < below),
        (1.0, ROUTE_CAP),
    )
    odds = log(max(confidence, 1e-6) / max(1.0 - confidence, 1e-6)) / log(SURE / (1.0 - SURE))
    return round(max(0.0, min(share * odds * FULL, max_votes)))


def together(confidences: Iterable[float]) -> float:
    """Return the joint confidence of independent routes: the probability that not all of them are wrong."""
    wrong, alone, count = 1.0, 0.0, 0
    for confidence in confidences:
        wrong, alone, count = wrong * (1.0 - confidence), confidence, count + 1
    return alone if count == 1 else 1.0 - wrong


def look_weights(weights: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return what one look is worth for each value, from value -> route -> weight.

    Another route's contradiction takes half of its own weight away.
    """
    found = {}
    for value, own in weights.items():
        against = (
            max((w for route, w in its.items() if route not in own), default=0)
            for other, its in weights.items()
            if other != value
        )
        found[value] = max(0, min(sum(own.values()), LOOK_CAP) - max(against, default=0) // 2)
    return found
