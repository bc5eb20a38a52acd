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
    from pathlib import Path

    from pipelines.assembly.basis import StoreBasis
    from pipelines.clock import StoreClock
    from pipelines.floor.floor import Floor
    from pipelines.floor.publisher import Publisher
    from pipelines.settings.root import Settings


def sale_file(settings: Settings, folder: Path) -> Path:
    """Return where open offers and events that are not delivered lie."""
    return folder / f"sales-{settings.store.id}.db"


def build_desk(basis: StoreBasis, floor: Floor, publisher: Publisher) -> FloorDesk | None:
    """Return the desk, not started; None where the settings name no staff."""
    settings, clock = basis.settings, basis.clock
    file = sale_file(settings, basis.folder())
    if settings.staff is None:
        _forget_phones(file, clock)
        return None
    store, getrandbits = settings.store, basis.random.getrandbits
    money = partial(display, currency=store.currency, locale=store.locale)
    return FloorDesk(
        SalesDesk(settings.staff.members(), settings.staff.rules(store.currency), money),
        SaleFile(file, clock.now),
        floor,
        publisher,
        basis.metrics,
        store=store.id,
        device=basis.device,
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
