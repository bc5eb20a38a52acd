"""The floor of a store with its price list and its record, as the store file describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.floor.plan import build_floor, open_record, plan_of
from pricing.catalogue.reload import CatalogueFile

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.assembly.basis import StoreBasis
    from pipelines.brands.registry import BrandRegistry
    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor
    from pipelines.floor.plan import FloorPlan
    from pipelines.floor.publisher import Publisher
    from pipelines.outputs.journal.writer import JournalWriter
    from pipelines.settings.root import Settings
    from pricing.ledger.lookup_once import Lookup
    from probes.events.status import Summaries


def load_catalogue(settings: Settings) -> CatalogueFile | None:
    """Return the store's price list, None where it has none. Raises BadInput."""
    prices = settings.prices
    if prices.catalogue is None:
        return None
    currency, notation = settings.store.currency, prices.format.notation
    return CatalogueFile(prices.catalogue, currency, settings.store.today, notation)


def build_store_floor(
    basis: StoreBasis,
    *,
    lookup: Lookup,
    brands: BrandRegistry,
    summaries: Summaries,
    publisher: Publisher,
    record: Path | None = None,
) -> Floor:
    """Return the floor, nobody on it yet. record: where its metadata goes, instead of the settings' place."""
    settings, clock = basis.settings, basis.clock
    plan = plan_of(settings, basis.device, brands.book.staff)
    return build_floor(
        plan,
        lookup,
        summaries=summaries,
        publisher=publisher,
        metrics=basis.metrics,
        getrandbits=basis.random.getrandbits,
        brand=brands.spell,
        journal=_open_record(settings, record, plan, clock),
        utc=clock.utc,
        locale=settings.store.locale,
    )


def _open_record(
    settings: Settings, record: Path | None, plan: FloorPlan, clock: StoreClock
) -> JournalWriter | None:
    metadata = settings.outputs.metadata
    if record is not None:
        return open_record(record, plan)
    if metadata is None:
        return None
    return open_record(
        metadata.file,
        plan,
        metadata.max_mb,
        metadata.max_hours,
        insist=True,
        expiry_s=lambda: clock.expiry_now() / 1e9,
    )
