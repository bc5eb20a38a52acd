"""The end of a running store: its parts end one after another or side by side, by one common moment."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from engines.native_threads import join_native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

STOP_S: Final = 12.0
"""For all parts; each gets its least time besides. Together well under TimeoutStopSec of the unit (30)."""
LEAST_S: Final = 1.0
"""What each part gets however late it is: most need milliseconds."""


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
        answers: dict[str, bool] = {}

        def end(name: str, work: Callable[[], object]) -> None:
            try:
                answers[name] = work() is not False
            except Exception:
                logger.exception("stopping: %s failed", name)
                answers[name] = False

        threads = {
            name: threading.Thread(target=end, args=(name, work), name=f"stop-{name}", daemon=True)
            for name, work in works.items()
        }
        for thread in threads.values():
            thread.start()
        until = max(self._until, self._clock() + least_s)
        for thread in threads.values():
            thread.join(max(0.0, until - self._clock()))
        late = [name for name in works if name not in answers]
        for name in late:  # it may wait for a thread inside a model, which must not be torn down
            join_native(threads[name], 0)
        if late:
            logger.error("stopping takes too long; left behind: %s", ", ".join(late))
        return not late and all(answers.values())
