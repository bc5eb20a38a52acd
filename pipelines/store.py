"""A store, put together from its settings and run: platform, floor, looks, outputs, messages."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Protocol

from pipelines.assembly.describe import build_describer
from pipelines.assembly.platform import build_platform
from pipelines.assembly.prices import build_live
from pipelines.assembly.recognisers import build_recogniser
from pipelines.assembly.video_outputs import build_sinks
from pipelines.brands.registry import build_brands
from pipelines.cameras.states import CameraState
from pipelines.errors import BadInput
from pipelines.floor.floor import Nowhere
from pipelines.floor.plan import build_floor, open_record, plan_of
from pipelines.floor.staff_commands import people_commands
from pipelines.version import VERSION
from pricing.catalogue.reload import CatalogueFile
from pricing.money import display
from pricing.sources import PriceSources
from probes.events.status import STATUS, Summaries, camera_status, device_status
from probes.metrics import Health, Metrics
from probes.recognition.looks import LookScheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipelines.assembly.platform import Nvidia
    from pipelines.brands.registry import JoinedBrands
    from pipelines.cameras.states import Cause
    from pipelines.cameras.supervisor import CameraStatus
    from pipelines.floor.floor import Floor, Publisher, Tally
    from pipelines.floor.plan import FloorPlan
    from pipelines.outputs.base import FrameSink
    from pipelines.outputs.journal.writer import Recorder
    from pipelines.outputs.mqtt.publisher import MqttPublisher
    from pipelines.settings.root import Settings
    from pricing.value import Price, Total

HEALTHY_WITHIN_S = 10.0
HOUSEKEEPING_S = 1.0


class Platform(Protocol):
    """What makes redacted frames and their metadata out of cameras."""

    name: str

    def start(self) -> None:
        """Begin."""

    def stop(self) -> bool:
        """End within seconds from any state; False where something hung and was left behind."""

    def cameras(self) -> Mapping[str, CameraStatus]:
        """Return what is known of each enabled camera."""

    @property
    def processed(self) -> Mapping[str, int]:
        """Frames analysed and redacted, by camera."""

    def redacting(self, within_s: float) -> bool:
        """Tell whether any camera's frame was redacted in the last seconds."""

    @property
    def failed(self) -> bool:
        """Whether it has failed: no frame will come any more."""


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What one camera did since the start."""

    camera: str
    state: str
    processed: int
    dropped: int
    tally: Tally


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
        now: Callable[[], int] = time.time_ns,
        nvidia: Nvidia | None = None,
    ) -> None:
        """Build everything from the settings; nothing runs yet. platform: auto, cpu, deepstream. BadInput.

        record: where the floor's metadata is written down for `msh replay`. sinks: outputs besides the
        settings' own, closed with them. nvidia: DeepStream's parts, instead of those installed here.
        """
        self._settings, self._metrics, self._now = settings, metrics, now
        self._cameras = settings.enabled_cameras()
        self._random = SystemRandom()
        self._device = settings.store.device or _host_slug()
        currency = settings.store.currency
        self._catalogue = self._load_catalogue()
        self._brands = build_brands(settings, self._catalogue)
        self._live = build_live(
            settings,
            metrics=metrics,
            spell=self.brand,
            folder=state_folder,
            now=now,
            random=self._random.random,
        )
        zones = {name: list(camera.zones) for name, camera in self._cameras.items()}
        self._summaries = Summaries(zones, currency)
        self._mqtt = self._build_mqtt()
        self._publisher: Publisher = self._mqtt or Nowhere()
        self._sinks = list(sinks)
        self._floor = self._build_floor(record)
        self._looks = self._build_looks()
        self._describer = build_describer(
            settings, metrics, folder=state_folder, now=now, random=self._random.random
        )
        self._platform = self._build_platform(platform, nvidia)
        self._told_up: int | None = None
        self._stop = threading.Event()
        self._housekeeper = threading.Thread(target=self._keep_house, name="housekeeping", daemon=True)

    @property
    def floor(self) -> Floor:
        """The shop floor, of which any thread may use `snapshot` and `order`."""
        return self._floor

    @property
    def catalogue(self) -> CatalogueFile | None:
        """The price list, if there is one; for reading, from any thread."""
        return self._catalogue

    @property
    def brands(self) -> JoinedBrands:
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
                self.on_state(name, CameraState.DISABLED, None, self._now())
        self._tell_status()
        if self._mqtt:
            self._mqtt.start()
        if self._live:
            self._live.start()
        self._brands.start()
        self._platform.start()
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
        self._floor.close(self._now())
        for sink in self._sinks:
            sink.close()
        if self._mqtt:
            for topic, payload in self._summaries.initial(self._now(), CameraState.STOPPED.value).items():
                self._mqtt.set_state(topic, payload)
            self._mqtt.stop()
        if self._housekeeper.ident is not None:
            self._housekeeper.join(5)
        return clean

    def on_state(self, camera: str, state: CameraState, cause: Cause | None, since_ns: int) -> None:
        """Take a camera's new state: metric and retained topic say the same."""
        up = state is CameraState.LIVE
        self._metrics.set_camera_state(camera, state.value, up=up)
        reason = None if cause is None or cause.value == "none" else cause
        self._publisher.set_state(
            f"camera/{camera}/status", camera_status(state.value, since_ns, reason.value if reason else None)
        )

    def health(self) -> Health:
        """Tell whether frames flow from at least one camera and redaction works."""
        reasons = []
        cameras = self._platform.cameras()
        if self._platform.failed:
            reasons.append("inference failed: restart the service")
        if not any(status.state is CameraState.LIVE for status in cameras.values()):
            reasons.append("no camera is live")
        elif not self._platform.redacting(HEALTHY_WITHIN_S):
            reasons.append(f"no frame was redacted in the last {HEALTHY_WITHIN_S:g} s")
        return Health(not reasons, tuple(reasons))

    def ready(self) -> Health:
        """Tell whether everything has been started."""
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

    def _keep_house(self) -> None:
        """Do once a second what nobody waits for."""
        while not self._stop.wait(HOUSEKEEPING_S):
            if self._brands.poll():
                self._looks.seek(self._brands.sought)
            self._tell_status()

    def _tell_status(self) -> None:
        cameras = self._platform.cameras().values()
        up = sum(status.state is CameraState.LIVE for status in cameras)
        if self._told_up == up:
            return
        self._told_up = up
        self._publisher.set_state(
            STATUS,
            device_status(
                self._now(),
                version=VERSION,
                config_sha256=self._settings.sha,
                platform=self._platform.name,
                cameras_up=up,
                cameras_total=len(cameras),
            ),
        )

    def _load_catalogue(self) -> CatalogueFile | None:
        path = self._settings.prices.catalogue
        if path is None:
            return None
        zone = self._settings.store.zone
        return CatalogueFile(path, self._settings.store.currency, lambda: datetime.now(zone).date())

    def _build_mqtt(self) -> MqttPublisher | None:
        mqtt = self._settings.outputs.mqtt
        if mqtt is None:
            return None
        from pipelines.outputs.mqtt.connection import MqttSpec  # noqa: PLC0415 paho is loaded only where a broker is configured
        from pipelines.outputs.mqtt.publisher import MqttPublisher  # noqa: PLC0415

        spec = MqttSpec(
            host=mqtt.host,
            port=mqtt.port,
            tls=mqtt.tls,
            username=mqtt.username,
            password=mqtt.password.get_secret_value() if mqtt.password else None,
            ca_file=mqtt.ca_file,
            client_cert=mqtt.client_cert,
            client_key=mqtt.client_key,
            keepalive_s=mqtt.keepalive_s,
        )
        store = self._settings.store.id
        folder = state_folder()
        return MqttPublisher(
            spec,
            store,
            self._device,
            spool=folder / f"spool-{store}-{self._device}.db",
            spool_bytes=mqtt.spool_mb * 1_000_000,
            initial=self._summaries.initial(self._now(), CameraState.CONNECTING.value),
            metrics=self._metrics,
            now=self._now,
            random=self._random.random,
        )

    def _build_looks(self) -> LookScheduler:
        """Return the looks; where no brand can come to be looked for, no reader is loaded."""
        sought = self._brands.sought
        failed, looks = self._metrics.look_failures, self._metrics.looks
        recognisers = []
        if sought or self._settings.gallery:  # a brand may be added while it runs
            recognisers.append(build_recogniser(lambda route: failed.labels(route.value).inc()))
        return LookScheduler(recognisers, sought, on_result=lambda r: looks.labels(r.value).inc())

    def _build_floor(self, record: Path | None) -> Floor:
        plan = plan_of(self._settings, self._device, self._brands.book.staff)
        floor = build_floor(
            plan,
            PriceSources(self._catalogue, self._live).lookup,
            summaries=self._summaries,
            publisher=self._publisher,
            metrics=self._metrics,
            getrandbits=self._random.getrandbits,
            brand=self.brand,
            journal=self._open_record(record, plan),
        )
        if self._mqtt:
            for name, handler in people_commands(floor).items():
                self._mqtt.on_command(name, handler)
        return floor

    def _open_record(self, record: Path | None, plan: FloorPlan) -> Recorder | None:
        metadata = self._settings.outputs.metadata
        if record is not None or metadata is None:
            return open_record(record, plan) if record else None
        return open_record(metadata.file, plan, metadata.max_mb)

    def _build_platform(self, kind: str, nvidia: Nvidia | None) -> Platform:
        return build_platform(
            kind,
            self._settings,
            floor=self._floor,
            looks=self._looks,
            describer=self._describer,
            money=partial(money, locale=self._settings.store.locale),
            brand=self.brand,
            sinks=self._build_sinks,
            metrics=self._metrics,
            on_state=self.on_state,
            random=self._random,
            folder=state_folder,
            nvidia=nvidia,
            brands=lambda: self._brands.sought,
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


def state_path() -> Path:
    """Return where what must outlive a restart lies: systemd's folder, else the user's."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "msh"


def state_folder() -> Path:
    """Return, made if need be, the folder for what must outlive a restart."""
    base = state_path()
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{base}: cannot be made ({error.strerror}); set STATE_DIRECTORY to a folder"
        ) from None
    return base


def _host_slug() -> str:
    """Return the host's name as topics may carry it."""
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in socket.gethostname().lower())
    return letters.strip("-")[:32].strip("-") or "device"
