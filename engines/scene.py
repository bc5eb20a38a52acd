"""What is in one picture, and what is wanted of it: people, what they carry, and faces.

Persons have two thresholds. Above the upper one they are tracked, shown and priced; between the two they are
only masked: a missed face costs more than a masked coat stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engines.detections import Detections
from engines.errors import InferenceFailed

if TYPE_CHECKING:
    from engines.close_look import CloseLook
    from engines.still_scene import StillScene

MIN_PERSON_PX = 80
"""Height of the smallest person that must be found, px of the picture, where nothing else is said."""


class TooMany(InferenceFailed):
    """More persons or faces than can be listed, even in parts: the picture must not be shown."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in one picture, in pixels of it.

    objects: persons and accessories above the thresholds at which they count. doubtful: persons below, only
    to be masked. faces: every face.
    """

    objects: Detections
    doubtful: Detections
    faces: Detections

    @classmethod
    def empty(cls) -> Scene:
        """Return a scene in which nothing was found."""
        return cls(Detections.empty(), Detections.empty(), Detections.empty())


@dataclass(frozen=True, slots=True)
class SceneRequest:
    """What to look for in a picture, and where.

    close: chooses what is looked at closely, if the picture is large enough to need it; None: everything.
    still: knows whether the picture is one that showed nothing, and need not be searched. at_ns: the
    picture's time, UTC ns, for `close` and `still`.
    """

    min_person_px: float = MIN_PERSON_PX
    close: CloseLook | None = None
    at_ns: int = 0
    still: StillScene | None = None


EVERYTHING = SceneRequest()
