"""The metadata of one frame of one camera: the one source for overlay, event and metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Kind(str, Enum):
    """What a detection is. DOUBTFUL: perhaps a person; it is masked, and nothing else is done with it.

    AGAIN: a person's box within another's, most likely the same one once more; masked as any person is, since
    it may be somebody else, and nothing else is done with it.
    """

    PERSON = "person"
    DOUBTFUL = "doubtful"
    AGAIN = "again"
    FACE = "face"
    ACCESSORY = "accessory"
    MARK = "mark"


class Box(NamedTuple):
    """A rectangle in pixels of the analysed frame: left, top, width, height.

    A tuple, as is all that is made anew for each object of each frame: that takes a quarter of the time.

    >>> Box(10, 20, 40, 80).iou(Box(10, 20, 40, 40))
    0.5
    """

    x: float
    y: float
    w: float
    h: float

    @classmethod
    def from_corners(cls, left: float, top: float, right: float, bottom: float) -> Box:
        """Make a box of its edges, px.

        >>> Box.from_corners(10, 20, 50, 100)
        Box(x=10, y=20, w=40, h=80)
        """
        return cls(left, top, right - left, bottom - top)

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Left, upper, right and lower edge, px, as `engines` has boxes."""
        return self.x, self.y, self.right, self.bottom

    @property
    def right(self) -> float:
        """Right edge, px."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """Lower edge, px."""
        return self.y + self.h

    @property
    def centre(self) -> tuple[float, float]:
        """Centre x, y, px."""
        return self.x + self.w / 2, self.y + self.h / 2

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.w * self.h

    def contains(self, x: float, y: float) -> bool:
        """Return whether the point lies in the rectangle, edges included."""
        return self.x <= x <= self.right and self.y <= y <= self.bottom

    def intersection(self, other: Box) -> float:
        """Return the common area in square pixels."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return width * height if width > 0 and height > 0 else 0.0

    def iou(self, other: Box) -> float:
        """Return intersection over union, 0 to 1."""
        common = self.intersection(other)
        return common / (self.area + other.area - common) if common > 0 else 0.0

    def share_of_smaller(self, other: Box) -> float:
        """Return which share of the smaller box both cover, 0 to 1."""
        common = self.intersection(other)
        return common / min(self.area, other.area) if common > 0 else 0.0


class TrackId(NamedTuple):
    """A confirmed track. The session is random per day and per start: ids cannot be joined across days.

    >>> str(TrackId("entrance", "k7f3", 192))
    'k7f3-0192'
    """

    camera: str
    session: str
    number: int

    def __str__(self) -> str:
        return f"{self.session}-{self.number:04d}"


class Detection(NamedTuple):
    """One thing seen. `track` is set only once the tracker has confirmed it: no state without it."""

    kind: Kind
    label: str
    confidence: float
    box: Box
    track: TrackId | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """All that is known of one frame of one camera.

    captured_at: UTC nanoseconds since the epoch. size: width, height in pixels.
    analysed: the kinds whose detector worked on this very frame; redaction needs PERSON and FACE.
    followed: the same detections by what the tracker follows, for masks, where that is told apart otherwise
    than persons are: each of two boxes of one person has a head of its own.

    >>> person = Detection(Kind.PERSON, "person", 0.9, Box(0, 0, 40, 120), TrackId("door", "k7f3", 1))
    >>> [str(seen.track) for seen in Frame("door", 0, (640, 360), (person,)).of(Kind.PERSON)]
    ['k7f3-0001']
    """

    camera: str
    captured_at: int
    size: tuple[int, int]
    detections: Sequence[Detection] = ()
    analysed: frozenset[Kind] = frozenset()
    followed: Sequence[Detection] | None = field(default=None, compare=False, repr=False)

    def of(self, kind: Kind) -> tuple[Detection, ...]:
        """Return the detections of one kind."""
        return tuple(d for d in self.detections if d.kind is kind)


def followed(detections: Sequence[Detection], bodies: Mapping[int, TrackId]) -> tuple[Detection, ...]:
    """Return detections with those tracks, by their place: see `Frame.followed`."""
    return tuple(
        seen if (body := bodies.get(place)) is None else seen._replace(track=body)
        for place, seen in enumerate(detections)
    )
