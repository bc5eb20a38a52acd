"""`_created` of OpenMetrics: since when each counter, histogram and summary counts.

prometheus_client's own would be samples of every metric for whoever reads them in this program, and further
gauges in the plain format; here they are added to the OpenMetrics answer alone.
"""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry

_KINDS: Final = ("counter", "histogram", "summary")
_OF_POINT: Final = ("le", "quantile")
STEP_S: Final = 1.0
"""By so much the machine's clock must have been set for another time to be told: a new one means a reset."""


class CreatedView:
    """A registry's metrics with `_created`: all count since this was made."""

    def __init__(
        self,
        registry: CollectorRegistry,
        now_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry, self._now_s, self._clock = registry, now_s, clock
        self._begun, self._since = clock(), now_s()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as a registry does; from any thread."""
        since = self._now_s() - (self._clock() - self._begun)
        if abs(since - self._since) >= STEP_S:
            self._since = since
        for family in self._registry.collect():
            yield self._with_created(family) if family.type in _KINDS else family

    def _with_created(self, family: Metric) -> Metric:
        found = Metric(family.name, family.documentation, family.type, family.unit)
        for labels, points in groupby(family.samples, _series):
            found.samples += [*points, Sample(f"{family.name}_created", dict(labels), self._since)]
        return found


def _series(sample: Sample) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in sample.labels.items() if name not in _OF_POINT)
