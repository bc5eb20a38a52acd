"""Marks that people wear again and again and that are no brand's of the gallery: proposed, never enrolled.

Only masked pictures come in. A mark counts where it lies on a garment, and a group of marks where several
persons wore it at different places of the picture: a sign behind people stands still.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engines.boxes import share_of_smaller
from engines.colour import to_bgr
from engines.marks.picture import MARGIN
from probes.frame import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from engines.garments.outfit import Corners, Outfit
    from engines.image import I420
    from engines.marks.types import Candidates, FloatArray
    from probes.frame import Box
    from probes.recognition.interfaces import Finder, OutfitParser
    from probes.redaction.redact import RedactedFrame

    Bgr = npt.NDArray[np.uint8]

EVERY_NS = 1_000_000_000
"""Shortest time between two looks at one person."""
LEAST_SCORE, LEAST_PX = 0.3, 20.0
"""Least score of the finder, and least root of a mark's area, px."""
ALIKE = 0.66
"""Likeness to the middle of a group from which a mark belongs to it."""
KNOWN = 0.08
"""How far below a brand's threshold a mark is still left out as probably that brand's."""
MAX_SIGHTS, MAX_GROUPS, MAX_TRACKS = 20_000, 2_000, 4096
SHOWN = 4
"""Pictures of a group that are kept, each of another person where there are so many."""
APART = 1.0
"""Least distance between two places of a group in the picture, in sides of the mark: people move."""
PERSON_PX = 120.0


class KnownMarks(Protocol):
    """Compares vectors with enrolled marks: engines.marks.gallery.Gallery."""

    def margins(self, vectors: FloatArray) -> FloatArray:
        """Return for each of (n, VECTOR) how far it lies above the threshold of the brand nearest to it."""


@dataclass(frozen=True, slots=True)
class Sight:
    """One mark on one person. wearer: who wore it, unique over all recordings; crop: uint8 BGR, masked."""

    wearer: str
    source: str
    at_ns: int
    type: str
    score: float
    place: tuple[float, float]
    side: float
    crop: Bgr


