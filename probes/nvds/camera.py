"""Converts one camera's DeepStream metadata to a Frame, and the heads to cover to boxes on the surface."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import count, pairwise
from math import ceil, floor, isfinite
from operator import itemgetter
from typing import TYPE_CHECKING

from probes.events.messages import same
from probes.frame import Box, Detection, Frame, Kind
from probes.nvds.meta import REDACTION_TAG, UNTRACKED, MetaError
from probes.people.zones import contains

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from probes.frame import TrackId
    from probes.nvds.meta import FrameMeta, ObjectMeta, Rectangle
    from probes.people.tracks import TrackBook
    from probes.redaction.redact import HeadWatch, Mask, Polygon

    Classes = Mapping[tuple[int, int], tuple[Kind, str]]
    """What (gie-unique-id, class id) stand for."""

FULL = 400
"""So many objects of one detector in a frame: its 500 places, before suppression, may have been full."""
SMALLEST = 4
"""nvdsosd leaves boxes under 3 px undone (nvll_osd/cuosd.cpp, 9.1)."""
BANDS = 24
"""In how many level bands a slanted camera mask is covered."""


ORDER = itemgetter(0, 1, 2, 4, 5, 6, 7, 3)
"""Sorts by what an object is: the order of the metadata's lists means nothing."""
CLOCK_SET = 10_000_000_000
"""A step in time, ns, that is no pause between frames: the clock was set."""


