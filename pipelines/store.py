"""A store, put together from its settings and run: platform, floor, looks, outputs, messages."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING

from pipelines.assembly.describe import build_describer
from pipelines.assembly.floor import build_store_floor, load_catalogue
from pipelines.assembly.looks import build_looks
from pipelines.assembly.mqtt import build_publisher
from pipelines.assembly.platform import build_platform
from pipelines.assembly.prices import build_live
from pipelines.assembly.sales import build_desk
from pipelines.assembly.video_outputs import build_sinks
from pipelines.brands.registry import build_brands
from pipelines.cameras.reporter import CameraReporter
from pipelines.cameras.states import CameraState, Cause
from pipelines.clock import StoreClock
from pipelines.floor.floor import NoPublisher
from pipelines.floor.staff_commands import people_commands
from pipelines.interfaces import PlatformParts
from pipelines.outputs.retention import Retention
from pipelines.overload import FrameShare, Overload
from pipelines.paths import host_slug, state_folder, state_problem
from pipelines.sales.commands import sale_commands
from pipelines.service_manager import NO_CAMERA
from pipelines.store_file import StoreFileWatch
from pipelines.version import VERSION
from pricing.money import display
from pricing.outage import Outage
from pricing.sources import PriceSources
from probes.events.status import STATUS, Summaries, device_status
from probes.metrics import Health, Metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipelines.assembly.platform import Nvidia
    from pipelines.brands.registry import BrandRegistry
    from pipelines.cameras.states import CameraStatus
    from pipelines.floor.floor import CameraTally, Floor, Publisher
    from pipelines.governor import DegradeStep
    from pipelines.interfaces import Platform
    from pipelines.outputs.base import FrameSink
    from pipelines.settings.root import Settings
    from pricing.catalogue.reload import CatalogueFile
    from pricing.value import Price, Total

logger = logging.getLogger(__name__)

HEALTHY_WITHIN_S = 10.0
HOUSEKEEPING_S = 1.0
STATE_CHECK_S = 60.0


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What one camera did since the start."""

    camera: str
    state: str
    processed: int
    dropped: int
    tally: CameraTally


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
    ) -> None:
        """Build everything from the settings; nothing runs yet. platform: auto, cpu, deepstream. BadInput.

        record: where the floor's metadata is written down for `msh replay`. sinks: outputs besides the
        settings' own, closed with them. nvidia: DeepStream's parts, instead of those installed here.
        """
        self._settings, self._metrics = settings, metrics
        self._clock = clock = clock or StoreClock()
        now = clock.utc_now
        self._cameras = settings.enabled_cameras()
        random = SystemRandom()
        device = settings.store.device or host_slug()
        self._catalogue = load_catalogue(settings)
        self._brands = build_brands(settings, self._catalogue)
        self._live = build_live(
            settings,
            metrics=metrics,
            spell=self.brand,
            folder=state_folder,
            now=now,
            random=random.random,
        )
        zones = {name: list(camera.zones) for name, camera in self._cameras.items()}
        self._summaries = Summaries(zones, settings.store.currency, utc=clock.utc)
        self._mqtt = build_publisher(
            settings,
            device,
            self._summaries,
            folder=state_folder,
            metrics=metrics,
            clock=clock,
            random=random.random,
        )
        self._publisher: Publisher = self._mqtt or NoPublisher()
        self._reporter = CameraReporter(metrics, self._publisher.set_state, clock.utc)
        self._floor = build_store_floor(
            settings,
            device,
            lookup=PriceSources(self._catalogue, self._live).lookup,
            brands=self._brands,
            summaries=self._summaries,
            publisher=self._publisher,
            metrics=metrics,
            getrandbits=random.getrandbits,
            utc=clock.utc,
            record=record,
        )
        if self._mqtt:
            for name, handler in people_commands(self._floor).items():
                self._mqtt.on_command(name, handler)
            self._mqtt.on_command("reload", self._on_reload)
        self._desk = build_desk(
            settings,
            device,
            self._floor,
            self._publisher,
            folder=state_folder,
            metrics=metrics,
            clock=clock,
            getrandbits=random.getrandbits,
        )
        if self._mqtt and self._desk:
            for name, handler in sale_commands(self._desk).items():
                self._mqtt.on_command(name, handler)
        self._looks = build_looks(settings, self._brands, metrics)
        self._describer = build_describer(
            settings, metrics, folder=state_folder, now=now, random=random.random
        )
        self._sinks = list(sinks)
        share = FrameShare()
        parts = PlatformParts(
            floor=self._floor,
            looks=self._looks,
            metrics=metrics,
            on_state=self._reporter.report,
            money=partial(money, locale=settings.store.locale),
            random=random,
            brand=self.brand,
            brands=lambda: self._brands.targets,
            describer=self._describer,
            clock=clock,
            frame_share=share,
        )
        self._platform = build_platform(
            platform, settings, parts, sinks=self._build_sinks, folder=state_folder, nvidia=nvidia
        )
        self._overload = Overload(metrics, share, lambda: self._platform.processed)
        self._store_file = StoreFileWatch(settings, metrics)
        self._reload = threading.Event()
        self._state = Outage(
            logger,
            "state folder cannot be written: nothing outlives a restart; free space or set STATE_DIRECTORY",
            "state folder can be written again",
        )
        self._state_checked_at = -math.inf
        self._status: tuple[int, DegradeStep] | None = None
        self._stop = threading.Event()
        self._retention = Retention(settings.outputs, now=time.time, clock=time.monotonic)
        self._housekeeper = threading.Thread(target=self._housekeeping, name="housekeeping", daemon=True)

    @property
    def floor(self) -> Floor:
        """The shop floor, of which any thread may use `snapshot` and `order`."""
        return self._floor

    @property
    def catalogue(self) -> CatalogueFile | None:
        """The price list, if there is one; for reading, from any thread."""
        return self._catalogue

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
        for name, camera in self._settings.cameras.items():
            if not camera.enabled:
                self._reporter.report(name, CameraState.DISABLED, Cause.NONE, self._clock.now())
        self._publish_status()
        self._check_state()
        if self._mqtt:
            self._mqtt.start()
        if self._live:
            self._live.start()
        self._brands.start()
        self._platform.start()
        if self._desk:
            self._desk.start()
        self._housekeeper.start()

    def stop(self) -> bool:
        """End within seconds from any state; False where something hung and was left behind."""
        self._stop.set()
        clean = self._platform.stop()
        self._brands.stop()
        self._looks.close()
        if self._live:
            self._live.stop()
        if self._describer:
            self._describer.close()
        if self._desk:
            self._desk.stop()
        self._floor.close(self._clock.now())
        for sink in self._sinks:
            sink.close()
        if self._mqtt:
            for topic, payload in self._summaries.initial(
                self._clock.utc_now(), CameraState.STOPPED.value
            ).items():
                self._mqtt.set_state(topic, payload)
            self._mqtt.stop()
        if self._housekeeper.ident is not None:
            self._housekeeper.join(5)
        return clean

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera, its times as UTC ns by the clock as it is now."""
        utc = self._clock.utc
        return {
            name: replace(
                status,
                since=utc(status.since),
                last_frame_at=None if status.last_frame_at is None else utc(status.last_frame_at),
            )
            for name, status in self._platform.cameras().items()
        }

    def reload(self) -> None:
        """Have the store file read again, soon, in another thread; from any thread or signal handler."""
        self._reload.set()

    def _on_reload(self, _: Mapping[str, object]) -> str:
        self.reload()
        return "the store file is read; the log and msh_store_file_ok tell what of it a restart brings"

    def health(self) -> Health:
        """Return whether frames flow from at least one camera and redaction works."""
        reasons = []
        cameras = self._platform.cameras()
        if self._platform.starting:
            reasons.append(self._platform.starting)
        if self._platform.failed:
            reasons.append("inference failed: restart the service")
        if not any(status.state is CameraState.LIVE for status in cameras.values()):
            reasons.append(NO_CAMERA)
        elif not self._platform.redacting(HEALTHY_WITHIN_S):
            reasons.append(f"no frame was redacted in the last {HEALTHY_WITHIN_S:g} s")
        now, store_now = time.monotonic(), self._clock.now()
        live = {
            name: now - (store_now - status.since) / 1e9
            for name, status in cameras.items()
            if status.state is CameraState.LIVE and self._cameras[name].fps >= 1
        }
        reasons += self._overload.problems(live)
        return Health(not reasons, tuple(reasons))

    def ready(self) -> Health:
        """Return whether everything has been started."""
        return Health(True) if self._housekeeper.is_alive() else Health(False, ("starting or stopping",))

    def report(self) -> list[CameraReport]:
        """Return what each camera did since the start."""
        processed, cameras = self._platform.processed, self._platform.cameras()
        return [
            CameraReport(
                name,
                cameras[name].state.value,
                processed[name],
                self._dropped(name),
                self._floor.tally(name),
            )
            for name in self._cameras
        ]

    def _dropped(self, camera: str) -> int:
        """Return the frames meant for analysis that did not get it; those beyond `fps` were never meant."""
        return sum(
            int(sample.value)
            for metric in self._metrics.frames_dropped.collect()
            for sample in metric.samples
            if sample.labels.get("camera") == camera and sample.labels.get("reason") != "rate"
        )

    def _housekeeping(self) -> None:
        """Do once a second what no other thread waits for."""
        while not self._stop.wait(HOUSEKEEPING_S):
            if self._brands.poll():
                self._looks.set_targets(self._brands.targets)
            self._check_clock()
            self._overload.check()
            self._publish_status()
            self._check_state()
            self._retention.check()
            self._check_store_file()

    def _check_store_file(self) -> None:
        if self._reload.is_set():
            self._reload.clear()
            self._store_file.check()
        else:
            self._store_file.poll()

    def _check_clock(self) -> None:
        """Detect that the machine's clock was set, and correct the times of earlier messages."""
        step = self._clock.check()
        if not step:
            return
        way = "forward" if step > 0 else "back"
        logger.warning("the machine's clock was set %s by %.1f s; times are corrected", way, abs(step) / 1e9)
        self._metrics.clock_steps.labels(way).inc()
        if self._mqtt:
            self._mqtt.clock_set(step)

    def _check_state(self) -> None:
        """Try once a minute whether the state folder can be written."""
        now = time.monotonic()
        if now - self._state_checked_at < STATE_CHECK_S:
            return
        self._state_checked_at = now
        problem = state_problem()
        self._metrics.state_writable.set(not problem)
        if problem:
            self._state.fail(problem, cause=problem)
        else:
            self._state.recover()

    def _publish_status(self) -> None:
        cameras = self._platform.cameras().values()
        up = sum(status.state is CameraState.LIVE for status in cameras)
        said = up, self._overload.step
        if self._status == said:
            return
        self._status = said
        self._publisher.set_state(
            STATUS,
            device_status(
                self._clock.utc_now(),
                version=VERSION,
                config_sha256=self._settings.sha,
                platform=self._platform.name,
                cameras_up=up,
                cameras_total=len(cameras),
                degrade=self._overload.step,
                gpu_unused=self._platform.gpu_unused,
            ),
        )

    def _build_sinks(self) -> list[FrameSink]:
        self._sinks += build_sinks(self._settings, self._metrics)
        return self._sinks

    def brand(self, brand: str) -> str:
        """Write a brand as the price list spells it, else as the gallery does."""
        return self._brands.spell(brand)


def money(sum_: Price | Total, locale: str = "en") -> str:
    """Write a price or a total for people."""
    return display(sum_.amount_minor, sum_.currency, locale)
