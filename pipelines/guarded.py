"""Steps of the housekeeping, of which one that fails does not end the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from pricing.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.metrics import Metrics

logger = logging.getLogger(__name__)

LISTENER: Final = "listener"
STEPS: Final = (
    "reload",
    LISTENER,
    "brands",
    "clock",
    "overload",
    "status",
    "summary",
    "state_folder",
    "retention",
    "insights",
)
"""Label `step` of `msh_housekeeping_failures_total`."""


class GuardedSteps:
    """Runs steps by their names. A failure is counted; it is logged when it begins or differs. One thread."""

    def __init__(self, metrics: Metrics) -> None:
        self._failures = metrics.housekeeping_failures
        self._outages = {
            step: Outage(
                logger,
                f"housekeeping: step {step} failed, it is tried again",
                f"housekeeping: step {step} works again",
            )
            for step in STEPS
        }
        for step in STEPS:
            self._failures.labels(step)

    def run(self, step: str, work: Callable[[], object]) -> None:
        """Do a step; whatever fails in it ends here."""
        try:
            work()
        except Exception as error:  # noqa: BLE001 that is what this is for: it is logged with its traceback
            self._failures.labels(step).inc()
            self._outages[step].fail(cause=repr(error)[:200], error=error)
        else:
            self._outages[step].recover()
