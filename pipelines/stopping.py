"""The end of a running store: its parts end one after another or side by side, by one common moment."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engines.native_threads import join_native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

STOP_S: Final = 10.0
"""For all parts; each gets its least time besides. All together ends before EXIT_S of `msh run` (26)."""
LEAST_S: Final = 1.0
"""What each part gets however late it is: most need milliseconds."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Parts that are ending, each in a thread of its own. answers: of those that have ended."""

    threads: dict[str, threading.Thread] = field(default_factory=dict)
    answers: dict[str, bool] = field(default_factory=dict)

    def join(self, until: float, clock: Callable[[], float]) -> None:
        """Wait for all of them until then."""
        for thread in self.threads.values():
            thread.join(max(0.0, until - clock()))


class Stopping:
    """The time that is left to end. A part that takes longer, or fails, is left behind; the next goes on.

    So what must not be lost is written down whatever hangs before it. clock: monotonic s.
    """

    def __init__(self, total_s: float = STOP_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count now."""
        self._clock, self._until = clock, clock() + total_s

    def run(self, name: str, work: Callable[[], object], *, least_s: float = LEAST_S) -> bool:
        """Do `work` in a thread of its own; return what `run_all` does."""
        return self.run_all({name: work}, least_s=least_s)

    def run_all(self, works: Mapping[str, Callable[[], object]], *, least_s: float = LEAST_S) -> bool:
        """Do all side by side; return whether each ended in time, by itself, and none said False."""
        return self.finish(self.begin(works), least_s=least_s)

    def begin(self, works: Mapping[str, Callable[[], object]], *, wait_s: float = 0.0) -> Ending:
        """Begin to do all side by side and wait for wait_s at most; they go on until `finish`."""
        ending = Ending()

        def end(name: str, work: Callable[[], object]) -> None:
            try:
                ending.answers[name] = work() is not False
            except Exception:
                logger.exception("stopping: %s failed", name)
                ending.answers[name] = False

        for name, work in works.items():
            thread = threading.Thread(target=end, args=(name, work), name=f"stop-{name}", daemon=True)
            ending.threads[name] = thread
        for thread in ending.threads.values():
            thread.start()
        if wait_s > 0:
            ending.join(min(self._until, self._clock() + wait_s), self._clock)
        return ending

    def finish(self, ending: Ending, *, least_s: float = LEAST_S) -> bool:
        """Wait for what has begun to end; return what `run_all` does."""
        ending.join(max(self._until, self._clock() + least_s), self._clock)
        late = [name for name in ending.threads if name not in ending.answers]
        for name in late:  # it may wait for a thread inside a model, which must not be torn down
            join_native(ending.threads[name], 0)
        if late:
            logger.error("stopping takes too long; left behind: %s", ", ".join(late))
        return not late and all(ending.answers.values())
