"""Cells on their way out: retained MQTT topics of the last day, and Prometheus counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricing.insights.collector import QUARTER_S
from probes.events.messages import Payload, rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from pipelines.floor.publisher import Publisher
    from pipelines.insights.file import InsightsFile
    from pricing.insights.cells import CountCell
    from probes.metrics import Metrics

SCHEMA = "msh.report/1"
DAY_S = 86_400
SECOND = 1_000_000_000


class ReportTopics:
    """Publishes cells under `report/{quarter}`: one retained topic for each quarter of an hour of a day, UTC.

    The topics together hold the last 24 hours, so who subscribes gets a whole day. A cell never changes: who
    stores them may store one twice and take it once. Places of heat maps are left out. origin: store, device.
    """

    def __init__(
        self, file: InsightsFile, publisher: Publisher, origin: tuple[str, str], currency: str, least: int
    ) -> None:
        self._file, self._publisher = file, publisher
        self._base = {"store": origin[0], "device": origin[1], "currency": currency, "min_count": least}

    def publish(self, start: int) -> None:
        """Publish the cells closed in the quarter that begins at `start`, UTC s; clear it without any."""
        cells = self._file.read(start, start + QUARTER_S, places=False)
        topic = report_topic(start)
        if cells:
            self._publisher.set_state(topic, self._payload(start, cells))
        else:
            self._publisher.clear_state(topic)

    def publish_closed(self, cells: Iterable[CountCell], start: int) -> None:
        """Publish the quarter that was closed, and earlier ones of the last day that got cells by that.

        What waits for the end of the day is about the time until enough were seen, hours before.
        """
        ended = {(cell.end - 1) // QUARTER_S * QUARTER_S for cell in cells}
        for quarter in sorted({start, *ended}):
            if start - DAY_S < quarter <= start:
                self.publish(quarter)

    def publish_day(self, now: int) -> None:
        """Publish the quarters of the last day that have cells: what a broker holds of others is cleared."""
        begun = now - now % QUARTER_S
        for start in range(begun - DAY_S + QUARTER_S, begun + 1, QUARTER_S):
            self.publish(start)

    def _payload(self, start: int, cells: Iterable[CountCell]) -> Payload:
        return {
            "schema": SCHEMA,
            **self._base,
            "start": rfc3339(start * SECOND),
            "end": rfc3339((start + QUARTER_S) * SECOND),
            "cells": [
                {
                    "measure": cell.measure,
                    "key": cell.key,
                    "start": rfc3339(cell.start * SECOND),
                    "end": rfc3339(cell.end * SECOND),
                    "count": cell.count,
                    "total": cell.total,
                }
                for cell in cells
            ],
        }


def report_topic(start: int) -> str:
    """Return the topic of the quarter of an hour that begins at `start`, UTC s.

    >>> report_topic(1_764_000_000), report_topic(1_764_000_000 + 900)
    ('report/1600', 'report/1615')
    """
    minutes = start % DAY_S // 60
    return f"report/{minutes // 60:02d}{minutes % 60 // 15 * 15:02d}"


class ReportCounters:
    """Adds cells to the counters `msh_report_*`. One thread.

    per_unit: minor units in one of the currency. zones: those that the store has, off cameras' too, each as
    camera/zone; one that is gone leaves no series, as with `msh_dwell_seconds`.
    """

    def __init__(self, metrics: Metrics, per_unit: int, zones: Callable[[], Container[str]]) -> None:
        self._series, self._per_unit, self._zones = metrics.report_series, per_unit, zones

    def expect(self, names: Iterable[tuple[str, str]]) -> None:
        """Begin series at 0: Prometheus sees no increase where one first shows with a value."""
        zones = self._zones()
        for measure, key in names:
            if (series := self._series.get(measure)) is not None and (measure != "zone" or key in zones):
                series.add(key, 0, 0)

    def add(self, cells: Iterable[CountCell]) -> None:
        """Count cells, and forget zones that are gone."""
        zones = self._zones()
        self._series["zone"].keep_only(zones)
        for cell in cells:
            is_gone = cell.measure == "zone" and cell.key not in zones
            if (series := self._series.get(cell.measure)) is not None and not is_gone:
                per = self._per_unit if series.money else 1
                series.add(cell.key, cell.count, (cell.total or 0) / per)
