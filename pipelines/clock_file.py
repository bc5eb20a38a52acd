"""What time a store saw last, on disk: its next run doubts a clock that has leapt meanwhile."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pipelines.clock import BELIEVED_NS
from pipelines.outputs.disk import OutputFailed, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.clock import StoreClock

SAVE_S: Final = 600.0
DOUBT_S: Final = 60.0
"""While something is doubted: for how long is counted over restarts, however soon they follow."""


def clock_path(store: str, folder: Path) -> Path:
    """Return where a store's time is kept in the state folder."""
    return folder / f"clock-{store}.json"


def go_on(clock: StoreClock, path: Path) -> None:
    """Have a clock go on from what is kept; nothing where that cannot be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(path.read_bytes())
        doubts = [(min(int(left), BELIEVED_NS), int(step)) for left, step in kept["doubts"]]
        clock.go_on(int(kept["seen"]), [(left, step) for left, step in doubts if left > 0 and step > 0])


class ClockFile:
    """Keeps the time now and then. `check` about once a second, then `save`; one thread at a time."""

    def __init__(
        self, clock: StoreClock, path: Path, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Have the clock go on from what an earlier run kept. monotonic: seconds."""
        self._clock, self._path, self._monotonic = clock, path, monotonic
        self._saved_at: float | None = None
        go_on(clock, path)

    def check(self) -> None:
        """Keep the time, where it is time for that."""
        after_s = DOUBT_S if self._clock.doubts() else SAVE_S
        if self._saved_at is None or self._monotonic() - self._saved_at >= after_s:
            self.save()

    def save(self) -> None:
        """Keep the time; a full disk is tried again."""
        self._saved_at = self._monotonic()
        kept = {"seen": self._clock.utc_now(), "doubts": self._clock.doubts()}
        with suppress(OutputFailed):
            write_whole(self._path, json.dumps(kept).encode())
