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
    from probes.frame import Frame

    Picture = tuple[int, I420]
    """When it was, ns since the first, and its pixels."""

KEY_NS = 200_000_000
"""So long after a key frame comes the next, at the latest."""

FRAMES_IN_A_ROW = 3
"""So many key frames in a row it takes to follow somebody; in a crowd somebody is always new."""


class KeyFrames:
    """Chooses the key frames of one video. every_ns: so far they are apart at most; 0: each frame is one.

    keys = KeyFrames()
    for between, at, pixels in keys.groups(frames):
        keys.add(analyse(at, pixels), pixels)
    """

    def __init__(self, every_ns: int = KEY_NS) -> None:
        self._every_ns = every_ns
        self._seen: SeenPicture | None = None
        self._in_a_row = 0

    def groups(self, frames: Iterable[Picture]) -> Iterator[tuple[list[Picture], int, I420]]:
        """Yield each key frame with those since the last one. `add` must be called before the next."""
        between: list[Picture] = []
        for at, pixels in frames:
            if between and self._is_late(at):
                last, between = between, []
                yield self._key(last)
            if self._is_between(at, pixels):
                between.append((at, pixels))
            else:
                last, between = [*between, (at, pixels)], []
                yield self._key(last)
        if between:
            yield self._key(between)

    def add(self, frame: Frame, pixels: I420) -> None:
        """Take what was found in the last key frame. Without it the next frame is one.

        It is one, too, where somebody is in view whom the tracker does not follow yet: that takes frames in a
        row.
        """
        is_new = any(person.track is None and person.confidence >= SURE for person in frame.of(Kind.PERSON))
        self._in_a_row = (self._in_a_row + 1) % FRAMES_IN_A_ROW if is_new else 0
        if self._in_a_row:
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
