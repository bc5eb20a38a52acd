"""A store, put together from its settings and run: platform, floor, looks, outputs, messages."""

from __future__ import annotations

import math
import os
from functools import partial
from typing import TYPE_CHECKING, Final

from pipelines.access_notes import StoreNotes
from pipelines.assembly.basis import StoreBasis
from pipelines.assembly.describe import build_describer
from pipelines.assembly.floor import build_store_floor, load_catalogue
from pipelines.assembly.housekeeping import build_retention, take_up_brands
from pipelines.assembly.insights import build_insights, zones_of
from pipelines.assembly.looks import build_looks
from pipelines.assembly.messaging import build_messaging
from pipelines.assembly.mqtt import picture_sinks
from pipelines.assembly.platform import build_platform
from pipelines.assembly.prices import StorePrices, build_live, sum_text
from pipelines.assembly.sales import build_desk
from pipelines.assembly.traces import build_traces
from pipelines.assembly.video_outputs import VideoOutputs
from pipelines.brands.registry import build_brands, export_health
from pipelines.cameras.reporter import CameraReporter
from pipelines.cameras.throttle import Throttle
from pipelines.clock import StoreClock
from pipelines.clock_check import ClockCheck
from pipelines.clock_file import ClockFile, clock_path
from pipelines.device_topic import DeviceTopic
from pipelines.floor.staff_commands import people_commands
from pipelines.floor.store_summary import StoreSummary
from pipelines.housekeeping import Housekeeper, StateFolderCheck
from pipelines.interfaces import PlatformParts
from pipelines.overload import Overload
from pipelines.paths import host_slug, state_folder
from pipelines.reload.commands import store_commands
from pipelines.reload.reloader import Reloader, RunningParts
from pipelines.sales.commands import sale_commands
from pipelines.stopping import Stopping
from pipelines.store_status import StoreStatus
from pipelines.version import VERSION
from pricing.item_words import item_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pipelines.assembly.platform import Nvidia
    from pipelines.brands.registry import BrandRegistry
    from pipelines.cameras.states import CameraStatus
    from pipelines.cameras.trial import CameraTrial
    from pipelines.floor.floor import Floor
    from pipelines.health import Health
    from pipelines.insights.file import InsightsFile
    from pipelines.interfaces import Platform
    from pipelines.outputs.base import FrameSink
    from pipelines.reload.report import ReloadReport
    from pipelines.sales.floor_desk import FloorDesk
    from pipelines.settings.camera import CameraConfig
    from pipelines.settings.root import Settings
    from pipelines.store_status import CameraReport
    from probes.metrics import Metrics

RELOAD_S = 10.0
PEOPLE_S: Final = 3.0
MESSAGES_S: Final = 7.0
"""What these two get to end however late it is: they write down what must not be lost."""


