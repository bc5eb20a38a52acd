"""Sources that follow a script, and an ear that hears what supervisors say."""

from __future__ import annotations

import collections
import threading
from typing import TYPE_CHECKING, Any

from engines.image import I420

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipelines.cameras.source import RawFrame
    from pipelines.cameras.states import CameraState, Cause

END_S = 120
"""So long a supervisor may take to end: no wait of the cameras is as long but one that is stopped, too."""
QUICK: dict[str, Any] = {
    "fps": 60,
    "stale_after_ms": 700,
    "reconnect_first_ms": 50,
    "reconnect_max_ms": 200,
}
"""Settings of a camera whose loss is noticed soon, and which is called again soon."""


class ScriptedSource:
    """Gives a frame for True, nothing for False, raises exceptions; silent where the script ends."""

    def __init__(
        self, script: Iterable[bool | Exception] = (), closed: threading.Event | None = None
    ) -> None:
        self._script = collections.deque(script)
        self._closed = closed
        self.closes = 0

    def wait(self, timeout_s: float) -> bool:
        step = self._script.popleft() if self._script else False
        if isinstance(step, Exception):
            raise step
        if not step:
            threading.Event().wait(min(timeout_s, 0.002))
        return step

    def take(self) -> I420:
        return I420.black(4, 4)

    def take_withheld(self) -> int:
        return 0

    def take_undecoded(self) -> int:
        return 0

    answered = False

    def close(self) -> None:
        """Count; hang while `closed` is given and not set."""
        if self._closed is not None:
            self._closed.wait(300)
        self.closes += 1


class Ear:
    """A CameraListener that writes everything down and can be waited on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.states: list[tuple[str, CameraState, Cause]] = []
        self.since: list[int] = []
        self.connects: list[tuple[str, str]] = []
        self.drops: collections.Counter[str] = collections.Counter()
        self.frames: dict[str, int] = collections.Counter()
        self.times: list[int] = []
        self.last: dict[str, RawFrame] = {}

    def on_state(self, camera: str, state: CameraState, cause: Cause, since_ns: int) -> None:
        with self._changed:
            self.states.append((camera, state, cause))
            self.since.append(since_ns)
            self._changed.notify_all()

    def on_connect(self, camera: str, result: str) -> None:
        with self._changed:
            self.connects.append((camera, result))
            self._changed.notify_all()

    def on_frame(self, frame: RawFrame) -> None:
        with self._changed:
            self.frames[frame.camera] += 1
            self.times.append(frame.captured_at)
            self.last[frame.camera] = frame
            self._changed.notify_all()

    def on_drop(self, camera: str, reason: str) -> None:
        with self._changed:
            self.drops[reason] += 1
            self._changed.notify_all()

    def until(self, condition: Callable[[], bool], timeout_s: float = 300.0) -> None:
        """Wait until the condition holds; fail with all that was heard where it does not come."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s), (self.states, self.connects, self.frames)

    def until_state(self, state: CameraState, cause: Cause | None = None, camera: str | None = None) -> None:
        self.until(
            lambda: any(
                s is state and cause in (None, c) and camera in (None, name) for name, s, c in self.states
            )
        )

    def until_more(self, camera: str, count: int = 3) -> None:
        """Wait for `count` more frames of the camera."""
        before = self.frames[camera]
        self.until(lambda: self.frames[camera] >= before + count)

    def pairs(self) -> list[tuple[str, str]]:
        return [(state.value, cause.value) for _, state, cause in self.states]
