"""Which frames of a video are analysed: the key frames. What they leave unexplained is one, too.

The frames between two of them are covered by what is covered in these (`Redactor.redact_between`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.explained_motion import SeenPicture, cell_means, is_explained
from engines.tracking import SURE
from probes.frame import Kind
from probes.redaction.between import MAX_GAP_NS, seen_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from engines.image import I420
    from probes.frame import Box, Frame

    Picture = tuple[int, I420]
    """When it was, ns since the first, and its pixels."""

KEY_NS = 200_000_000
"""So long after a key frame comes the next, at the latest."""

MAX_BYTES = 32 * 1024 * 1024
"""Most luma bytes of the frames that wait for a key frame."""
FRAMES_IN_A_ROW = 6
"""So many key frames in a row it takes at most to follow somebody: three, more at the border."""
MEMORY_NS = 1_000_000_000
"""So long it is known whom the tracker does not follow: in a crowd boxes come and go."""


class KeyFrames:
    """Chooses the key frames of one video. every_ns: so far they are apart at most; 0: each frame is one.

    keys = KeyFrames()
    for between, at, pixels in keys.groups(frames):
        keys.add(analyse(at, pixels), pixels)
    """

    def __init__(self, every_ns: int = KEY_NS) -> None:
        self._every_ns = every_ns
        self._seen: SeenPicture | None = None
        self._unfollowed: list[tuple[Box, int, int]] = []
        """Who is not followed: place, in how many key frames, and when last, ns."""

    def groups(self, frames: Iterable[Picture]) -> Iterator[tuple[list[Picture], int, I420]]:
        """Yield each key frame with those since the last one. `add` must be called before the next."""
        between: list[Picture] = []
        for at, pixels in frames:
            if between and self._is_late(at):
                last, between = between, []
                yield self._key(last)
            fits = (len(between) + 1) * pixels.y.nbytes <= MAX_BYTES
            if fits and self._is_between(at, pixels):
                between.append((at, pixels))
            else:
                last, between = [*between, (at, pixels)], []
                yield self._key(last)
        if between:
            yield self._key(between)

    def add(self, frame: Frame, pixels: I420) -> None:
        """Take what was found in the last key frame. Without it the next frame is one.

        It is one, too, where somebody is in view whom the tracker does not follow yet: that takes frames in a
        row. Who is not followed after FRAMES_IN_A_ROW may never be.
        """
        at, before = frame.captured_at, self._unfollowed
        unknown = [one.box for one in frame.of(Kind.PERSON) if one.track is None and one.confidence >= SURE]
        now = [
            (box, 1 + max((n for old, n, _ in before if _is_near(old, box)), default=0)) for box in unknown
        ]
        gone = [
            one
            for one in before
            if at - one[2] <= MEMORY_NS and not any(_is_near(one[0], box) for box in unknown)
        ]
        self._unfollowed = [*gone, *((box, count, at) for box, count in now)]
        if any(count <= FRAMES_IN_A_ROW for _, count in now):
            return
        self._seen = seen_picture(frame, cell_means(pixels.y))

    def _key(self, frames: list[Picture]) -> tuple[list[Picture], int, I420]:
        self._seen = None
        at, pixels = frames.pop()
        return frames, at, pixels

    def _is_late(self, at: int) -> bool:
        return self._seen is not None and at - self._seen.at > MAX_GAP_NS

    def _is_between(self, at: int, pixels: I420) -> bool:
        seen = self._seen
        if seen is None or not 0 <= at - seen.at < self._every_ns:
            return False
        return is_explained(cell_means(pixels.y), at, [seen])


def _is_near(one: Box, other: Box) -> bool:
    """Return whether two boxes can be of one person in two frames."""
    return one.contains(*other.centre) or other.contains(*one.centre)
