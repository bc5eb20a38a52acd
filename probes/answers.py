"""The results of a look at one person."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engines.marks.types import Route

if TYPE_CHECKING:
    from probes.frame import Box, Frame, TrackId
    from probes.recognition.clothes import Clothes


@dataclass(frozen=True, slots=True)
class Mark:
    """A brand seen; `box` in pixels of the frame that was looked at, confidence from 0 to 1, calibrated.

    slots: where the brand may count, as the gallery said when it was seen; None for everywhere. on: the type
    of the garment or bag that was seen where the mark is; None where that was not told.
    """

    brand: str
    confidence: float
    box: Box
    route: Route = Route.WORDS
    slots: frozenset[str] | None = None
    on: str | None = None

    @property
    def size(self) -> float:
        """Root of the area in px: a wide, low mark is as easy to recognise as a square one of its area."""
        return math.sqrt(max(0.0, self.box.area))


@dataclass(frozen=True, slots=True)
class Worn:
    """A garment or bag seen on a person; `box` in pixels of the frame, confidence from 0 to 1.

    colour: in a word, None where it has no clear one.
    """

    type: str
    confidence: float
    box: Box
    colour: str | None = None


@dataclass(frozen=True, slots=True)
class LookAnswer:
    """The marks, and what is worn, found on one person in one frame.

    The frame's metadata comes along: a mark is joined to what was around it then, not now.
    bare: whether skin or hair was seen; a garment on a hanger or a figure shows none, and nothing counts.
    stretch: by how much longer than usual the times between the looks at this person are, 1 or more.
    clothes: by what the person can be found again after a minute; kept in memory only.
    words: how many were read, of whatever brand or none; None where none were looked for.
    tie: whether what the detector took for a tie on this person may be one; None where there is none.
    """

    track: TrackId
    frame: Frame
    marks: tuple[Mark, ...]
    worn: tuple[Worn, ...] = ()
    bare: bool = True
    stretch: float = 1.0
    clothes: Clothes | None = field(default=None, compare=False, repr=False)
    words: int | None = None
    tie: bool | None = None

    @property
    def at(self) -> int:
        """When the frame was captured, UTC nanoseconds."""
        return self.frame.captured_at
