"""The sales desk of a store that names its staff."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipelines.sales.file import SaleFile
from pipelines.sales.floor_desk import FloorDesk
from pipelines.sales.phones import StaffPhones
from pricing.money import display, exponent
from pricing.sales.desk import SalesDesk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor
    from pipelines.floor.publisher import Publisher
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
        _forget_phones(sale_file(settings, folder()), clock)
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
        now_ns=clock.now,
        utc=clock.utc,
        getrandbits=getrandbits,
    )


def _forget_phones(path: Path, clock: StoreClock) -> None:
    """Delete PINs, phones and customers' places of a staff that the settings do not name any more."""
    if not path.is_file():
        return
    file = SaleFile(path, clock.now)
    StaffPhones(file, lambda: clock.utc_now() // 1_000_000_000).keep_only(())
    file.forget_places()
    file.close()
