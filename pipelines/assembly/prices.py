"""The live price service of a store, put together from its settings."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from pricing.live.offers import BadAnswer, Judge, NoRate
from pricing.live.remembered import NS_PER_HOUR, Freshness
from pricing.money import display
from pricing.sources import PriceSources

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, tzinfo
    from pathlib import Path

    from pipelines.assembly.basis import StoreBasis
    from pipelines.settings.prices import LivePricesConfig
    from pipelines.settings.root import Settings
    from pricing.live.live import LivePrices
    from pricing.live.rate_table import RateTable
    from pricing.live.remembered import Answer, Thing
    from pricing.live.services import PriceService
    from pricing.sources import PriceListSource
    from pricing.value import Price, Total

_FIRST_YEAR = 2020


def cache_file(settings: Settings, folder: Path) -> Path:
    """Return where a store's prices are remembered in the folder of its state."""
    return folder / f"prices-{settings.store.id}.db"


def build_freshness(settings: Settings) -> Freshness:
    """Return how long answers are good."""
    cache = settings.prices.cache
    return Freshness(*(hours * NS_PER_HOUR for hours in (cache.fresh_h, cache.stale_h, cache.unknown_h)))


def budget_day(now_ns: int, counted_ns: int, zone: tzinfo) -> date:
    """Return the day that a question counts for, from UTC ns: a wrong day has no budget of its own.

    counted_ns: the time that follows a step an hour later, see `StoreClock.counted_now`. A machine without a
    battery for its clock starts in 1970: that was wrong from the beginning, and is no day to wait for.
    """
    doubtful, now = (datetime.fromtimestamp(ns / 1e9, zone).date() for ns in (counted_ns, now_ns))
    return now if doubtful.year < _FIRST_YEAR else doubtful


def build_live(settings: Settings, *, basis: StoreBasis, spell: Callable[[str], str]) -> LivePrices | None:
    """Return what asks the store's price service, not yet started; None where the settings name none.

    settings: those in force, newer than those of the basis after a change. spell: a brand's normal form as
    people write it.
    """
    live, zone = settings.prices.live, settings.store.zone
    metrics, clock = basis.metrics, basis.clock
    if live is None:
        return None
    from pricing.live.cache import PriceCache  # noqa: PLC0415 only where it is used
    from pricing.live.live import RESULTS, LivePrices, LiveSpec  # noqa: PLC0415

    for result in RESULTS:
        metrics.price_lookups.labels(result)  # alerts watch counters from 0
    rates = _rates(settings)

    def today() -> date:
        return budget_day(clock.utc_now(), clock.counted_now(), zone)

    return LivePrices(
        _service(settings, live),
        _judge(settings, live, rates),
        PriceCache(
            cache_file(settings, basis.folder()),
            settings.prices.cache.max_mb * 1_000_000,
            clock.utc_now,
            expiry_ns=clock.expiry_now,
            max_days=settings.prices.cache.max_days,
        ),
        LiveSpec(build_freshness(settings), live.budget_per_day, live.timeout_s, live.retries),
        random=basis.random.random,
        today=today,
        spell=spell,
        on_result=lambda result: metrics.price_lookups.labels(result).inc(),
        rates=rates,
        now_ns=clock.utc_now,
    )


class StorePrices:
    """The price sources of a running store: its list, and its service, which this starts and stops.

    build: makes the service of settings, None where they name none. One thread changes it; any may ask.
    """

    def __init__(
        self,
        settings: Settings,
        listed: PriceListSource | None,
        build: Callable[[Settings], LivePrices | None],
    ) -> None:
        self._build, self._live = build, build(settings)
        self._sources = PriceSources(listed, self._live)

    def lookup(
        self, brand: str | None, type_: str | None, slot: str, model: str | None = None
    ) -> Price | None:
        """Return the price known now, see `PriceSources`; never waits."""
        return self._sources.lookup(brand, type_, slot, model)

    def start(self) -> None:
        """Begin to ask the service."""
        if self._live:
            self._live.start()

    def expire(self) -> None:
        """Delete the service's answers that have had their time."""
        if self._live:
            self._live.expire()

    def stop(self) -> None:
        """Ask no more."""
        if self._live:
            self._live.stop()

    def set_list(self, listed: PriceListSource | None) -> None:
        """Go on with another list."""
        self._sources.set_list(listed)

    def set_live(self, settings: Settings) -> None:
        """Go on with the service of these settings. The old one ends first: both keep one file."""
        self.stop()
        self._live = self._build(settings)
        self._sources.set_live(self._live)
        self.start()


def ask_once(settings: Settings, thing: Thing, brand: str) -> Answer:
    """Ask the store's service about one thing and wait; raises BadInput where it gives no sensible answer."""
    from pricing.live.http import Failure, HttpClient  # noqa: PLC0415 loads requests
    from pricing.live.live import WITHOUT_RATE, WORDS, answer_of  # noqa: PLC0415
    from pricing.live.services import ask  # noqa: PLC0415

    live = settings.prices.live
    if live is None:
        raise BadInput("no price service; name one under prices.live in the store file")
    client, rates, service = HttpClient(live.timeout_s), _rates(settings), _service(settings, live)
    rates.refresh(client)
    found, _ = ask(service, client, thing, brand)
    if isinstance(found, Failure):
        raise BadInput(f"price service {service.host} {WORDS[found]}")
    judge = _judge(settings, live, rates)()
    try:
        quote = judge.quote(thing.brand, found)
    except BadAnswer:
        raise BadInput(f"price service {service.host} {WORDS[Failure.GARBAGE]}") from None
    except NoRate:
        raise BadInput(f"price service {service.host} {WITHOUT_RATE}") from None
    return answer_of(thing, quote, judge.currency, service.source, time.time_ns())


def _service(settings: Settings, live: LivePricesConfig) -> PriceService:
    from pricing.live.services import DescribedService, OpenWebNinja  # noqa: PLC0415 loads requests

    currency = live.currency or settings.store.currency
    where = {"country": live.country, "language": live.language}
    own = live.service
    if own is not None:
        headers = {name: value.get_secret_value() for name, value in own.headers.items()}
        values = {**where, "currency": currency}
        return DescribedService(own.url, headers, own.paths, values=values, currency=currency)
    key = live.key.get_secret_value() if live.key else ""
    return OpenWebNinja(live.base_url, key, **where, currency=currency)


def _judge(settings: Settings, live: LivePricesConfig, rates: RateTable) -> Callable[[], Judge]:
    currency, min_amount, max_amount = settings.store.currency, live.least, live.most
    return lambda: Judge(currency, min_amount, max_amount, rates.current)


def _rates(settings: Settings) -> RateTable:
    from pricing.live.rate_table import RateTable  # noqa: PLC0415 loads requests

    given = settings.prices.rates
    return RateTable(given.table if given else None, given.feed if given else None)


def sum_text(sum_: Price | Total, locale: str = "en") -> str:
    """Write a price or a total for people."""
    return display(sum_.amount_minor, sum_.currency, locale)
