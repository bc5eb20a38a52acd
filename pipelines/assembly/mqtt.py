"""The connection to the broker that the store file names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipelines.cameras.states import CameraState
from pipelines.outputs.mqtt.broker import MqttSpec
from pipelines.outputs.mqtt.discovered import with_removed
from pipelines.outputs.mqtt.former_name import machine, spool_name, take_over
from pipelines.printable import printable
from pipelines.version import VERSION
from pricing.money import exponent
from probes.events.home_assistant import discovery

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.assembly.basis import StoreBasis
    from pipelines.outputs.base import PictureSink
    from pipelines.outputs.mqtt.publisher import MqttPublisher
    from pipelines.settings.mqtt import MqttConfig
    from pipelines.settings.root import Settings
    from probes.events.messages import Payload
    from probes.events.status import Summaries


def broker_spec(mqtt: MqttConfig) -> MqttSpec:
    """Return what the connection needs to know of the broker's settings."""
    return MqttSpec(
        host=mqtt.host,
        port=mqtt.port,
        tls=mqtt.tls,
        username=mqtt.username,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        ca_file=mqtt.ca_file,
        client_cert=mqtt.client_cert,
        client_key=mqtt.client_key,
        keepalive_s=mqtt.keepalive_s,
        protocol=mqtt.protocol,
        websocket=mqtt.websocket,
        client_id=mqtt.client_id,
        topic_prefix=mqtt.topic_prefix,
    )


def home_assistant(settings: Settings, device: str, folder: Path) -> dict[str, Payload]:
    """Return the retained topic by which Home Assistant finds the box; nothing where that is off.

    folder: of what outlives a restart.
    """
    mqtt, store = settings.outputs.mqtt, settings.store
    if mqtt is None or mqtt.home_assistant is None:
        return {}
    message = _discovery(settings, mqtt, device, pictures=mqtt.home_assistant.pictures_s is not None)
    message = with_removed(message, folder / f"home-assistant-{store.id}-{device}.json")
    return {f"//{mqtt.home_assistant.prefix}/device/msh-{store.id}-{device}/config": message}


def largest_messages(settings: Settings, device: str) -> dict[str, int]:
    """Return about how many bytes the larger messages of a store have with their topics, by what they are.

    A person with a thing in each slot and some zones, a busy quarter of an hour, a picture rich in detail.
    """
    mqtt, sizes = settings.outputs.mqtt, {"events of people": 5_000}
    if settings.privacy.report_days:
        sizes["reports"] = 16_000
    if mqtt is not None and mqtt.home_assistant is not None:
        pictures = mqtt.home_assistant.pictures_s is not None
        message = _discovery(settings, mqtt, device, pictures=pictures)
        sizes["Home Assistant's discovery"] = len(json.dumps(message, separators=(",", ":"))) + 300
        if pictures:
            sizes["pictures"] = 200_000
    return sizes


def _discovery(settings: Settings, mqtt: MqttConfig, device: str, *, pictures: bool) -> Payload:
    store = settings.store
    return discovery(
        f"{mqtt.topic_prefix}/{store.id}/{device}/",
        store=store.id,
        device=device,
        name=store.name,
        version=VERSION,
        cameras=list(settings.enabled_cameras()),
        rules=[rule.name for rule in settings.notify],
        currency=store.currency,
        exponent=exponent(store.currency),
        staff=settings.staff is not None,
        snapshots=settings.outputs.snapshots is not None,
        pictures=pictures,
    )


def picture_sinks(settings: Settings, publisher: MqttPublisher | None) -> tuple[PictureSink, ...]:
    """Return the output that sends masked pictures to the broker, where the settings ask for it."""
    ours = settings.outputs.mqtt.home_assistant if settings.outputs.mqtt else None
    if publisher is None or ours is None or ours.pictures_s is None:
        return ()
    from pipelines.outputs.mqtt.pictures import MqttPictures  # noqa: PLC0415 loads OpenCV

    cameras = settings.enabled_cameras()
    return (MqttPictures(cameras, publisher.send_picture, interval_s=ours.pictures_s),)


def spool_file(settings: Settings, device: str, folder: Path) -> Path:
    """Return the file in which messages wait for the broker."""
    return folder / spool_name(settings.store.id, device)


def build_publisher(basis: StoreBasis, summaries: Summaries) -> MqttPublisher | None:
    """Return the publisher, not started; None where the settings name no broker. Raises BadInput."""
    settings, device, clock = basis.settings, basis.device, basis.clock
    mqtt = settings.outputs.mqtt
    if mqtt is None:
        return None
    from pipelines.outputs.mqtt.publisher import MqttPublisher  # noqa: PLC0415 loads paho

    store_file, folder = _own_file(settings), basis.folder()
    take_over(folder, settings.store.id, device, store_file, machine())
    initial = summaries.initial(clock.utc_now(), CameraState.CONNECTING.value)
    return MqttPublisher(
        broker_spec(mqtt),
        settings.store.id,
        device,
        spool=spool_file(settings, device, folder),
        spool_bytes=mqtt.spool_mb * 1_000_000,
        initial={**initial, **home_assistant(settings, device, folder)},
        metrics=basis.metrics,
        now_ns=clock.now,
        expiry_ns=clock.expiry_now,
        random=basis.random.random,
        store_file=store_file,
    )


def _own_file(settings: Settings) -> str | None:
    """Return the store file as one of this store alone; None where the environment may name the store."""
    if any(value in settings.store.id for value in settings.secret_values()):
        return None
    return printable(str(settings.path.absolute()))  # a database takes no name that is no UTF-8
