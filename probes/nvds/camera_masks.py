"""The privacy masks of one camera, from one version of the settings."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from probes.frame import Box, Frame
from probes.nvds.surface import on_surface
from probes.people.zones import contains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.nvds.meta import Rectangle
    from probes.redaction.redact import Polygon

BANDS = 24
"""In how many level bands a slanted camera mask is covered."""


class CameraMasks:
    """Immutable masks. Read them once a frame, so that the whole frame uses one version of the settings."""

    def __init__(self, polygons: Sequence[Polygon] = ()) -> None:
        """polygons: corners from 0 to 1 of the frame."""
        self.polygons = tuple(tuple(polygon) for polygon in polygons)
        self._strips: dict[tuple[int, int], list[Rectangle]] = {}

    def public(self, frame: Frame) -> Frame:
        """Return the frame without detections behind the masks, which must have no effect."""
        if not self.polygons:
            return frame
        visible = tuple(d for d in frame.detections if not self.hides(d.box, frame.size))
        return Frame(frame.camera, frame.captured_at, frame.size, visible, frame.analysed)

    def hides(self, box: Box, size: tuple[int, int]) -> bool:
        """Return whether the middle of a box lies behind a mask."""
        x, y = box.centre
        return any(contains(polygon, x / size[0], y / size[1]) for polygon in self.polygons)

    def strips(self, surface: tuple[int, int]) -> list[Rectangle]:
        """Return boxes that hide the masks, and a little more where their edges are slanted."""
        if surface not in self._strips:
            self._strips[surface] = [box for polygon in self.polygons for box in _strips_of(polygon, surface)]
        return self._strips[surface]


def _strips_of(polygon: Sequence[tuple[float, float]], surface: tuple[int, int]) -> list[Rectangle]:
    """Cover a polygon with horizontal bands, each as wide as the polygon is anywhere in it."""
    lowest, highest = min(y for _, y in polygon), max(y for _, y in polygon)
    levels = sorted(
        {lowest + (highest - lowest) * n / BANDS for n in range(BANDS + 1)} | {y for _, y in polygon}
    )
    bands: list[tuple[float, float, float, float]] = []
    for above, below in pairwise(levels):
        reach = _reach(polygon, above, below)
        if reach is None:
            continue
        if bands and bands[-1][3] == above and (bands[-1][0], bands[-1][2]) == reach:
            bands[-1] = (*bands[-1][:3], below)
        else:
            bands.append((reach[0], above, reach[1], below))
    boxes = (on_surface(Box(x1, y1, x2 - x1, y2 - y1), (1, 1), surface) for x1, y1, x2, y2 in bands)
    return [box for box in boxes if box is not None]


def _reach(polygon: Sequence[tuple[float, float]], above: float, below: float) -> tuple[float, float] | None:
    """Return the leftmost and rightmost x of a polygon's outline between two levels."""
    found = []
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        low, high = max(min(y1, y2), above), min(max(y1, y2), below)
        if low <= high:
            found += [x1, x2] if y1 == y2 else [x1 + (x2 - x1) * (y - y1) / (y2 - y1) for y in (low, high)]
    return (min(found), max(found)) if found else None
