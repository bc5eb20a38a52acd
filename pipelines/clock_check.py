"""Finds out that the machine's clock was set, and has the times of earlier messages corrected."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.clock import StoreClock
    from probes.metrics import Metrics

logger = logging.getLogger(__name__)


class ClockCheck:
    """Checks a store's clock; from one thread. on_step: as for `StoreClock.check`."""

    def __init__(
        self, clock: StoreClock, metrics: Metrics, on_step: Callable[[int], None] | None = None
    ) -> None:
        self._clock, self._metrics, self._on_step = clock, metrics, on_step

    def check(self) -> None:
        """Check once; where the clock was set, correct, count and log it."""
        step = self._clock.check(self._on_step)
        if not step:
            return
        way = "forward" if step > 0 else "back"
        text = "the machine's clock was set %s by %.1f s; times are corrected"
        logger.warning(text, way, abs(step) / 1e9, extra=news("clock_set", seconds=round(step / 1e9, 1)))
        self._metrics.clock_steps.labels(way).inc()
