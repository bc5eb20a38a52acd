"""What a running store does once a second, in a thread of its own: checks, and changes of the store file."""

from __future__ import annotations

import logging
import math
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from pipelines.guarded import GuardedSteps
from pipelines.paths import state_problem
from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelines.reload.reloader import Reloader
    from pipelines.reload.report import ReloadReport
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

HOUSEKEEPING_S: Final = 1.0
STATE_CHECK_S: Final = 60.0
JOIN_S: Final = 5.0


class Housekeeper:
    """Runs `steps` once a second, the reloader also when somebody asks. `start`, `halt`, `join`, each once.

    on_reload: called with the report where the store file was read and something in it had changed.
    """

    def __init__(
        self,
        reloader: Reloader,
        metrics: Metrics,
        steps: Mapping[str, Callable[[], object]],
        on_reload: Callable[[ReloadReport], None],
    ) -> None:
        self._reloader, self._steps, self._on_reload = reloader, steps, on_reload
        self._guarded = GuardedSteps(metrics)
        self._changing, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def halt(self, timeout_s: float) -> bool:
        """Begin no change of settings any more; return whether one that was under way has ended in time."""
        self._stop.set()
        self._reloader.wake()
        ended = self._changing.acquire(timeout=timeout_s)
        if ended:
            self._changing.release()
        return ended

    def join(self) -> None:
        """Wait, not for ever, until the thread has ended."""
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        due = time.monotonic() + HOUSEKEEPING_S
        while not self._stop.is_set():
            self._reloader.wait(due - time.monotonic())
            tick = time.monotonic() >= due
            with self._changing:
                if not self._stop.is_set():
                    self._guarded.run("reload", partial(self._reload_if_due, tick))
            if tick:
                due = time.monotonic() + HOUSEKEEPING_S
                for name, step in self._steps.items():
                    self._guarded.run(name, step)

    def _reload_if_due(self, tick: bool) -> None:
        if self._reloader.check(watch=tick):
            self._on_reload(self._reloader.report)


class StateFolderCheck:
    """Tries once a minute whether the state folder can be written: a metric, and a log line on a change."""

    def __init__(self, metrics: Metrics) -> None:
        self._metric, self._checked_at = metrics.state_writable, -math.inf
        self._outage = Outage(
            logger,
            "state folder cannot be written: what is not written does not outlive a restart;"
            " free space or set STATE_DIRECTORY",
            "state folder can be written again",
        )

    def check(self) -> None:
        """Look, where a minute has passed since."""
        now = time.monotonic()
        if now - self._checked_at < STATE_CHECK_S:
            return
        self._checked_at = now
        problem = state_problem()
        self._metric.set(not problem)
        if problem:
            self._outage.fail(problem, cause=problem)
        else:
            self._outage.recover()
