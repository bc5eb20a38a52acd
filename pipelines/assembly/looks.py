"""The looks at people's brands, for the brands of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.assembly.recognisers import build_live_recogniser
from probes.recognition.look_workers import LookWorkers

if TYPE_CHECKING:
    from pipelines.brands.registry import BrandRegistry
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


def build_looks(settings: Settings, brands: BrandRegistry, metrics: Metrics) -> LookWorkers:
    """Return the looks; where no brand can come to be looked for, no reader is loaded. Raises BadInput."""
    recognisers = []

    def loaded(model: str, precision: str) -> None:
        metrics.model_loaded.labels(model, precision).set(1)

    garments = settings.models.garments.name if settings.models.garments else None
    reads_brands = bool(brands.targets or settings.gallery)  # a brand may be added while it runs
    if reads_brands or garments:
        recognisers.append(
            build_live_recogniser(
                lambda route: metrics.look_failures.labels(route.value).inc(),
                brands=reads_brands,
                garments=garments,
                on_load=loaded,
            )
        )
    looks = LookWorkers(
        recognisers,
        brands.targets,
        on_result=lambda result: metrics.looks.labels(result.value).inc(),
        on_owed=metrics.count_owed_looks,
        min_votes=settings.prices.confirm.min_votes,
    )
    metrics.queue_depth.labels("looks").set_function(lambda: looks.depth)
    return looks
