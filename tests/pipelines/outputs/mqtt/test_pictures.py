"""Masked pictures over MQTT: to a real broker, at their interval, and nothing else."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from engines.image import I420
from pipelines.outputs.mqtt.broker import MqttSpec
from pipelines.outputs.mqtt.pictures import MqttPictures
from pipelines.outputs.mqtt.publisher import MqttPublisher
from probes.metrics import Metrics
from probes.redaction.masked_by import MaskedBy
from tests.fakes.broker import Broker
from tests.fakes.redacted import plain
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def count(metrics: Metrics, result: str) -> float:
    labels = {"kind": "picture", "result": result}
    return metrics.registry.get_sample_value("msh_mqtt_messages_total", labels) or 0


def test_pictures_reach_the_broker_and_are_not_retained(tmp_path: Path) -> None:
    broker, metrics, heard = Broker(tmp_path).start(), Metrics(("live",)), []
    publisher = MqttPublisher(
        MqttSpec("127.0.0.1", broker.port), "shop", "box",
        spool=tmp_path / "spool.db", spool_bytes=1_000_000, initial={}, metrics=metrics,
        now_ns=time.time_ns, random=random.random,
    )  # fmt: skip
    pictures = MqttPictures(["door"], publisher.send_picture, interval_s=3600)
    client, ready = Client(CallbackAPIVersion.VERSION2), threading.Event()
    client.on_message = lambda _client, _data, message: heard.append(message)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", broker.port)
    client.subscribe("msh/v1/shop/box/camera/+/picture")
    client.loop_start()
    try:
        publisher.start()
        assert ready.wait(120)
        wait_for(lambda: metrics.registry.get_sample_value("msh_mqtt_connected") == 1)
        old = MaskedBy()
        old.replace()
        publisher.send_picture("camera/door/picture", b"of before its masks changed", old)
        wait_for(lambda: count(metrics, "dropped") == 1)
        for _ in range(3):
            pictures.publish(plain(1280, 720, luma=126, camera="door"))
        pictures.publish(plain(camera="yard"))
        wait_for(lambda: heard)
        wait_for(lambda: count(metrics, "acked") == 1)
        (message,) = heard
        seen = cv2.imdecode(np.frombuffer(message.payload, np.uint8), cv2.IMREAD_COLOR)
        assert (message.topic, message.retain) == ("msh/v1/shop/box/camera/door/picture", False)
        assert seen.shape == (540, 960, 3)
        assert seen.mean() == pytest.approx((126 - 16) * 255 / 219, abs=3)
    finally:
        client.loop_stop()
        pictures.close()
        publisher.stop(1)
        broker.kill()


def test_without_a_connection_pictures_are_dropped_and_counted(tmp_path: Path) -> None:
    metrics = Metrics(("live",))
    publisher = MqttPublisher(
        MqttSpec("127.0.0.1", 9), "shop", "box",
        spool=tmp_path / "spool.db", spool_bytes=1_000_000, initial={}, metrics=metrics,
        now_ns=time.time_ns, random=random.random,
    )  # fmt: skip
    publisher.send_picture("camera/door/picture", b"one", MaskedBy())
    publisher.send_picture("camera/door/picture", b"two", MaskedBy())
    publisher.start()
    wait_for(lambda: count(metrics, "dropped") == 2)
    publisher.stop(1)


def test_raw_pixels_are_refused() -> None:
    pictures = MqttPictures(["door"], lambda *_: None, interval_s=5)
    with pytest.raises(TypeError):
        pictures.publish(I420.black(64, 48))  # type: ignore[arg-type]
    pictures.remove_camera("door")
    assert not pictures.wanted("door")
    pictures.close()
