"""What a camera's supervisor decides, apart from its thread: no clock, no I/O, every method takes `now`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState, Cause

if TYPE_CHECKING:
    from pipelines.cameras.backoff import Backoff

_PATIENT = {Cause.AUTH: CameraState.AUTH_FAILED, Cause.NOT_FOUND: CameraState.NOT_FOUND}
BUSY_AGAIN_S = 0.3
"""Until a camera that calls itself busy before its first frame is called a second time, once in each attempt.

It may be taking a stream down still that was asked for or closed a moment ago: gst-rtsp-server says 503 then.
"""
LONGEST_PAUSE_S = 20.0
"""Between two pictures of a film, which is no fault: motion starts a recorder, time lapses stand still."""
LONGEST_GROUP_S = 20.0
"""From one key frame to the next at most: cameras with a smart codec stretch it to 16 s and more."""


def first_frame_s(connect_timeout_s: float, *, answered: bool) -> float:
    """Return how long the first frame of a connection may take, in s.

    answered: whether coded video comes. Then it may wait for a key frame: a recorder or a server that hands
    a camera's stream on begins in the middle of a group.

    >>> first_frame_s(10, answered=False), first_frame_s(10, answered=True)
    (10, 30.0)
    """
    return connect_timeout_s + LONGEST_GROUP_S if answered else connect_timeout_s


class CameraPolicy:
    """connecting -> live -> (stale) -> backoff -> connecting; the same way for the first connection.

    Times are seconds of one monotonic clock. finite: a file or folder, whose end is no failure.

    >>> from random import Random
    >>> from pipelines.cameras.backoff import Backoff
    >>> policy = CameraPolicy(
    ...     Backoff(0.5, 30, 0, Random(1)), stale_after_s=3, connect_timeout_s=10, finite=False, loop=False
    ... )
    >>> policy.connect(now=0)
    >>> policy.frame(now=1), policy.state.value
    (True, 'live')
    >>> policy.overdue(now=5, answered=True).value, policy.state.value
    ('stalled', 'stale')
    """

    def __init__(
        self, backoff: Backoff, *, stale_after_s: float, connect_timeout_s: float, finite: bool, loop: bool
    ) -> None:
        self._backoff = backoff
        self._stale_after = max(stale_after_s, LONGEST_PAUSE_S) if finite else stale_after_s
        self._connect_timeout = connect_timeout_s
        self._finite, self._loop = finite, loop
        self._alive_at = self._frame_at = self._withheld_at = -math.inf
        self._next = -math.inf
        self.state, self.cause = CameraState.STOPPED, Cause.NONE

    def connect(self, now: float) -> None:
        """Begin an attempt. The cause of the last failure stays until frames arrive."""
        self.state, self._alive_at = CameraState.CONNECTING, now

    def frame(self, now: float) -> bool:
        """Note a frame; return whether it is the first of this connection."""
        first = self.state is not CameraState.LIVE
        self._alive_at = self._frame_at = now
        if first:
            self.state, self.cause = CameraState.LIVE, Cause.NONE
            self._backoff.reset()
        return first

    def leave_out(self, now: float) -> None:
        """Note coded pictures that are left out before the decoder: a camera that sends them is not silent.

        Not for longer than LONGEST_GROUP_S after a frame: without a key frame none would ever come again.
        """
        if self.state is CameraState.LIVE and now - self._frame_at <= LONGEST_GROUP_S:
            self._alive_at = now

    def withhold(self, now: float) -> None:
        """Note pictures that are withheld because a part of them was lost: the camera is not silent."""
        self._withheld_at = now

    def overdue(self, now: float, *, answered: bool) -> Cause:
        """Return why this connection must be given up, NONE where it need not; a live camera turns stale.

        answered: whether coded video comes, while it connects.
        """
        silent = now - self._alive_at
        if self.state is CameraState.LIVE and silent > self._stale_after:
            lossy = now - self._withheld_at <= self._stale_after
            self.state, self.cause = CameraState.STALE, Cause.LOSS if lossy else Cause.STALLED
            return self.cause
        longest = first_frame_s(self._connect_timeout, answered=answered and not self._finite)
        if self.state is CameraState.CONNECTING and silent > longest:
            if self._finite:
                return Cause.DECODE
            return Cause.NO_PICTURE if answered else Cause.TIMEOUT
        return Cause.NONE

    def lost(self, cause: Cause, now: float) -> None:
        """Note that the connection is gone, decide what follows.

        An end without a frame is no video. A camera that hangs up after frames has ended its stream, whether
        by an end of the connection or by a reset.
        """
        if cause is Cause.ENDED and self.state is CameraState.CONNECTING:
            cause = Cause.NO_VIDEO
        elif cause is Cause.HANGS_UP and self.state is not CameraState.CONNECTING:
            cause = Cause.ENDED
        self.cause = cause
        if cause is Cause.ENDED and self._finite:
            self.state = CameraState.CONNECTING if self._loop else CameraState.STOPPED
            self._next = now if self._loop else math.inf
            return
        self.state = _PATIENT.get(cause, CameraState.BACKOFF)
        self._next = now + self._backoff.next(patient=cause in _PATIENT)

    def stop(self) -> None:
        """End for good."""
        self.state, self.cause, self._next = CameraState.STOPPED, Cause.NONE, math.inf

    def wait(self, now: float) -> float:
        """Return the seconds until the next attempt: 0 is now, infinity is never."""
        return max(0.0, self._next - now)
