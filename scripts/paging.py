"""The page of a store, put together for `msh run` and `msh web`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.outputs.live import LiveOutput
from pipelines.store import state_folder
from pricing.catalogue import load
from scripts.log import RedactFilter
from web.backend import Backend, PriceSource
from web.recent import Recent
from web.server import PageServer

if TYPE_CHECKING:
    from pipelines.outputs.watching import Live
    from pipelines.settings.root import Settings
    from pipelines.store import Store
    from probes.measure import Metrics
    from scripts.log import Redactor

EXAMPLE_PRICES = Path(__file__).resolve().parent.parent / "configs" / "prices.csv"


def live_output(settings: Settings) -> LiveOutput | None:
    """Return the output that feeds the page; None where the store has no page."""
    return LiveOutput(settings.enabled_cameras()) if settings.outputs.web else None


def page_of(
    store: Store, settings: Settings, metrics: Metrics, live: LiveOutput, redactor: Redactor
) -> PageServer:
    """Return the page of a running store, not yet started; BadInput where its address cannot be had."""

    def prices() -> tuple[PriceSource, ...]:
        listed, path = store.catalogue, settings.prices.catalogue
        if listed is None or path is None:
            return ()
        words = listed.problem or f"{len(listed.current)} prices of {len(listed.current.names)} brands"
        return (PriceSource("catalogue", path.name, listed.problem is None, words),)

    backend = Backend(
        settings,
        metrics,
        live=_live_of(store, live),
        floor=store.floor,
        platform=store.platform.name,
        cameras=store.platform.cameras,
        health=store.health,
        ready=store.ready,
        brand=store.brand,
        locale=settings.store.locale,
        prices=prices,
        events=_recent(redactor).newest_first,
        worker=_worker(settings),
    )
    return PageServer(backend, state_folder() / "page")


def _live_of(store: Store, live: LiveOutput) -> Live:
    """Return what gives the page its pictures: DeepStream makes its own, behind its redaction."""
    if store.platform.name != "deepstream":
        return live
    from pipelines.deepstream.live import DeepStreamLive  # noqa: PLC0415 loads DeepStream's GStreamer
    from pipelines.deepstream.platform import DeepStreamPlatform  # noqa: PLC0415

    if not isinstance(store.platform, DeepStreamPlatform):
        raise TypeError("not the platform that it says it is")
    live.close()
    return DeepStreamLive(store.platform.outputs)


def page_alone(settings: Settings, metrics: Metrics, redactor: Redactor) -> PageServer:
    """Return the page without a store: uploads, and zones and masks; BadInput as above."""
    names = load(settings.prices.catalogue or EXAMPLE_PRICES).names
    backend = Backend(
        settings,
        metrics,
        brand=lambda brand: names.get(brand, brand),
        locale=settings.store.locale,
        events=_recent(redactor).newest_first,
        worker=_worker(settings),
    )
    return PageServer(backend, state_folder() / "page")


def _worker(settings: Settings) -> tuple[str, ...]:
    """Return the command that annotates uploads; nothing where they are off."""
    if not (settings.outputs.web and settings.outputs.web.uploads):
        return ()
    prices = settings.prices.catalogue or EXAMPLE_PRICES
    return (sys.executable, "-m", "scripts.page_worker", str(prices))


def _recent(redactor: Redactor) -> Recent:
    recent = Recent()
    recent.addFilter(RedactFilter(redactor))
    logging.getLogger().addHandler(recent)
    return recent
