"""Following persons from frame to frame: ByteTrack as Roboflow's `trackers` has it, in real time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
from supervision import Detections as Shown
from trackers import ByteTrackTracker

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from engines.detections import Detections

SURE = 0.5
OVERLAP = 0.2
FRAMES_PER_SECOND = 10.0


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


class Library(Protocol):
    """What is used of a tracker of `trackers`: ids from 0 up, -1 for every unconfirmed detection."""

    def update(self, detections: Shown, *, timestamp: float) -> Shown:
        """Associate detections, in any order, with tracks; timestamp in s."""

    def reset(self) -> None:
        """Forget all tracks and count from 0 again."""


class Tracker:
    """Follows the persons of one camera. Other classes pass through, untracked."""

    def __init__(
        self,
        *,
        person_class: int = 0,
        confirm_hits: int = 3,
        lost_ms: int = 2000,
        make: Callable[[int, int], Library] | None = None,
    ) -> None:
        """Confirm a track after confirm_hits detections in a row; keep it for lost_ms without any.

        make: another tracker, from confirm_hits and lost_ms.
        """
        if confirm_hits < 1 or lost_ms < 0:
            raise ValueError("confirm_hits must be 1 or more, lost_ms 0 or more")
        self._person_class = person_class
        self._library = (make or byte_track)(confirm_hits, lost_ms)
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
        shown = Shown(xyxy=detections.boxes[persons], confidence=detections.scores[persons], class_id=persons)
        result = self._library.update(shown, timestamp=(self._last - self._first) / 1e9)
        numbers: list[int | None] = [None] * len(detections)
        if len(result):
            rows = cast("npt.NDArray[np.int64]", result.class_id)
            tracks = cast("npt.NDArray[np.int64]", result.tracker_id)
            for row, track in zip(rows.tolist(), tracks.tolist(), strict=True):
                if track >= 0:
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
        self._library.reset()
        self._before = self._highest
        self._first = self._last = -1


def byte_track(confirm_hits: int, lost_ms: int) -> Library:
    """Return ByteTrack with thresholds chosen on 5 to 25 frames a second (docs/tracking.md)."""
    tracker = ByteTrackTracker(
        minimum_consecutive_frames=confirm_hits,
        lost_track_buffer=round(lost_ms * 30 / 1000),
        frame_rate=FRAMES_PER_SECOND,
        track_activation_threshold=SURE,
        high_conf_det_threshold=SURE,
        minimum_iou_threshold=OVERLAP,
    )
    return cast("Library", tracker)
