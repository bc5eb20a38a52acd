"""What a store says to programs and people outside: broker, messengers, access log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.access_log import AccessLog, access_file
from pipelines.assembly.messengers import StoreMessengers
from pipelines.assembly.mqtt import build_publisher
from pipelines.cameras.states import CameraState
from pipelines.floor.publisher import NoPublisher
from probes.events.status import Summaries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelines.assembly.basis import StoreBasis
    from pipelines.floor.publisher import Publisher
    from pipelines.outputs.mqtt.commands import Handler
    from pipelines.outputs.mqtt.publisher import MqttPublisher


@dataclass(frozen=True, slots=True)
class Messaging:
    """Nothing of it is started. publisher: `mqtt`, or what lets all go where there is no broker."""

    summaries: Summaries
    mqtt: MqttPublisher | None
    publisher: Publisher
    messengers: StoreMessengers
    access: AccessLog

    def on_commands(self, handlers: Mapping[str, Handler]) -> None:
        """Have each command of this name done by its handler; nothing where no broker sends any."""
        if self.mqtt is not None:
            for name, handler in handlers.items():
                self.mqtt.on_command(name, handler)

    def stop(self, utc_now: Callable[[], int]) -> None:
        """Say to the broker that every camera has stopped, and end the connection."""
        if self.mqtt is None:
            return
        for topic, payload in self.summaries.initial(utc_now(), CameraState.STOPPED.value).items():
            self.mqtt.set_state(topic, payload)
        self.mqtt.stop()


def build_messaging(basis: StoreBasis, brand: Callable[[str], str]) -> Messaging:
    """Build it all. brand: writes a brand for people. Raises BadInput."""
    settings, clock = basis.settings, basis.clock
    zones = {name: list(camera.zones) for name, camera in settings.enabled_cameras().items()}
    summaries = Summaries(zones, settings.store.currency, utc=clock.utc)
    mqtt = build_publisher(basis, summaries)
    if mqtt is None:
        basis.metrics.without_broker()
    publisher: Publisher = mqtt or NoPublisher()
    messengers = StoreMessengers(settings, basis.metrics, brand=brand, now_ns=clock.utc_now)
    access = AccessLog(
        access_file(settings.store.id, basis.folder()),
        days=settings.privacy.access_log_days,
        now_ns=clock.now,
        utc=clock.utc,
        expiry_ns=clock.expiry_now,
        getrandbits=basis.random.getrandbits,
        metrics=basis.metrics,
        publish=publisher.send,
        origin=(settings.store.id, basis.device),
    )
    return Messaging(summaries, mqtt, publisher, messengers, access)
