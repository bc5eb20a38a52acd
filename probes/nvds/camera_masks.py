"""The privacy masks of one camera, from one version of the settings."""

from __future__ import annotations

from ctypes import addressof, create_string_buffer
from itertools import accumulate, chain, pairwise
from struct import Struct, pack
from typing import TYPE_CHECKING, Final

from probes.frame import Box, Frame
from probes.nvds.meta import Cover
from probes.nvds.native_detections import PackedDetections
from probes.nvds.surface import SMALLEST, on_surface
from probes.people.zones import contains
from probes.redaction.masked_by import MaskedBy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.nvds.meta import Rectangle
    from probes.redaction.redact import Polygon


PLACE: Final = Struct("@2d4iPq")


class FixedCovers:
    """Boxes to cover in every frame."""

    def __init__(self, boxes: Sequence[Cover] = ()) -> None:
        self.boxes = tuple(boxes)
        self._placing: Placing | None = None

    def placing(self, size: tuple[int, int], surface: tuple[int, int], *, opaque: bool) -> Placing:
        """Return how masks of frames of that size are placed beside these boxes; mostly the last answer."""
        made_of = size, surface, opaque
        placing = self._placing
        if placing is None or placing.made_of != made_of:
            placing = self._placing = Placing(self, made_of)
        return placing


class Placing:
    """How reader.c makes boxes of masks: `address` of the record, which leads to the boxes beside them."""

    __slots__ = ("_memory", "address", "made_of", "more")

    def __init__(self, more: FixedCovers, made_of: tuple[tuple[int, int], tuple[int, int], bool]) -> None:
        """made_of: size of the frames, their surface, and whether the masks' boxes are opaque."""
        size, surface, opaque = made_of
        count = len(more.boxes)
        boxes = create_string_buffer(pack(f"@{5 * count}i", *chain.from_iterable(more.boxes)))
        numbers = *size, *surface, SMALLEST, opaque, addressof(boxes), count
        record = create_string_buffer(PLACE.pack(*numbers), PLACE.size)
        self._memory = boxes, record
        self.address, self.made_of, self.more = addressof(record), made_of, more


NO_COVERS = FixedCovers()
BANDS = 24
"""In how many level bands a slanted camera mask is covered."""


class CameraMasks:
    """Immutable masks. Read them once a frame, so that the whole frame uses one version of the settings."""

    def __init__(self, polygons: Sequence[Polygon] = (), masked_by: MaskedBy | None = None) -> None:
        """polygons: corners from 0 to 1 of the frame. packed: the same as detections.c takes them.

        masked_by: what frames that are judged by these masks are masked by; one of their own unless given.
        """
        self.masked_by = masked_by or MaskedBy()
        self.polygons = tuple(tuple(polygon) for polygon in polygons)
        self.packed = _packed(self.polygons)
        self._covers: dict[tuple[int, int], FixedCovers] = {}

    def public(self, frame: Frame) -> Frame:
        """Return the frame without detections behind the masks, which must have no effect."""
        if not self.polygons:
            return frame
        found = frame.detections
        if isinstance(found, PackedDetections):
            visible = found.visible
            if visible is found:
                return frame
        else:
            visible = tuple(d for d in found if not self.hides(d.box, frame.size))
        return Frame(frame.camera, frame.captured_at, frame.size, visible, frame.analysed)

    def hides(self, box: Box, size: tuple[int, int]) -> bool:
        """Return whether the middle of a box lies behind a mask."""
        x, y = box.centre
        return any(contains(polygon, x / size[0], y / size[1]) for polygon in self.polygons)

    def covers(self, surface: tuple[int, int]) -> FixedCovers:
        """Return boxes that hide the masks, and a little more where their edges are slanted."""
        covers = self._covers.get(surface)
        if covers is None:
            strips = (box for polygon in self.polygons for box in _strips_of(polygon, surface))
            boxes = [Cover(*box, opaque=True) for box in strips]
            covers = self._covers[surface] = FixedCovers(boxes)
        return covers


def _packed(polygons: Sequence[Polygon]) -> tuple[bytes, bytes, int]:
    """Return the corners of all polygons, where each ends, and how many there are."""
    corners = [side for polygon in polygons for corner in polygon for side in corner]
    ends = accumulate(map(len, polygons))
    return pack(f"@{len(corners)}d", *corners), pack(f"@{len(polygons)}q", *ends), len(polygons)


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
    boxes = (on_surface(Box.from_corners(*band), (1, 1), surface) for band in bands)
    return [box for box in boxes if box is not None]


def _reach(polygon: Sequence[tuple[float, float]], above: float, below: float) -> tuple[float, float] | None:
    """Return the leftmost and rightmost x of a polygon's outline between two levels."""
    found = []
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        low, high = max(min(y1, y2), above), min(max(y1, y2), below)
        if low <= high:
            found += [x1, x2] if y1 == y2 else [x1 + (x2 - x1) * (y - y1) / (y2 - y1) for y in (low, high)]
    return (min(found), max(found)) if found else None
