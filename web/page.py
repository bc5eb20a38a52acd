"""The page of a store, put together for `msh run` and `msh web`."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING

from engines.paths import CONFIGS
from pipelines.access_log import AccessLog, access_file
from pipelines.brands.enrol import build_enroller
from pipelines.brands.enrolled_cache import EnrolledCache
from pipelines.brands.gallery import BrandReader
from pipelines.brands.snapshot import GallerySnapshot
from pipelines.clock import StoreClock
from pipelines.clock_file import clock_path, go_on
from pipelines.logs import ScrubFilter
from pipelines.outputs.fragments import FragmentOutput
from pipelines.outputs.live import LiveOutput
from pipelines.paths import state_folder
from pipelines.settings.brands import BrandsConfig
from pricing.catalogue.catalogue import load
from probes.reason import Reason
from web.backend import Backend, PriceSource
from web.recent import Recent
from web.server import PageServer
from web.uploads.child import GARMENTS_OPTION, NO_GARMENTS, list_option

if TYPE_CHECKING:
    import socket

    from pipelines.logs import SecretScrubber
    from pipelines.outputs.base import FrameSink
    from pipelines.outputs.watching import LiveViewers
    from pipelines.settings.root import Settings
    from pipelines.store import Store
    from probes.metrics import Metrics

EXAMPLE_PRICES = CONFIGS / "prices.csv"


@dataclass(frozen=True, slots=True)
class PageOutputs:
    """The outputs that feed the page: single pictures, and film."""

    pictures: LiveOutput
    film: FragmentOutput

    @property
    def sinks(self) -> tuple[FrameSink, ...]:
        """Both, for the store's frames."""
        return self.pictures, self.film


def page_outputs(settings: Settings) -> PageOutputs | None:
    """Return the outputs that feed the page; None where the store has no page."""
    if settings.outputs.web is None:
        return None
    cameras = settings.enabled_cameras()
    rates = {name: max(1, round(camera.fps)) for name, camera in cameras.items()}
    return PageOutputs(LiveOutput(cameras), FragmentOutput(rates))


def page_of(
    store: Store,
    settings: Settings,
    metrics: Metrics,
    outputs: PageOutputs,
    scrubber: SecretScrubber,
    *,
    listener: socket.socket | None = None,
) -> PageServer:
    """Return the page of a running store, not yet started; BadInput where its address cannot be had.

    listener: a socket that listens on that address already.
    """

    def prices() -> tuple[PriceSource, ...]:
        listed, path = store.brands.catalogue, store.settings.prices.catalogue
        if listed is None or path is None:
            return ()
        count, brands = len(listed.current), len(listed.current.names)
        fine = Reason(f"{count} prices of {brands} brands", why="prices", count=count, brands=brands)
        words = listed.problem or fine
        return (PriceSource("catalogue", path.name, listed.problem is None, words),)

    live, film = _live_of(store, outputs)
    backend = Backend(
        settings,
        metrics,
        live=live,
        film=film,
        floor=store.floor,
        desk=store.desk,
        insights=store.insights,
        platform=store.platform.name,
        gpu_unused=store.platform.gpu_unused,
        cameras=store.cameras,
        utc=store.clock.utc,
        health=store.health,
        ready=store.ready,
        brand=store.brand,
        locale=settings.store.locale,
        prices=prices,
        events=_recent(scrubber).newest_first,
        worker=_worker(settings),
        brands=GallerySnapshot(lambda: store.brands.gallery).data,
        store_file=lambda: store.reload_report,
        reload=store.reload,
        try_camera=store.try_camera,
        hide_in_log=scrubber.add,
        access=store.access,
        restarts=lambda: store.restarts,
        restart=store.restart,
    )

    def use(changed: Settings) -> None:
        backend.settings, backend.worker = changed, _worker(changed)

    store.on_settings(use)
    return PageServer(backend, state_folder() / "page", listener=listener)


def _live_of(store: Store, outputs: PageOutputs) -> tuple[LiveViewers, FragmentOutput | None]:
    """Return the page's sources of pictures and film; DeepStream has its own, for pictures only."""
    if store.platform.name != "deepstream":
        return outputs.pictures, outputs.film
    from pipelines.deepstream.platform import DeepStreamPlatform  # noqa: PLC0415
    from pipelines.deepstream.runtime.live import DeepStreamLive  # noqa: PLC0415 loads DeepStream's GStreamer

    if not isinstance(store.platform, DeepStreamPlatform):
        raise TypeError("not the platform that it says it is")
    outputs.pictures.close()
    outputs.film.close()
    return DeepStreamLive(store.platform.outputs), None


def page_alone(settings: Settings, metrics: Metrics, scrubber: SecretScrubber) -> PageServer:
    """Return the page without a store: uploads, and zones and masks; BadInput as above."""
    prices = settings.price_list()
    names = (load(EXAMPLE_PRICES) if prices is None else prices).names
    handover = GallerySnapshot(
        BrandReader(settings.gallery or BrandsConfig(), build_enroller, EnrolledCache.of_this_machine()).read
    )

    def brand(key: str) -> str:
        book = handover.current.book.with_listed(names)
        listed = (name for name in names.values() if book.key_of(name) == key)
        return next(listed, book.name(key))

    clock = StoreClock()
    go_on(clock, clock_path(settings.store.id, state_folder()))

    def expiry_ns() -> int:
        clock.check()
        return clock.expiry_now()

    access = AccessLog(
        access_file(settings.store.id, state_folder()),
        days=settings.privacy.access_log_days,
        now_ns=time.time_ns,
        expiry_ns=expiry_ns,
        getrandbits=SystemRandom().getrandbits,
        metrics=metrics,
    )
    backend = Backend(
        settings,
        metrics,
        access=access,
        brand=brand,
        locale=settings.store.locale,
        events=_recent(scrubber).newest_first,
        worker=_worker(settings),
        brands=handover.data,
    )
    page = PageServer(backend, state_folder() / "page", on_stop=access.close)
    access.start()
    return page


def _worker(settings: Settings) -> tuple[str, ...]:
    """Return the command that annotates uploads; nothing where they are off."""
    if not (settings.outputs.web and settings.outputs.web.uploads):
        return ()
    garments = settings.models.garments.name if settings.models.garments else NO_GARMENTS
    command = (sys.executable, "-m", "web.uploads.child", f"{GARMENTS_OPTION}{garments}")
    if settings.prices.catalogue is None:
        return (*command, str(EXAMPLE_PRICES))
    written = list_option(settings.store.currency, settings.prices.format.notation, settings.store.timezone)
    return (*command, written, str(settings.prices.catalogue))


def _recent(scrubber: SecretScrubber) -> Recent:
    recent = Recent()
    recent.addFilter(ScrubFilter(scrubber))
    logging.getLogger().addHandler(recent)
    return recent
