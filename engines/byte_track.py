"""ByteTrack on capture times: which detection continues which track.

After Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (ECCV 2022): sure
detections are matched first, then faint ones with the tracks that are left, so that somebody half hidden
keeps a track and noise starts none. Each corner of a box moves with constant velocity; the uncertainty of
that grows with the time since the last look (discrete white noise acceleration), so any frame rate will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import lap
import numpy as np

from engines.nms import overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.floating]

FRAMES_PER_SECOND: Final = 10.0
"""The unit of time of the motion model: its noise was chosen for so many frames a second."""
MEASUREMENT_NOISE: Final = 0.1
ACCELERATION_NOISE: Final = 0.01


@dataclass(slots=True)
class Track:
    """One person on the way through the picture.

    box: x1 y1 x2 y2, px. velocity: of each corner coordinate, px a frame. hits: detections in a row.
    missed_s: seconds since the last detection. The covariance of position and velocity is the same for all
    four coordinates, as they are measured alike.
    """

    box: Floats
    velocity: Floats
    hits: int = 1
    missed_s: float = 0.0
    seen: bool = True
    number: int | None = None
    var_box: float = 1.0
    cov: float = 0.0
    var_velocity: float = 1.0

    def predict(self, elapsed_s: float) -> None:
        """Move the box to where it should be now."""
        step = elapsed_s * FRAMES_PER_SECOND
        noise = ACCELERATION_NOISE * step * step
        self.box = self.box + step * self.velocity
        self.var_box += step * (2 * self.cov + step * self.var_velocity) + noise * step * step / 4
        self.cov += step * self.var_velocity + noise * step / 2
        self.var_velocity += noise
        if not self.seen:
            self.hits = 0
        self.seen = False
        self.missed_s += elapsed_s

    def correct(self, box: Floats) -> None:
        """Take a detection in: a Kalman update of each coordinate."""
        gain = self.var_box / (self.var_box + MEASUREMENT_NOISE)
        gain_velocity = self.cov / (self.var_box + MEASUREMENT_NOISE)
        off = box - self.box
        self.box = self.box + gain * off
        self.velocity = self.velocity + gain_velocity * off
        self.var_velocity -= gain_velocity * self.cov
        self.cov *= 1 - gain
        self.var_box *= 1 - gain
        self.hits += 1
        self.seen, self.missed_s = True, 0.0


class ByteTrack:
    """Gives detections the numbers of their tracks.

    >>> import numpy as np
    >>> tracker = ByteTrack(confirm_hits=2, lost_s=2.0, sure=0.5, overlap=0.2)
    >>> box = np.array([[10.0, 10.0, 50.0, 90.0]])
    >>> [tracker.update(box, np.array([0.9]), at) for at in (0.0, 0.1)]
    [[None], [0]]
    """

    def __init__(self, *, confirm_hits: int, lost_s: float, sure: float, overlap: float) -> None:
        """Confirm a track after confirm_hits detections in a row; forget it lost_s after the last one.

        sure: least score that starts a track. overlap: least IoU of a detection with the expected box.
        """
        self._confirm_hits, self._lost_s = confirm_hits, lost_s
        self._sure, self._overlap = sure, overlap
        self.reset()

    def reset(self) -> None:
        """Forget all tracks and count from 0 again."""
        self._tracks: list[Track] = []
        self._now = -1.0
        self._next = 0

    def update(self, boxes: Floats, scores: Floats, now_s: float) -> list[int | None]:
        """Return the number of each detection's track, from 0 up; None as long as none is confirmed.

        boxes: N x 4, x1 y1 x2 y2 in px. scores: N. now_s: capture time, never before the last one.
        """
        if self._now >= 0 and now_s > self._now:
            for track in self._tracks:
                track.predict(now_s - self._now)
        self._now = now_s
        self._tracks = [track for track in self._tracks if track.missed_s <= self._lost_s]
        numbers: list[int | None] = [None] * len(boxes)
        sure, faint = np.flatnonzero(scores >= self._sure), np.flatnonzero(scores < self._sure)
        left, new = self._match(self._tracks, boxes, sure, numbers)
        self._match(left, boxes, faint, numbers)
        self._tracks = [t for t in self._tracks if t.number is not None or t.seen]
        self._tracks += [Track(boxes[row].astype(np.float64), np.zeros(4)) for row in new]
        if self._confirm_hits == 1:
            for row, track in zip(new, self._tracks[len(self._tracks) - len(new) :], strict=True):
                numbers[row] = self._number(track)
        return numbers

    def _match(
        self, tracks: Sequence[Track], boxes: Floats, rows: npt.NDArray[np.intp], numbers: list[int | None]
    ) -> tuple[list[Track], list[int]]:
        """Match tracks with these rows of boxes; return the tracks and the rows that are left."""
        pairs = assign(overlaps(np.array([t.box for t in tracks]).reshape(-1, 4), boxes[rows]), self._overlap)
        for track, column in pairs:
            tracks[track].correct(boxes[rows[column]].astype(np.float64))
            numbers[rows[column]] = self._number(tracks[track])
        taken, matched = {track for track, _ in pairs}, {column for _, column in pairs}
        left = [track for index, track in enumerate(tracks) if index not in taken]
        return left, [int(row) for column, row in enumerate(rows) if column not in matched]

    def _number(self, track: Track) -> int | None:
        if track.number is None and track.hits >= self._confirm_hits:
            track.number, self._next = self._next, self._next + 1
        return track.number


def assign(likeness: Floats, least: float) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of the greatest sum of likeness, without those below `least`."""
    if not likeness.size:
        return []
    _, columns, _ = lap.lapjv(1.0 - likeness, extend_cost=True)
    return [
        (row, int(column))
        for row, column in enumerate(columns)
        if column >= 0 and likeness[row, column] >= least
    ]
