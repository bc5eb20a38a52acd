"""The bounded queue from the streaming thread to the floor's thread; the streaming thread never waits."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from probes.frame import Frame, TrackId
    from probes.redaction.masked_by import MaskedBy
    from probes.redaction.redact import Mask

WAITING = 64


@dataclass(slots=True)
class ProbedFrame:
    """One frame as the probe read it.

    ended: tracks that are over. masks: covered heads; None where the whole frame was covered,
    withheld: because its camera hangs turned, not because masking failed.
    generation: of the camera's connection (see FrameOrigins).
    """

    frame: Frame
    masked_by: MaskedBy
    ended: list[TrackId] = field(default_factory=list)
    masks: Sequence[Mask] | None = None
    generation: int = 0
    withheld: bool = False


class FrameQueue:
    """A queue of probed frames. When full, the oldest frame is dropped, but the end of a track never is."""

    def __init__(self, on_drop: Callable[[str], None], waiting: int = WAITING) -> None:
        """on_drop is called with the camera of each frame that was dropped.

        newest: of the last frame when it was captured, UTC ns, and what it was masked by; by camera, for any
        thread to read.
        """
        self._on_drop, self._max_waiting = on_drop, waiting
        self._change = threading.Condition()
        self._waiting: deque[ProbedFrame] = deque()
        self._ended: dict[str, list[TrackId]] = {}
        self._closed = False
        self.newest: dict[str, tuple[int, MaskedBy]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, batch: Sequence[ProbedFrame]) -> None:
        """Add the frames of a batch, all at once, so that who waits wakes once; returns at once."""
        dropped = []
        with self._change:
            for probed in batch:
                self.newest[probed.frame.camera] = probed.frame.captured_at, probed.masked_by
                self._waiting.append(probed)
                if len(self._waiting) > self._max_waiting:
                    dropped.append(self._waiting.popleft())
            for late in dropped:
                if late.ended:
                    self._ended.setdefault(late.frame.camera, []).extend(late.ended)
            self._change.notify()
        for late in dropped:
            self._on_drop(late.frame.camera)

    def pass_over(self, camera: str) -> None:
        """Note a frame of which nobody is told: covered whole, and no picture of the one before it."""
        if camera in self.newest:
            captured_at, masked_by = self.newest[camera]
            self.newest[camera] = captured_at + 1, masked_by

    def take(self, timeout_s: float) -> list[ProbedFrame]:
        """Return all that waits, oldest first; after the timeout, or once closed, an empty list."""
        with self._change:
            self._change.wait_for(lambda: self._waiting or self._closed, timeout_s)
            taken, self._waiting = list(self._waiting), deque()
            for probed in taken:
                probed.ended[:0] = self._ended.pop(probed.frame.camera, [])
            return taken

    def ended(self, camera: str) -> list[TrackId]:
        """Return, once, the tracks that ended in dropped frames of a camera; it may give none any more."""
        with self._change:
            return self._ended.pop(camera, [])

    def close(self) -> None:
        """Wake who waits."""
        with self._change:
            self._closed = True
            self._change.notify_all()
