"""`msh run CONFIG`: runs a store until a signal, then prints a report on each camera."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engines.free_memory import limit_kernels, share_arenas
from engines.native_threads import exit_by
from pipelines.backup import JOURNAL
from pipelines.cameras.shard import VARIABLE, Shard
from pipelines.cameras.states import CameraState
from pipelines.errors import BadInput
from pipelines.health import Health
from pipelines.logs import set_up_logging
from pipelines.paths import state_folder
from pipelines.private_process import make_private
from pipelines.service_manager import ServiceManager
from pipelines.settings.load import load_settings
from pipelines.state_lock import StateLock
from pipelines.stopping import Stopping
from pipelines.store import Store
from pricing.money import display
from probes.metrics import Metrics
from scripts.commands.log_arguments import add_log_arguments
from scripts.orders import forget_orders, heed, next_order
from web.metrics import MetricsServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from pipelines.logs import SecretScrubber
    from pipelines.settings.base import Address
    from pipelines.settings.root import Settings
    from pipelines.store_status import CameraReport
    from web.page import PageOutputs
    from web.server import PageServer
    from web.starting import StartingPage

logger = logging.getLogger(__name__)

WATCH_S = 0.25
SERVERS_S = 4.0
"""For the page and the metrics to end first; where a client holds them they end beside the cameras."""
EXIT_S = 26.0
"""From the order to stop until the process is gone; the unit's TimeoutStopSec is 30."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser("run", help="run a store", description=__doc__)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument(
        "--platform", choices=("auto", "cpu", "deepstream"), help="instead of the store file's"
    )
    parser.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds; else on Ctrl-C")
    parser.add_argument(
        "--shard", metavar="N/M", help="take this box's share of the cameras, the Nth of M boxes (2/5)"
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write what was seen, without pictures, for `msh replay`; 200 MB at most",
    )
    add_log_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the store; return 0 after a clean end, 1 where it failed or could not stop cleanly."""
    heed(signal.SIGHUP)
    make_private()
    share_arenas()
    limit_kernels()
    scrubber = set_up_logging(args.log, args.log_level, behind=True)
    settings = _load(args)
    scrubber.add(settings.secret_values())
    StateLock(state_folder(), settings.store.id)  # until this process ends
    for warning in settings.warnings:
        logger.warning("%s", warning)
    metrics = Metrics([state.value for state in CameraState])
    platform = args.platform or settings.platform.kind
    manager = ServiceManager(os.environ)
    startup = Startup()
    listen = settings.outputs.metrics.listen if settings.outputs.metrics else None
    early = [_server(listen, metrics, startup)] if listen is not None else []
    for probe in early:
        probe.start()
    starting = _starting_page(settings)
    try:
        outputs = _outputs(settings)
        sinks = outputs.sinks if outputs else ()
        store = Store(
            settings,
            metrics=metrics,
            platform=platform,
            record=args.record,
            sinks=sinks,
            on_read=lambda found: scrubber.add(found.secret_values()),
        )
    except BaseException:
        for probe in early:
            probe.stop()
        if starting is not None:
            starting.close()
        raise
    startup.store = store
    store.restarts = manager.restarts
    if args.record:
        logger.warning("people's places and items are written to %s, beyond the privacy report", args.record)
    heed(signal.SIGINT, signal.SIGTERM)
    servers: list[MetricsServer | PageServer] = [*early]
    try:
        if outputs is not None:
            listener = starting.hand_over() if starting else None
            page = _page(store, settings, metrics, outputs, scrubber, listener=listener)
            servers.append(page)
            page.start()
        store.start()
        died = _watch(store, args.duration, manager)
    finally:
        manager.stopping()
        clean = _stop(store, servers)
        forget_orders()
    print_report(store.report(), settings)
    if died:
        logger.error("stopped: the platform failed, see the error above")
    return int(died or not clean)


def _stop(store: Store, servers: Sequence[MetricsServer | PageServer]) -> bool:
    """End all in time; return whether nothing hung."""
    exit_by(time.monotonic() + EXIT_S)
    end = Stopping()
    ending = end.begin({type(server).__name__: server.stop for server in servers}, wait_s=SERVERS_S)
    clean = store.stop(end)
    return end.finish(ending, least_s=0.5) and clean


def _load(args: argparse.Namespace) -> Settings:
    _finish_restore(args.config)
    if args.shard:
        Shard.parse(args.shard)
        os.environ[VARIABLE] = args.shard  # who reads the store file again reads the same part of it
    return load_settings(args.config, env=os.environ)


def _finish_restore(config: Path) -> None:
    """Take a restore back that lost its power, so that no store runs on a half of it."""
    if not config.with_name(JOURNAL).exists():
        return
    from pipelines.backup.restore import undo, was_interrupted  # noqa: PLC0415 needed once in a box's life

    if was_interrupted(config):
        try:
            undo(config)
        except BadInput as error:
            logger.error("a restore was interrupted: run msh restore --undo %s as root (%s)", config, error)
        else:
            logger.warning("a restore was interrupted; what it replaced is back in place")


class Startup:
    """The health endpoint while the store is being built (seconds); then the store's own."""

    STARTING = Health(False, ("starting: models",))

    def __init__(self) -> None:
        self.store: Store | None = None

    def health(self) -> Health:
        """Return whether the store works."""
        return self.store.health() if self.store else self.STARTING

    def ready(self) -> Health:
        """Return whether the store has been started."""
        return self.store.ready() if self.store else self.STARTING


