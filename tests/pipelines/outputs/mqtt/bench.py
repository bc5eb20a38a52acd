"""A broker and a publisher of a test, and what they say."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from pipelines.outputs.mqtt.broker import BrokerState, MqttSpec
from pipelines.outputs.mqtt.publisher import MqttPublisher
from probes.events.messages import Message, MessageKind, rfc3339, ulid
from probes.events.status import Summaries
from probes.metrics import Metrics
from tests.fakes.broker import Broker, Listener
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

QUICK = {"retry_first_ms": 50, "retry_max_ms": 200, "auth_retry_s": 0.5}
CAMERAS = {"handbags": ("island",), "door": ()}


class Bench:
    """A broker, a publisher that a test may replace, and what listeners were opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closers = []
        self.metrics = Metrics(("live",))
        self.links: list[BrokerState] = []

    def broker(self, start=True, **options) -> Broker:
        broker = Broker(self.folder, **options)
        self.closers.append(broker.kill)
        return broker.start() if start else broker

    def publisher(self, port, cameras=CAMERAS, start=True, spool_bytes=5_000_000, **spec) -> MqttPublisher:
        publisher = MqttPublisher(
            MqttSpec("127.0.0.1", port, **{**QUICK, **spec}),
            "berlin",
            "edge-1",
            spool=self.folder / "spool.sqlite3",
            spool_bytes=spool_bytes,
            initial=Summaries(cameras, "EUR").initial(time.time_ns(), "connecting"),
            metrics=self.metrics,
            now_ns=time.time_ns,
            random=random.random,
            on_link=self.links.append,
        )
        self.closers.insert(0, lambda: publisher.stop(0.5))
        if start:
            publisher.start()
        return publisher

    def listener(self, port, **options) -> Listener:
        listener = Listener(port, **options)
        self.closers.insert(0, listener.close)
        return listener

    def count(self, kind, result) -> float:
        labels = {"kind": kind, "result": result}
        return self.metrics.registry.get_sample_value("msh_mqtt_messages_total", labels) or 0

    def online(self) -> None:
        wait_for(lambda: self.metrics.registry.get_sample_value("msh_mqtt_connected") == 1)


def happening(kind=MessageKind.ENDED, number=0, expires_at=None) -> Message:
    at = time.time_ns()
    payload = {"event_id": ulid(at, random.getrandbits), "seq": number, "sent_at": rfc3339(at)}
    return Message(kind, "camera/handbags/person", {**payload, "replayed": False}, expires_at)


def seqs(listener) -> list[int]:
    return [h.json["seq"] for h in listener.on("/person")]


def retained(broker: Broker, last: str) -> set[str]:
    """Return the stores and boxes, and Home Assistant's devices, of which the broker keeps a topic."""
    late = Listener(broker.port)
    late.wait(f"{last}/availability", "offline")
    wait_for(lambda: late.on(f"{last}/camera/door/status"))
    late.publish("end", "of what is retained")
    late.wait("end")
    topics = [one.topic.removeprefix("msh/v1/") for one in late.heard if one.text and one.topic != "end"]
    late.close()
    return {"/".join(topic.split("/")[: 3 if topic.startswith("homeassistant") else 2]) for topic in topics}


def named(store: str, device: str) -> set[str]:
    """Return what `retained` finds of a box."""
    return {f"{store}/{device}", f"homeassistant/device/msh-{store}-{device}"}