class Store:
    """One running store. `start`, then `stop`; both once."""

    def __init__(
        self,
        settings: Settings,
        *,
        metrics: Metrics,
        platform: str = "auto",
        record: Path | None = None,
        sinks: Sequence[FrameSink] = (),
        clock: StoreClock | None = None,
        nvidia: Nvidia | None = None,
        on_read: Callable[[Settings], None] = lambda _: None,
    ) -> None:
        """Build everything from the settings; nothing runs yet. platform: auto, cpu, deepstream. BadInput.

        record: where the floor's metadata is written down for `msh replay`. sinks: outputs besides the
        settings' own, closed with them. nvidia: DeepStream's parts, instead of those installed here.
        on_read: called with the settings of a changed store file before they are used.
        """
        self._metrics = metrics
        self.clock = clock = clock or StoreClock()
        device = settings.store.device or host_slug()
        basis = StoreBasis(settings, device, metrics, clock)
        self._clock_file = ClockFile(clock, clock_path(settings.store.id, state_folder()))
        catalogue = load_catalogue(settings)
        self._brands = build_brands(settings, catalogue)
        export_health(self._brands, metrics)
        self._prices = StorePrices(settings, catalogue, partial(build_live, basis=basis, spell=self.brand))
        self._messaging = messaging = build_messaging(basis, self.brand)
        self._mqtt, self._publisher = messaging.mqtt, messaging.publisher
        self._announcer, self.access = messaging.messengers.announcer, messaging.access
        self._notes = StoreNotes(self.access, lambda: self.settings)
        self._reporter = CameraReporter(metrics, self._publisher.set_state, clock.utc)
        self._floor = build_store_floor(
            basis,
            lookup=self._prices.lookup,
            brands=self._brands,
            summaries=messaging.summaries,
            publisher=self._announcer.beside(self._publisher),
            record=record,
        )
        messaging.on_commands(people_commands(self._floor))
        self._desk = build_desk(basis, self._floor, self._publisher)
        if self._desk:
            messaging.on_commands(sale_commands(self._desk))
            self._desk.on_events(self._announcer.listen_to(self._desk.person))
        self._looks = build_looks(settings, self._brands, metrics)
        self._describer = build_describer(basis)
        pictures = (*self._announcer.sinks, *picture_sinks(settings, self._mqtt))
        self._outputs = VideoOutputs(metrics, (*sinks, *pictures), self._notes.stream, clock.utc)
        throttle, self._traces = Throttle(), build_traces(settings, device, metrics, utc=clock.utc)
        parts = PlatformParts(
            floor=self._floor,
            looks=self._looks,
            metrics=metrics,
            on_state=self._reporter.report,
            money=partial(sum_text, locale=settings.store.locale),
            random=basis.random,
            brand=self.brand,
            words=item_words(settings.store.locale),
            brands=lambda: self._brands.targets,
            describer=self._describer,
            clock=clock,
            throttle=throttle,
            on_watch=self._notes.stream,
            traces=self._traces,
            pictures=pictures,
        )
        self._platform = build_platform(
            platform,
            settings,
            parts,
            sinks=partial(self._outputs.build, settings),
            folder=state_folder,
            nvidia=nvidia,
        )
        self._summary = StoreSummary(
            self._floor.snapshot,
            self._desk,
            self._publisher,
            currency=settings.store.currency,
            now_ns=clock.utc_now,
        )
        self._overload = Overload(
            metrics,
            throttle,
            lambda: self._platform.processed,
            cameras=lambda: self._status.live_by_priority,
            fps=lambda: max((one.fps for one in self.settings.enabled_cameras().values()), default=math.inf),
        )
        running = RunningParts(
            device=device,
            platform=self._platform,
            floor=self._floor,
            brands=self._brands,
            prices=self._prices,
            looks=self._looks,
            outputs=self._outputs,
            publisher=self._publisher,
            reporter=self._reporter,
            messengers=messaging.messengers,
            desk=self._desk,
            metrics=metrics,
            clock=clock,
        )
        self._reloader = Reloader(settings, running, on_read=on_read)
        self._insights = build_insights(
            basis,
            self._floor,
            self._platform.cameras,
            throttle,
            publisher=self._publisher,
            zones=lambda: zones_of(self.settings),
        )
        if self._insights and self._desk:
            self._desk.on_events(self._insights.take)
        self._status = StoreStatus(
            self._platform,
            self._floor,
            self._overload,
            settings=lambda: self.settings,
            metrics=metrics,
            clock=clock,
        )
        self._reloader.on_settings(self._apply_retention)
        commands = store_commands(self._reloader, self._take_picture, self.restart)
        noted = {name: self._notes.of_command(name, handler) for name, handler in commands.items()}
        messaging.on_commands(noted)
        self.restarts = self.restart_asked = False
        self._retention = build_retention(settings, metrics, clock, tidy=self._prices.expire)
        self._state_folder = StateFolderCheck(metrics)
        self._clock_check = ClockCheck(
            clock, metrics, self._clock_file, self._mqtt.clock_set if self._mqtt else None
        )
        self._device = DeviceTopic(self._platform, self._reloader, self._overload, self._publisher, clock)
        self._housekeeper = self._build_housekeeper()

    @property
    def floor(self) -> Floor:
        """The shop floor, of which any thread may use `snapshot` and `order`."""
        return self._floor

    @property
    def desk(self) -> FloorDesk | None:
        """The sales desk, from any thread; None where the store file named no staff at the start."""
        return self._desk

    @property
    def insights(self) -> InsightsFile | None:
        """What was counted, for reading, from any thread; None where nothing is."""
        return self._insights.file if self._insights else None

    @property
    def settings(self) -> Settings:
        """The settings in force, from any thread."""
        return self._reloader.settings

    @property
    def reload_report(self) -> ReloadReport:
        """What became of the store file when it was read last, from any thread."""
        return self._reloader.report

    def on_settings(self, listener: Callable[[Settings], None]) -> None:
        """Call a listener with the settings in force whenever they change; in the thread that reads them."""
        self._reloader.on_settings(listener)

    @property
    def brands(self) -> BrandRegistry:
        """What is looked for; for reading, from any thread."""
        return self._brands

    @property
    def platform(self) -> Platform:
        """The platform in use."""
        return self._platform

    def start(self) -> None:
        """Begin: messages first, so that the first state is not lost, then the cameras."""
        revision = os.environ.get("MSH_REVISION", "unknown")
        self._metrics.build_info.labels(VERSION, revision, self._platform.name).set(1)
        for name, camera in self.settings.cameras.items():
            if not camera.enabled:
                self._reporter.report_disabled(name, self.clock.now())
        self._device.send()
        self._state_folder.check()
        self.access.start()
        if self._mqtt:
            self._mqtt.start()
        self._prices.start()
        self._brands.start()
        self._platform.start()
        self._announcer.start()
        if self._traces:
            self._traces.start()
        if self._desk:
            self._desk.start()
        self._housekeeper.start()

    def stop(self, stopping: Stopping | None = None) -> bool:
        """End in time from any state; False where something hung, or failed, and was left behind."""
        end = stopping or Stopping()
        # A change of the store file that is under way is waited for: it may be starting cameras.
        clean = end.run("reload", partial(self._housekeeper.halt, RELOAD_S))
        self._looks.halt()  # one under way may take seconds, in which the cameras end
        clean = end.run("cameras", self._platform.stop) and clean
        beside: dict[str, Callable[[], object]] = {
            "brands": self._brands.stop,
            "looks": self._looks.close,
            "prices": self._prices.stop,
            "messengers": self._announcer.stop,
            "housekeeping": self._housekeeper.join,
        }
        if self._describer:
            beside["describer"] = self._describer.close
        if self._desk:
            beside["sales"] = self._desk.stop
        if self._traces:
            beside["traces"] = self._traces.stop
        clean = end.run_all(beside) and clean
        if self._insights:
            clean = end.run("insights", self._insights.close) and clean
        clean = end.run("people", lambda: self._floor.close(self.clock.now()), least_s=PEOPLE_S) and clean
        last = {
            "outputs": self._outputs.close,
            "access log": self.access.close,
            "summary": self._summary.close,
            "clock": self._clock_file.save,
        }
        clean = end.run_all(last) and clean
        if self._mqtt:
            goodbye = partial(self._messaging.stop, self.clock.utc_now)
            clean = end.run("messages", goodbye, least_s=MESSAGES_S) and clean
        return clean

    def reload(self, then: Callable[[ReloadReport], None] | None = None) -> None:
        """Have the store file read again, soon, in another thread; from any thread or signal handler.

        then: called with what became of it, in that thread.
        """
        self._reloader.ask(then)

    def _take_picture(self, camera: str) -> str:
        """Have the next masked picture of a camera written; return why not, empty where it is."""
        why = self._platform.take_picture(camera)
        return self._outputs.take_picture(camera) if why is None else why

    def _apply_retention(self, settings: Settings) -> None:
        """Delete recordings, and entries of the access log, by these settings from now on."""
        self.access.days = settings.privacy.access_log_days
        self._retention.reconfigure(settings.outputs)

    def restart(self) -> bool:
        """Have the program end soon, to be started again; False where nothing would. From any thread."""
        if self.restarts:
            self.restart_asked = True
        return self.restarts

    def try_camera(self, camera: CameraConfig, timeout_s: float) -> CameraTrial:
        """Connect to a camera that is not in the store file, and mask its first picture; waits for it."""
        from pipelines.cpu.trial import try_camera  # noqa: PLC0415 the tries are rare, and load GStreamer

        return try_camera(camera, timeout_s, self._platform.mask)

    def health(self) -> Health:
        """Return whether frames flow from at least one camera and redaction works."""
        return self._status.health()

    def ready(self) -> Health:
        """Return whether everything has been started, and masking passes its self-check."""
        return self._status.ready(started=self._housekeeper.running)

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera, its times as UTC ns by the clock as it is now."""
        return self._status.cameras()

    def report(self) -> list[CameraReport]:
        """Return what each camera did since the start."""
        return self._status.report()

    def _build_housekeeper(self) -> Housekeeper:
        steps: dict[str, Callable[[], object]] = {
            "brands": partial(take_up_brands, self._brands, self._looks, self._notes.brands),
            "clock": self._clock_check.check,
            "overload": self._overload.check,
            "status": self._device.send,
            "summary": self._summary.check,
            "state_folder": self._state_folder.check,
            "retention": self._retention.check,
        }
        if self._insights:
            steps["insights"] = self._insights.check
        return Housekeeper(self._reloader, self._metrics, steps, self._notes.reload)

    def brand(self, brand: str) -> str:
        """Write a brand as the price list spells it, else as the gallery does."""
        return self._brands.spell(brand)
