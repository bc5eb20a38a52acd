"""What counts a running store's visits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState
from pipelines.insights.days import insights_path
from pipelines.insights.file import InsightsFile
from pipelines.insights.recorder import InsightsRecorder
from pricing.money import exponent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelines.cameras.states import CameraStatus
    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor
    from pipelines.settings.root import Settings


def build_insights(
    settings: Settings,
    floor: Floor,
    cameras: Callable[[], Mapping[str, CameraStatus]],
    *,
    folder: Callable[[], Path],
    clock: StoreClock,
) -> InsightsRecorder | None:
    """Return the recorder; None where the settings keep nothing."""
    if not settings.privacy.report_days:
        return None
    store = settings.store

    def up() -> dict[str, bool]:
        return {name: status.state is CameraState.LIVE for name, status in cameras().items()}

    return InsightsRecorder(
        InsightsFile(insights_path(settings, folder()), clock.now),
        floor.snapshot,
        up,
        now=clock.utc_now,
        zone=store.timezone,
        least=settings.privacy.report_min_count,
        days=settings.privacy.report_days,
        per_unit=10 ** exponent(store.currency),
    )
