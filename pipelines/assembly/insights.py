"""What counts a running store's visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState
from pipelines.insights.days import insights_path
from pipelines.insights.file import InsightsFile
from pipelines.insights.publication import ReportCounters, ReportTopics
from pipelines.insights.recorder import InsightsRecorder
from pricing.money import exponent

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from pipelines.assembly.basis import StoreBasis
    from pipelines.cameras.states import CameraStatus
    from pipelines.cameras.throttle import Throttle
    from pipelines.floor.floor import Floor
    from pipelines.floor.publisher import Publisher
    from pipelines.settings.root import Settings


def build_insights(
    basis: StoreBasis,
    floor: Floor,
    cameras: Callable[[], Mapping[str, CameraStatus]],
    throttle: Throttle,
    *,
    publisher: Publisher,
    zones: Callable[[], Container[str]],
) -> InsightsRecorder | None:
    """Return the recorder, and set the topics of the last day; None where the settings keep nothing.

    zones: as for `ReportCounters`.
    """
    settings, clock = basis.settings, basis.clock
    if not settings.privacy.report_days:
        return None
    store, least = settings.store, settings.privacy.report_min_count
    file = InsightsFile(insights_path(settings, basis.folder()), clock.now)
    topics = ReportTopics(file, publisher, (store.id, basis.device), store.currency, least)
    topics.publish_day(clock.utc_now() // 1_000_000_000)
    per_unit = 10 ** exponent(store.currency)
    counters = ReportCounters(basis.metrics, per_unit, zones)
    counters.expect(file.names())

    return InsightsRecorder(
        file,
        floor.snapshot,
        lambda: cameras_up(cameras(), throttle),
        now_ns=clock.utc_now,
        expiry_ns=clock.expiry_now,
        zone=store.timezone,
        least=least,
        days=settings.privacy.report_days,
        per_unit=per_unit,
        on_cells=(topics.publish_closed, lambda cells, _: counters.add(cells)),
    )


def zones_of(settings: Settings) -> frozenset[str]:
    """Return all zones as camera/zone, off cameras' too."""
    return frozenset(f"{name}/{zone}" for name, camera in settings.cameras.items() for zone in camera.zones)


def cameras_up(cameras: Mapping[str, CameraStatus], throttle: Throttle) -> dict[str, bool]:
    """Return whose pictures come and are looked at: in a suspended camera nobody is counted."""
    return {
        name: status.state is CameraState.LIVE and name not in throttle.suspended
        for name, status in cameras.items()
    }
