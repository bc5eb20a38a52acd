"""Notices a camera that hangs turned: people seem to stand on their heads, or to lie on their side.

The detectors know upright people. Of turned ones they find few, and most faces stay open, so the
few that are found are worth a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from probes.frame import Kind

if TYPE_CHECKING:
    from probes.frame import Frame

ENOUGH: Final = 30
"""So many people, or faces with their person, are looked at before anything is said."""
MOST: Final = 0.7
"""Share of them from which on the camera counts as turned."""
SURE: Final = 0.5
LOW, LYING = 0.6, 1.3
"""A face below this share of its person's height is upside down; a person so much wider than high lies."""
UPSIDE_DOWN: Final = "people seem to stand on their heads: set rotate: 180 for this camera"
ON_SIDE: Final = "people seem to lie on their side: set rotate: 90 or 270 for this camera"
DEGREES: Final = {UPSIDE_DOWN: 180, ON_SIDE: 90}
"""What the metric says for an advice; on their side it may be 270, too: see `turns`."""


def turns(degrees: int, *, exact: bool) -> tuple[int, ...]:
    """Return which `rotate` may be right where the metric says so; none where people stand upright.

    exact: whether the picture was looked at turned, as on the CPU; else only that people lie is known.

    >>> turns(90, exact=False), turns(180, exact=False), turns(90, exact=True), turns(0, exact=True)
    ((90, 270), (180,), (90,), ())
    """
    if degrees == DEGREES[ON_SIDE] and not exact:
        return (90, 270)
    return (degrees,) if degrees else ()


@dataclass(slots=True)
class _Counts:
    faces: int = 0
    low: int = 0
    people: int = 0
    lying: int = 0
    advised: bool = False


class UprightWatch:
    """Counts by camera. One thread."""

    def __init__(self) -> None:
        self._cameras: dict[str, _Counts] = {}

    def forget(self, camera: str) -> None:
        """Begin anew with a camera: it shows something else now."""
        self._cameras.pop(camera, None)

    def add(self, frame: Frame) -> str | None:
        """Count a frame; return advice on its camera, once."""
        counts = self._cameras.setdefault(frame.camera, _Counts())
        if counts.advised:
            return None
        people = [person.box for person in frame.of(Kind.PERSON) if person.box.area > 0]
        counts.people += len(people)
        counts.lying += sum(box.w > LYING * box.h for box in people)
        for face in frame.of(Kind.FACE):
            x, y = face.box.centre
            inside = [box for box in people if box.contains(x, y)]
            if face.confidence >= SURE and len(inside) == 1:
                counts.faces += 1
                counts.low += y > inside[0].y + LOW * inside[0].h
        advice = None
        if counts.faces >= ENOUGH:
            advice = UPSIDE_DOWN if counts.low > MOST * counts.faces else None
        if advice is None and counts.people >= ENOUGH:
            advice = ON_SIDE if counts.lying > MOST * counts.people else None
        counts.advised = advice is not None
        if max(counts.faces, counts.people) > 10 * ENOUGH:
            self._cameras[frame.camera] = _Counts(advised=counts.advised)
        return advice
