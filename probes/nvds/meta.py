"""The probe's view of a DeepStream batch, independent of the Python binding.

Facts about the metadata: NVIDIA/DeepStream 9.1, includes/nvdsmeta.h; all boxes are in pixels of the batched
surface, which legacy nvstreammux scales to its own width and height.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNTRACKED = 0xFFFF_FFFF_FFFF_FFFF
"""UNTRACKED_OBJECT_ID: an object that no tracker has confirmed."""
HEADS = 100
"""unique_component_id of the boxes that redaction covers; no gie-unique-id may equal it."""
COVER_CLASS = 0
"""class_id of those boxes: nvdsosd finds them as blur-on-gie-class-ids="100,0"."""
REDACTION_TAG = 101
"""unique_component_id of the object that says that the probe has redacted a frame."""

PLATE = (0.055, 0.067, 0.09, 0.87)
"""Colour behind texts: red, green, blue, alpha."""
MAX_CACHED = 256
"""Of colours, fonts and texts that are kept ready: more than the overlay has."""

Rgb = tuple[float, float, float]
"""Red, green, blue from 0 to 1."""
Rectangle = tuple[int, int, int, int]
"""Left, top, width, height in whole pixels of the surface."""


class MetaError(Exception):
    """The metadata cannot be read or written reliably: nothing may be concluded from it."""


class ObjectMeta(NamedTuple):
    """One object of a frame. number: the tracker's id, or UNTRACKED.

    meta: the binding's own object; rectangle: its rect_params, where the reader has them at hand.
    """

    component: int
    class_id: int
    number: int
    confidence: float
    left: float
    top: float
    width: float
    height: float
    meta: Any
    rectangle: Any = None


@dataclass(slots=True)
class FrameMeta:
    """One frame of a batch. source_size: the camera's width, height; ntp: UTC ns, 0 where not known.

    inferred: whether inference ran on this frame. objects: in their order (`in_order`); None where they could
    not be read.
    pts: of the buffer that came to the mux, ns. covered: boxes that were added to it.
    """

    pad: int
    batch_id: int
    number: int
    source_size: tuple[int, int]
    ntp: int
    inferred: bool
    objects: Sequence[ObjectMeta] | None
    meta: Any
    pts: int = 0
    covered: int = 0


@dataclass(slots=True)
class BatchMeta:
    """All frames of a buffer. Its `meta` objects are dead once the buffer has left the probe."""

    frames: list[FrameMeta]
    meta: Any


class Style(NamedTuple):
    """How an object is drawn: outline in px (0: none) and its colour."""

    width: int
    colour: Rgb


class Text(NamedTuple):
    """A text of an object: its width and height in surface pixels, colour, size in points."""

    words: str
    width: float
    height: float
    colour: Rgb
    size: int


class Drawing:
    """How the objects of a frame are drawn, in their order. Immutable: it is kept while nothing changes.

    packed: the same as the writer takes it, with all memory that it refers to; the writer's alone.
    """

    __slots__ = ("objects", "packed")

    def __init__(self, objects: Sequence[tuple[Style, Text | None]]) -> None:
        self.objects = tuple(objects)
        self.packed: Any = None


class Cover(NamedTuple):
    """A box in whole pixels of the surface, which redaction blurs; where opaque it hides all below it."""

    left: int
    top: int
    width: int
    height: int
    opaque: bool


class MetaReader(Protocol):
    """Reads batches. `buffer` is the address of a GstBuffer: hash(buffer) in gst-python."""

    def surface_of(self, frame: FrameMeta) -> tuple[int, int]:
        """Return width, height of the frame's surface, to which its boxes refer."""

    def read(self, buffer: int) -> BatchMeta:
        """Return the whole batch; raises whatever the binding raises, MetaError where something is amiss.

        A frame whose objects could not be read comes with objects None; one that was not found raises.
        """

    def redaction_tags(self, buffer: int) -> Sequence[tuple[list[tuple[int, int]], int]]:
        """Return for each frame its tags, as (process key, boxes), and how many head boxes it really has."""


class MetaWriter(Protocol):
    """Writes into the batch read last. If it raises, the frame gets no redaction tag."""

    def draw(self, objects: Sequence[ObjectMeta], drawing: Drawing, surface: tuple[int, int]) -> None:
        """Set outlines and texts of the objects of one frame; texts go where `place` puts them."""

    def redact(self, batch: BatchMeta, frame: FrameMeta, boxes: Sequence[Cover], process_key: int) -> None:
        """Add boxes to a frame and, last, its redaction tag, which says how many there are.

        Where it raises some may have been added (`frame.covered`), but no tag.
        """

    def add(self, batch: BatchMeta, frame: FrameMeta, kind: tuple[int, int], box: Rectangle) -> None:
        """Add an object that nobody tracks and nothing draws. kind: its (component, class id)."""


_CONTENT = itemgetter(0, 1, 2, 4, 5, 6, 7, 3)


def in_order(objects: Iterable[ObjectMeta]) -> list[ObjectMeta]:
    """Sort objects by what they are: the order of the metadata's lists means nothing."""
    return sorted(objects, key=_CONTENT)


def place(seen: ObjectMeta, text: Text, surface: tuple[int, int]) -> tuple[int, int]:
    """Return left and top of a text: above its object, else at the top of its box, inside the picture."""
    _, width, height, _, _ = text
    above = seen.top - height
    top = min(above if above >= 0 else seen.top, surface[1] - height)
    return max(0, int(min(seen.left, surface[0] - width))), max(0, int(top))
