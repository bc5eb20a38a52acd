"""The messengers of a store file: services, threads, texts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipelines.outputs.messengers.announcer import Announcer, Audience
from pipelines.outputs.messengers.messenger import Messenger
from pipelines.outputs.messengers.service import MessengerService
from pipelines.outputs.messengers.words import words_of
from pricing.money import display

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.outputs.messengers.crops import MaskedCrops
    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


def _masked_crops(settings: Settings) -> MaskedCrops | None:
    """Return the output that cuts customers out of masked frames; None where no messenger wants a picture."""
    if all(one.picture == "none" for one in (settings.outputs.messengers or {}).values()):
        return None
    from pipelines.outputs.messengers.crops import MaskedCrops  # noqa: PLC0415 loads OpenCV

    return MaskedCrops(settings.enabled_cameras())


def build_announcer(
    settings: Settings,
    metrics: Metrics,
    *,
    brand: Callable[[str], str],
    utc_now: Callable[[], int],
) -> Announcer:
    """Return what tells the messengers, not started; it tells nobody where the settings name none."""
    store, crops = settings.store, _masked_crops(settings)
    audiences = [
        Audience(
            Messenger(name, partial(MessengerService, one.url.get_secret_value()), metrics),
            frozenset(one.about),
            frozenset(one.staff),
            picture=one.picture == "masked",
        )
        for name, one in (settings.outputs.messengers or {}).items()
    ]
    accept_s = settings.staff.accept_within_s if settings.staff else 0
    return Announcer(
        audiences,
        words_of(store.locale),
        money=partial(display, currency=store.currency, locale=store.locale),
        brand=brand,
        accept_s=accept_s,
        crops=crops,
        utc_now=utc_now,
    )
