"""Finds out that the machine's clock was set, has earlier messages corrected, and keeps the time on disk."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.clock import StoreClock
    from pipelines.clock_file import ClockFile
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)


class ClockCheck:
    """Checks a store's clock; from one thread. on_step: as for `StoreClock.check`."""

    def __init__(
        self,
        clock: StoreClock,
        metrics: Metrics,
        file: ClockFile,
        on_step: Callable[[int], None] | None = None,
    ) -> None:
        self._clock, self._metrics, self._file, self._on_step = clock, metrics, file, on_step

    def check(self) -> None:
        """Check once; where the clock was set, correct, count and log it."""
        if step := self._clock.check(self._on_step):
            self._tell(step)
        self._file.check()

    def _tell(self, step: int) -> None:
        way = "forward" if step > 0 else "back"
        text = "the machine's clock was set %s by %.1f s; times are corrected"
        logger.warning(text, way, abs(step) / 1e9, extra=news("clock_set", seconds=round(step / 1e9, 1)))
        self._metrics.clock_steps.labels(way).inc()
