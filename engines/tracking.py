"""Follows persons from frame to frame, on capture times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from engines.byte_track import ByteTrack

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from engines.detections import Detections

    Floats = npt.NDArray[np.float64]

SURE = 0.5
OVERLAP = 0.2


@dataclass(frozen=True, slots=True)
class Tracked:
    """A detection with its track.

    number: the track, from 1 up, never given twice by one tracker; None as long as no track is confirmed.
    box: x1 y1 x2 y2 as detected, px. class_id: index into the model's classes.
    """

    number: int | None
    box: tuple[float, float, float, float]
    score: float
    class_id: int

    @property
    def confirmed(self) -> bool:
        """Whether a track is confirmed; only then may anything be remembered of it."""
        return self.number is not None


class Associator(Protocol):
    """What decides which detection continues which track, such as ByteTrack."""

    def update(self, boxes: Floats, scores: Floats, now_s: float) -> list[int | None]:
        """Return the number of each detection's track, from 0 up; None while it is not confirmed."""

    def reset(self) -> None:
        """Forget all tracks and count from 0 again."""


class Tracker:
    """Follows the persons of one camera. Other classes pass through, untracked.

    >>> import numpy as np
    >>> from engines.detections import Detections
    >>> boxes = np.array([[100, 50, 180, 290]], np.float32)
    >>> seen = Detections(boxes, np.array([0.9], np.float32), np.array([0]))
    >>> tracker = Tracker(confirm_hits=2)
    >>> [tracker.update(seen, at * 100_000_000)[0].number for at in range(3)]
    [None, 1, 1]
    """

    def __init__(
        self,
        *,
        person_class: int = 0,
        confirm_hits: int = 3,
        lost_ms: int = 2000,
        make: Callable[[int, int], Associator] | None = None,
    ) -> None:
        """Confirm a track after confirm_hits detections in a row; keep it for lost_ms without any.

        make: another tracker, from confirm_hits and lost_ms.
        """
        if confirm_hits < 1 or lost_ms < 0:
            raise ValueError("confirm_hits must be 1 or more, lost_ms 0 or more")
        self._person_class = person_class
        self._associator = (make or byte_track)(confirm_hits, lost_ms)
        self._first = self._last = -1
        self._before = self._highest = 0

    def update(self, detections: Detections, captured_at: int) -> list[Tracked]:
        """Return every detection, in the order given, persons with their tracks; captured_at: UTC ns.

        A time before the last one ends all tracks, as after `reset`.
        """
        if captured_at < self._last:
            self.reset()
        self._last = max(captured_at, self._last + 1)
        if self._first < 0:
            self._first = self._last
        persons = np.flatnonzero(detections.classes == self._person_class)
        boxes = detections.boxes[persons].astype(np.float64)
        scores = detections.scores[persons].astype(np.float64)
        found = self._associator.update(boxes, scores, (self._last - self._first) / 1e9)
        numbers: list[int | None] = [None] * len(detections)
        for row, track in zip(persons.tolist(), found, strict=True):
            if track is not None:
                numbers[row] = self._before + track + 1
                self._highest = max(self._highest, self._before + track + 1)
        return [
            Tracked(number, cast("tuple[float, float, float, float]", tuple(box)), score, class_id)
            for number, box, score, class_id in zip(
                numbers,
                detections.boxes.tolist(),
                detections.scores.tolist(),
                detections.classes.tolist(),
                strict=True,
            )
        ]

    def reset(self) -> None:
        """End all tracks, as when the camera was away; their numbers do not come back."""
        self._associator.reset()
        self._before = self._highest
        self._first = self._last = -1


def byte_track(confirm_hits: int, lost_ms: int) -> Associator:
    """Return ByteTrack with thresholds chosen on 5 to 25 frames a second (docs/tracking.md)."""
    return ByteTrack(confirm_hits=confirm_hits, lost_s=lost_ms / 1000, sure=SURE, overlap=OVERLAP)
