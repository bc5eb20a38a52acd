"""The live price service of a store, put together from its settings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pricing.known import NS_PER_HOUR, Freshness
from pricing.offers import Judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from pipelines.settings.prices import Live
    from pipelines.settings.root import Settings
    from probes.measure import Metrics
    from probes.prices.live import LivePrices
    from probes.prices.services import Service


def cache_file(settings: Settings, folder: Path) -> Path:
    """Return where a store's prices are remembered in the folder of its state."""
    return folder / f"prices-{settings.store.id}.db"


def build_service(settings: Settings, live: Live) -> Service:
    """Return the service that the settings name."""
    from probes.prices.services import DescribedService, OpenWebNinja  # noqa: PLC0415 loads requests

    currency = live.currency or settings.store.currency
    where = {"country": live.country, "language": live.language}
    if live.service is not None:
        headers = {name: value.get_secret_value() for name, value in live.service.headers.items()}
        values = {**where, "currency": currency}
        return DescribedService(
            live.service.url, headers, live.service.paths, values=values, currency=currency
        )
    key = live.key.get_secret_value() if live.key else ""
    return OpenWebNinja(live.base_url, key, **where, currency=currency)


def build_live(
    settings: Settings,
    *,
    metrics: Metrics,
    spell: Callable[[str], str],
    folder: Callable[[], Path],
    now: Callable[[], int],
    random: Callable[[], float],
) -> LivePrices | None:
    """Return what asks the store's price service, not yet started; None where the settings name none.

    spell: a brand's normal form as people write it. folder: of what must outlive a restart.
    """
    live, cache = settings.prices.live, settings.prices.cache
    if live is None:
        return None
    from probes.prices.cache import PriceCache  # noqa: PLC0415 only where it is used
    from probes.prices.live import LivePrices, LiveSpec  # noqa: PLC0415
    from probes.prices.rates import RateTable  # noqa: PLC0415

    given, currency, zone = settings.prices.rates, settings.store.currency, settings.store.zone
    least, most = live.least, live.most
    rates = RateTable(given.table if given else None, given.feed if given else None)

    def today() -> date:
        return datetime.fromtimestamp(now() / 1e9, zone).date()

    return LivePrices(
        build_service(settings, live),
        lambda: Judge(currency, least, most, rates.current),
        PriceCache(cache_file(settings, folder()), cache.max_mb * 1_000_000, now),
        LiveSpec(
            Freshness(
                cache.fresh_h * NS_PER_HOUR, cache.stale_h * NS_PER_HOUR, cache.unknown_h * NS_PER_HOUR
            ),
            live.budget_per_day,
            live.timeout_s,
            live.retries,
        ),
        random=random,
        today=today,
        spell=spell,
        on_result=lambda result: metrics.price_lookups.labels(result).inc(),
        rates=rates,
        now=now,
    )
