"""The sales desk of a store that names its staff."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipelines.sales.file import SaleFile
from pipelines.sales.floor_desk import FloorDesk
from pricing.money import display, exponent
from pricing.sales.desk import SalesDesk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor, Publisher
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


def sale_file(settings: Settings, folder: Path) -> Path:
    """Return where open offers and events that are not delivered lie."""
    return folder / f"sales-{settings.store.id}.db"


def build_desk(
    settings: Settings,
    device: str,
    floor: Floor,
    publisher: Publisher,
    *,
    folder: Callable[[], Path],
    metrics: Metrics,
    clock: StoreClock,
    getrandbits: Callable[[int], int],
) -> FloorDesk | None:
    """Return the desk, not started; None where the settings name no staff."""
    if settings.staff is None:
        return None
    store = settings.store
    money = partial(display, currency=store.currency, locale=store.locale)
    return FloorDesk(
        SalesDesk(settings.staff.members(), settings.staff.rules(store.currency), money),
        SaleFile(sale_file(settings, folder()), clock.now),
        floor,
        publisher,
        metrics,
        store=store.id,
        device=device,
        currency=store.currency,
        minor_per_unit=10 ** exponent(store.currency),
        run=f"{getrandbits(20):05x}",
        now=clock.now,
        utc=clock.utc,
        getrandbits=getrandbits,
    )
