"""Where a camera's picture lies in the analysed frame: one that stands upright fills only its middle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from probes.frame import Box, Detection, Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.answers import LookAnswer
    from probes.redaction.redact import Polygon


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """Left, top, width and height of the picture, as shares of the frame; by default the whole of it.

    The store file, events and the pages count in shares of the picture; detectors, masks on the surface and
    drawing in the frame.

    >>> PicturePlace(0.25, 0.0, 0.5, 1.0).polygon([(0.0, 0.0), (1.0, 0.5)])
    ((0.25, 0.0), (0.75, 0.5))
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def polygon(self, corners: Sequence[tuple[float, float]]) -> Polygon:
        """Return corners in shares of the frame that were given in shares of the picture."""
        return tuple((self.left + x * self.width, self.top + y * self.height) for x, y in corners)

    def frame(self, frame: Frame) -> Frame:
        """Return a frame as the picture alone: its size, and all boxes counted from its corner."""
        if self == WHOLE:
            return frame
        width, height = frame.size
        found = tuple(
            Detection(kind, label, confidence, self._moved(box, frame.size), track)
            for kind, label, confidence, box, track in frame.detections
        )
        size = round(self.width * width), round(self.height * height)
        return Frame(frame.camera, frame.captured_at, size, found, frame.analysed)

    def answer(self, answer: LookAnswer) -> LookAnswer:
        """Return a look's answer with all that it saw counted as in `frame`."""
        if self == WHOLE:
            return answer
        size = answer.frame.size
        marks = tuple(replace(mark, box=self._moved(mark.box, size)) for mark in answer.marks)
        worn = tuple(replace(seen, box=self._moved(seen.box, size)) for seen in answer.worn)
        return replace(answer, frame=self.frame(answer.frame), marks=marks, worn=worn)

    def _moved(self, box: Box, size: tuple[int, int]) -> Box:
        return Box(box.x - self.left * size[0], box.y - self.top * size[1], box.w, box.h)


WHOLE = PicturePlace()