def _server(listen: Address, metrics: Metrics, startup: Startup) -> MetricsServer:
    return MetricsServer(
        listen.host, listen.port, metrics.registry, health=startup.health, ready=startup.ready
    )


def _outputs(settings: Settings) -> PageOutputs | None:
    if settings.outputs.web is None:
        return None
    from web.page import page_outputs  # noqa: PLC0415 the page's server is loaded only where it is wanted

    return page_outputs(settings)


def _starting_page(settings: Settings) -> StartingPage | None:
    """Open the page's address at once; by TLS nothing answers before the page, who connects waits."""
    web = settings.outputs.web
    if web is None:
        return None
    from web.starting import StartingPage, listen  # noqa: PLC0415

    listener = listen(web.listen.host, web.listen.port)
    starting = StartingPage(listener, Startup.STARTING, web.frame_ancestors)
    if web.tls is None:
        starting.start()
    return starting


def _page(
    store: Store,
    settings: Settings,
    metrics: Metrics,
    outputs: PageOutputs,
    scrubber: SecretScrubber,
    *,
    listener: socket.socket | None,
) -> PageServer:
    from web.page import page_of  # noqa: PLC0415

    page = page_of(store, settings, metrics, outputs, scrubber, listener=listener)
    logger.info("the page: %s", page.url)
    return page


def _watch(store: Store, duration: float | None, manager: ServiceManager) -> bool:
    """Do what signals order, feed systemd's watchdog, wait for the end; return whether the store failed."""
    ends = time.monotonic() + (duration if duration is not None else float("inf"))
    while time.monotonic() < ends:
        order = next_order(WATCH_S)
        if order == signal.SIGHUP:
            store.reload()
        elif order is not None:
            return False
        if store.platform.failed:
            return True
        if store.restart_asked:
            logger.warning("the store restarts, as somebody asked on the page or by MQTT")
            return False
        if store.ready().ok:
            manager.ready()
        manager.alive(stuck=store.health().stuck)
    return False


def print_report(reports: list[CameraReport], settings: Settings) -> None:
    """Print what each camera did."""
    from rich.box import SIMPLE  # noqa: PLC0415 needed at the end alone, and takes time to load
    from rich.table import Table  # noqa: PLC0415

    from scripts.terminal import console  # noqa: PLC0415

    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("camera")
    for title in ("processed", "dropped", "people", "items", "totals"):
        table.add_column(title, justify="right")
    for report in reports:
        tally = report.tally
        table.add_row(
            report.camera,
            str(report.processed),
            str(report.dropped),
            str(tally.persons),
            str(tally.items),
            display(tally.total_minor, settings.store.currency, settings.store.locale),
        )
    console().print(table)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value