class CameraMeta:
    """The probe's state of one camera. Frames come in order, from one thread."""

    def __init__(
        self,
        camera: str,
        *,
        classes: Classes,
        watch: HeadWatch,
        book: TrackBook,
        now: Callable[[], int],
        from_wall: Callable[[int], int] = same,
        masks: Sequence[Polygon] = (),
        counted: float = 0.0,
    ) -> None:
        """Begin. masks: polygons, corners from 0 to 1 of the frame.

        now: UTC ns, for frames that bring no time; from_wall: what it showed at a frame's own time.
        counted: confidence below which a detected person is only masked.
        """
        self.camera = camera
        self._counted = counted
        self._classes, self._watch, self._book, self._now = classes, watch, book, now
        self._from_wall = from_wall
        self._analysed = frozenset(kind for kind, _ in classes.values())
        self._masks = tuple(tuple(polygon) for polygon in masks)
        self._strips: dict[tuple[int, int], list[Rectangle]] = {}
        self._names: dict[int, int] = {}
        self._numbers = count(1)
        self._last = self._stamp = 0
        self._lock = threading.Lock()

    def set_masks(self, masks: Sequence[Polygon]) -> None:
        """Hide other parts of the picture from the next frame on. From any thread."""
        # In this order: a thread that still fills the old strips fills what is no longer read.
        self._masks = tuple(tuple(polygon) for polygon in masks)
        self._strips = {}

    def frame(
        self, meta: FrameMeta, surface: tuple[int, int]
    ) -> tuple[Frame, list[tuple[ObjectMeta, Detection | None]]]:
        """Return the frame in the camera's own pixels, and each object with its detection.

        Raises MetaError where the metadata is inconsistent.
        """
        if meta.objects is None:
            raise MetaError("the objects of a frame could not be read")
        width, height = meta.source_size
        if not (width > 0 and height > 0 and surface[0] > 0 and surface[1] > 0):
            raise MetaError("a frame without a size")
        at = self._steady(self._from_wall(meta.ntp) if meta.ntp else self._now())
        scale = width / surface[0], height / surface[1]
        objects = sorted(meta.objects, key=ORDER)
        if len(objects) >= FULL:
            by_model = Counter(seen.component for seen in objects)
            if any(by_model[component] >= FULL for component, _ in self._classes):
                raise MetaError("more persons or faces than a detector lists")
        with self._lock:
            pairs = self._detect(objects, scale, at, (width, height))
        found = tuple([detection for _, detection in pairs if detection is not None])
        analysed = self._analysed if meta.inferred else frozenset[Kind]()
        return Frame(self.camera, at, (width, height), found, analysed), pairs

    def heads(self, frame: Frame) -> tuple[Mask, ...]:
        """Return the heads to cover. Any doubt raises."""
        return self._watch.locate(frame)

    def public(self, frame: Frame) -> Frame:
        """Return the frame without detections behind the camera's masks, which must have no effect."""
        if not self._masks:
            return frame
        kept = tuple(d for d in frame.detections if not self.is_masked(d.box, frame.size))
        return Frame(frame.camera, frame.captured_at, frame.size, kept, frame.analysed)

    def is_masked(self, box: Box, size: tuple[int, int]) -> bool:
        """Return whether the middle of a box lies behind a camera mask."""
        x, y = box.centre
        return any(contains(polygon, x / size[0], y / size[1]) for polygon in self._masks)

    def strips(self, surface: tuple[int, int]) -> list[Rectangle]:
        """Return boxes that hide the camera's masks, and a little more where their edges are slanted."""
        strips = self._strips
        if surface not in strips:
            strips[surface] = [box for polygon in self._masks for box in _strips(polygon, surface)]
        return strips[surface]

    def ended(self, now: int) -> list[TrackId]:
        """Return the tracks that have ended by UTC nanoseconds `now`, once. From any thread."""
        with self._lock:
            ended = self._book.expire(now)
            if ended:
                gone = {track.number for track in ended}
                self._names = {number: name for number, name in self._names.items() if name not in gone}
            return ended

    def close(self) -> list[TrackId]:
        """End all tracks and return them. From any thread."""
        with self._lock:
            self._names.clear()
            return self._book.clear()

    def _detect(
        self, objects: list[ObjectMeta], scale: tuple[float, float], at: int, size: tuple[int, int]
    ) -> list[tuple[ObjectMeta, Detection | None]]:
        across, down = scale
        classes = self._classes
        pairs: list[tuple[ObjectMeta, Detection | None]] = []
        taken = set()
        for seen in objects:
            component, class_id, number, confidence, left, top, width, height, *_ = seen
            if component == REDACTION_TAG:
                raise MetaError("a frame that has a redaction tag already")
            known = classes.get((component, class_id))
            if known is None:
                pairs.append((seen, None))
                continue
            kind, label = known
            track = None
            # Below 0 is no confidence at all: a person whom the tracker carries on without a detection.
            # Somebody who was counted on this track before does not vanish where the detector is unsure.
            if kind is Kind.PERSON and 0 <= confidence < self._counted and number not in self._names:
                kind = Kind.DOUBTFUL
            box = Box(left * across, top * down, width * across, height * down)
            if kind is Kind.PERSON and number != UNTRACKED and number not in taken:
                taken.add(number)
                track = self._name(number, at, hidden=bool(self._masks) and self.is_masked(box, size))
            sure = confidence if 0 <= confidence <= 1 else 0.0
            pairs.append((seen, Detection(kind, label, sure, box, track)))
        return pairs

    def _steady(self, stamp: int) -> int:
        """Return a frame's time, later than all before; it advances at the frame rate if the clock went back.

        As CaptureClock on the CPU: otherwise no track would end until the clock has caught up.
        """
        step, self._stamp = stamp - self._stamp, stamp
        self._last = max(stamp, self._last + (step if 0 < step < CLOCK_SET else 1))
        return self._last

    def _name(self, number: int, at: int, *, hidden: bool) -> TrackId | None:
        """Name a track by a number of our own: the tracker's may come again for another, or have 64 bits.

        hidden: behind a mask, where nobody is seen: a track that is known goes on until it is over.
        """
        name = self._names.get(number)
        if hidden:
            return None if name is None else self._book.known(name)
        if name is None:
            name = self._names[number] = next(self._numbers)
        return self._book.see(name, at)


def on_surface(
    box: Box, size: tuple[int, int], surface: tuple[int, int], *, smallest: int = SMALLEST
) -> Rectangle | None:
    """Return a box of the frame in whole pixels of the surface, rounded outwards; None where it lies outside.

    Raises MetaError on an invalid box.
    """
    across, down = surface[0] / size[0], surface[1] / size[1]
    x, y, w, h = box
    x1, y1, x2, y2 = x * across, y * down, (x + w) * across, (y + h) * down
    if not (isfinite(x1) and isfinite(y1) and isfinite(x2) and isfinite(y2)):
        raise MetaError("a box without an end")
    left, top, right, bottom = floor(x1), floor(y1), ceil(x2), ceil(y2)
    large = right - left >= smallest and bottom - top >= smallest
    if large and left >= 0 and top >= 0 and right <= surface[0] and bottom <= surface[1]:
        return left, top, right - left, bottom - top
    left, top = max(0, left), max(0, top)
    right, bottom = min(surface[0], right), min(surface[1], bottom)
    if right <= left or bottom <= top:
        return None
    left, top = max(0, min(left, surface[0] - smallest)), max(0, min(top, surface[1] - smallest))
    return left, top, max(right - left, smallest), max(bottom - top, smallest)


def _strips(polygon: Sequence[tuple[float, float]], surface: tuple[int, int]) -> list[Rectangle]:
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
