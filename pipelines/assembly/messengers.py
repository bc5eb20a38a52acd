"""The messengers of a store file: services, threads, texts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipelines.outputs.messengers.announcer import Announcer, Audience
from pipelines.outputs.messengers.crops import MaskedCrops
from pipelines.outputs.messengers.messenger import RESULTS, Messenger
from pipelines.outputs.messengers.service import MessengerService
from pipelines.outputs.messengers.words import words_of
from pricing.item_words import item_words
from pricing.money import display

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.settings.root import Settings
    from probes.metrics import Metrics


class StoreMessengers:
    """The messengers of a store, and what tells them; not started. Changed by one thread."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        *,
        brand: Callable[[str], str],
        now_ns: Callable[[], int],
    ) -> None:
        """brand: writes a brand for people. now_ns: UTC ns."""
        self._metrics = metrics
        self._running: dict[str, tuple[str, Messenger]] = {}
        store = settings.store
        self.announcer = Announcer(
            self._audiences(settings),
            words_of(store.locale),
            worn=item_words(store.locale),
            money=partial(display, currency=store.currency, locale=store.locale),
            brand=brand,
            accept_s=_accept_s(settings),
            crops=MaskedCrops(settings.enabled_cameras()),
            now_ns=now_ns,
        )

    def reconfigure(self, settings: Settings) -> None:
        """Go on with the messengers of these settings; one whose URL stays goes on, with what waits in it."""
        before = set(self._running)
        self.announcer.reconfigure(self._audiences(settings), _accept_s(settings))
        for name in before - set(self._running):
            for result in RESULTS:
                self._metrics.messenger_messages.remove(name, result)

    def _audiences(self, settings: Settings) -> list[Audience]:
        found = settings.outputs.messengers or {}
        running = {}
        for name, one in found.items():
            url = one.url.get_secret_value()
            was, messenger = self._running.get(name, ("", None))
            if messenger is None or url != was:
                messenger = Messenger(name, partial(MessengerService, url), self._metrics)
            running[name] = url, messenger
        self._running = running
        return [
            Audience(
                running[name][1],
                frozenset(one.about),
                frozenset(one.staff),
                picture=one.picture == "masked",
            )
            for name, one in found.items()
        ]


def _accept_s(settings: Settings) -> float:
    return settings.staff.accept_within_s if settings.staff else 0
