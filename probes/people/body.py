"""Where the body is inside a person's box: the corners beside head and feet show the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.frame import Box

HEIGHT_PER_WIDTH = 2.5
"""Of a standing person's box: what the whole body measures where the picture cuts its legs off."""
EDGE_SHARE = 0.98
"""Share of the picture's height from which a box that ends there is taken for cut off."""
NEARER = 0.05
"""By how much lower, in heights of the box, the feet of the nearer of two people are."""

# Half the width in which the body is, as a share of the rectangle's, from the crown down: after the canon of
# 7.5 heads, which is 2 heads wide at the shoulders, with room for a lean, arms and a stride.
_OUTLINE = ((0.14, 0.28), (0.2, 0.4), (0.6, 0.46), (0.8, 0.42), (1.05, 0.47))


def body_height(person: Box, frame_height: int) -> float:
    """Return the height in px of the whole body, of which the picture's lower edge may cut a part off."""
    return max(person.h, HEIGHT_PER_WIDTH * person.w) if _cut_off(person, frame_height) else person.h


def in_core(person: Box, x: float, y: float, frame_height: int) -> bool:
    """Return whether a point of the frame is on the body rather than beside it."""
    if person.w <= 0 or person.h <= 0 or not person.contains(x, y):
        return False
    height = (y - person.y) / body_height(person, frame_height)
    aside = abs(x - person.centre[0]) / person.w
    return aside <= next((half for edge, half in _OUTLINE if height <= edge), 0.0)


def is_nearer(person: Box, other: Box, frame_height: int) -> bool:
    """Return whether a person clearly stands nearer to the camera than another: the feet are lower."""
    if _cut_off(other, frame_height):
        return False
    return _cut_off(person, frame_height) or person.bottom - other.bottom > NEARER * other.h


def moved(before: Box, now: Box) -> tuple[float, float]:
    """Return by how many px the whole body has moved: the part that both opposite edges share.

    An arm stretched out, a stride, knees bent, or an edge hidden move one edge only.
    """
    return (
        _both(now.x - before.x, now.right - before.right),
        _both(now.y - before.y, now.bottom - before.bottom),
    )


def _both(first: float, second: float) -> float:
    if first * second <= 0:
        return 0.0
    return min(first, second, key=abs)


def _cut_off(person: Box, frame_height: int) -> bool:
    return person.bottom >= EDGE_SHARE * frame_height