@dataclass(slots=True)
class MarkGroup:
    """Marks that look the same. count: all that were seen; sights: the best of each wearer, a few."""

    total: FloatArray
    count: int = 0
    wearers: set[str] = field(default_factory=set)
    sights: list[Sight] = field(default_factory=list)
    low: tuple[float, float] = (np.inf, np.inf)
    high: tuple[float, float] = (-np.inf, -np.inf)
    side: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether it was seen at places that lie apart."""
        spread = max(self.high[0] - self.low[0], self.high[1] - self.low[1])
        return spread >= APART * self.side

    def take(self, sight: Sight, vector: FloatArray) -> None:
        """Add one."""
        self.total = self.total + vector
        self.count += 1
        self.wearers.add(sight.wearer)
        self.low = (min(self.low[0], sight.place[0]), min(self.low[1], sight.place[1]))
        self.high = (max(self.high[0], sight.place[0]), max(self.high[1], sight.place[1]))
        self.side = max(self.side, sight.side)
        rivals = [one for one in self.sights if one.wearer == sight.wearer]
        self.sights = [one for one in self.sights if one.wearer != sight.wearer]
        self.sights.append(max([*rivals, sight], key=lambda one: one.score * one.side))
        self.sights = sorted(self.sights, key=lambda one: -one.score * one.side)[:SHOWN]


class MarkCollector:
    """Collects marks from masked frames. One thread; bounded: what is seen once is forgotten first."""

    def __init__(self, finder: Finder, parser: OutfitParser, known_marks: KnownMarks | None) -> None:
        self._finder, self._parser, self._known_marks = finder, parser, known_marks
        self._groups: list[MarkGroup] = []
        self._looked: dict[str, int] = {}
        self.sights = 0

    def add(self, source: str, at_ns: int, redacted: RedactedFrame) -> None:
        """Look at the persons of a frame who were not looked at within a second."""
        for person in redacted.frame.of(Kind.PERSON):
            if person.track is None or person.box.h < PERSON_PX or self.sights >= MAX_SIGHTS:
                continue
            wearer = f"{source}/{person.track}"
            last = self._looked.get(wearer)
            if last is not None and at_ns - last < EVERY_NS:
                continue
            self._looked.pop(wearer, None)
            self._looked[wearer] = at_ns
            if len(self._looked) > MAX_TRACKS:
                del self._looked[next(iter(self._looked))]
            self._look(wearer, source, at_ns, redacted, person.box)

    def groups(self, *, wearers: int) -> list[MarkGroup]:
        """Return the groups that at least so many persons wore and that do not stand still, largest first."""
        found = [one for one in self._groups if len(one.wearers) >= wearers and one.moves]
        return sorted(found, key=lambda one: (-len(one.wearers), -one.count))

    def _look(self, wearer: str, source: str, at_ns: int, redacted: RedactedFrame, box: Box) -> None:
        pixels = redacted.pixels
        left, top = max(0, int(box.x)) // 2 * 2, max(0, int(box.y)) // 2 * 2
        if left + 2 > pixels.width or top + 2 > pixels.height:
            return
        crop = pixels.crop(left, top, box.right - left, box.bottom - top)
        bgr = to_bgr(crop)
        masks = [
            (one.box.x - left, one.box.y - top, one.box.right - left, one.box.bottom - top)
            for one in redacted.masks
        ]
        found = self._finder.find(bgr)
        for row, type_ in self._worn(found, crop, masks):
            x1, y1, x2, y2 = (float(v) for v in found.boxes[row])
            place = (left + (x1 + x2) / 2, top + (y1 + y2) / 2)
            side = max(x2 - x1, y2 - y1)
            score = float(found.scores[row])
            cut = _cut(bgr, (x1, y1, x2, y2))
            self._group(Sight(wearer, source, at_ns, type_, score, place, side, cut), found.vectors[row])

    def _worn(self, found: Candidates, crop: I420, masks: list[Corners]) -> list[tuple[int, str]]:
        """Return the candidates that lie on a garment, off the masks, and are no brand's: row and type."""
        if not len(found):
            return []
        sides = found.boxes[:, 2:] - found.boxes[:, :2]
        good = (found.scores >= LEAST_SCORE) & (np.sqrt(sides.prod(axis=1)) >= LEAST_PX)
        if self._known_marks is not None:
            good &= self._known_marks.margins(found.vectors) < -KNOWN
        rows = [int(row) for row in np.flatnonzero(good)]
        outfit: Outfit | None = self._parser.parse(crop) if rows else None
        if outfit is None or not outfit.is_person:
            return []
        taken: list[Corners] = []
        worn = []
        for row in sorted(rows, key=lambda one: -float(found.scores[one])):
            x1, y1, x2, y2 = (float(v) for v in found.boxes[row])
            corners = (x1, y1, x2, y2)
            if any(share_of_smaller(corners, other) > 0 for other in masks):
                continue
            if any(share_of_smaller(corners, other) > 0.3 for other in taken):
                continue
            type_ = outfit.at(corners)
            if type_ is not None:
                taken.append(corners)
                worn.append((row, type_))
        return worn

    def _group(self, sight: Sight, vector: FloatArray) -> None:
        self.sights += 1
        likeness = [float(one.total @ vector) / float(np.linalg.norm(one.total)) for one in self._groups]
        if likeness and max(likeness) >= ALIKE:
            self._groups[int(np.argmax(likeness))].take(sight, vector)
            return
        fresh = MarkGroup(np.zeros_like(vector))
        fresh.take(sight, vector)
        self._groups.append(fresh)
        if len(self._groups) > MAX_GROUPS:
            self._groups.pop(min(range(MAX_GROUPS), key=lambda number: len(self._groups[number].wearers)))


def without_faces(groups: list[MarkGroup], has_face: Callable[[Bgr], bool]) -> list[MarkGroup]:
    """Return the groups less the pictures on which a face is seen, and less those without a picture left."""
    for group in groups:
        group.sights = [sight for sight in group.sights if not has_face(sight.crop)]
    return [group for group in groups if group.sights]


def _cut(bgr: Bgr, box: Corners) -> Bgr:
    """Return the picture around a box, a little wider than it."""
    x1, y1, x2, y2 = box
    more = (MARGIN - 1) / 2 * max(x2 - x1, y2 - y1)
    left, top = max(0, int(x1 - more)), max(0, int(y1 - more))
    return np.ascontiguousarray(bgr[top : int(y2 + more) + 1, left : int(x2 + more) + 1])
