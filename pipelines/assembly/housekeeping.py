"""What a store checks now and then: files that are too old, brands that have changed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipelines.access_log import access_file, expire_others
from pipelines.former_files import KINDS, PRICES, FormerFiles
from pipelines.outputs.retention import Retention
from pipelines.paths import state_folder
from pipelines.settings.privacy import REPORT_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.brands.registry import BrandRegistry
    from pipelines.clock import StoreClock
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics
    from probes.recognition.look_workers import LookWorkers


def build_retention(
    settings: Settings, metrics: Metrics, clock: StoreClock, *, tidy: Callable[[], object]
) -> Retention:
    """Return it; `check` it now and then. tidy: what else deletes by age, called with it."""
    own, days = access_file(settings.store.id, state_folder()), settings.privacy.access_log_days

    def now_s() -> float:
        return clock.expiry_now() / 1e9

    return Retention(
        settings.outputs,
        metrics,
        now_s=now_s,
        clock=time.monotonic,
        state=state_folder(),
        ahead=state_folder() / f"files-ahead-{settings.store.id}.json",
        tidy=(
            tidy,
            lambda: expire_others(own, clock.expiry_now(), days),
            FormerFiles(state_folder(), settings.store.id, _days_of_former(settings), now_s).expire,
        ),
    )


def _days_of_former(settings: Settings) -> dict[str, int]:
    """Return how many days what a store keeps may get old, by kind: as long as counts, where nothing says."""
    longest = settings.privacy.report_days or REPORT_DAYS
    return {**dict.fromkeys(KINDS, longest), PRICES: settings.prices.cache.max_days}


def take_up_brands(brands: BrandRegistry, looks: LookWorkers, on_change: Callable[[], object]) -> None:
    """Look for brands that were changed. on_change: not called where they are read for the first time."""
    had_brands = bool(brands.targets)
    if brands.poll():
        looks.set_targets(brands.targets)
        if had_brands:
            on_change()
