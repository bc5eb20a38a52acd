"""A real mosquitto on a free port, and a listener that remembers what it hears."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


FIRST_PORT, PORTS_EACH, WORKERS = 20_000, 780, 16
"""Below the ports that the system gives to outgoing connections (from 32,768); a range for each worker."""
_numbers = itertools.count(os.getpid())


def free_port() -> int:
    """Return a port that stays free until a server takes it: no connection and no other worker gets it."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
    while True:
        port = FIRST_PORT + worker * PORTS_EACH + next(_numbers) % PORTS_EACH
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Broker:
    """One mosquitto. users: name to password; without any, everybody is let in. extra: more config lines."""

    def __init__(self, folder: Path, users: dict[str, str] | None = None, extra: str = "") -> None:
        self.port = free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1", "user root", "log_type none", extra]
        if users:
            passwords = folder / "passwords"
            passwords.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
            subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        else:
            lines.append("allow_anonymous true")
        self._config.write_text("\n".join(lines) + "\n")

    def start(self) -> Broker:
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._listening)
        return self

    def _listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(120)
            self._process = None


@dataclass(frozen=True, slots=True)
class Heard:
    topic: str
    text: str
    retained: bool

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.text)


class Listener:
    """A client that subscribes to `topic`, and again after each reconnect, until closed."""

    def __init__(self, port: int, topic: str = "#", user: tuple[str, str] | None = None) -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._client = client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        client.reconnect_delay_set(1, 1)
        if user:
            client.username_pw_set(*user)
        client.on_connect = lambda c, *_: c.subscribe(topic, qos=1)
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _c, _d, m: self.heard.append(
            Heard(m.topic, m.payload.decode(), bool(m.retain))
        )
        client.connect_async("127.0.0.1", port)
        client.loop_start()
        if not self._subscribed.wait(120):
            raise AssertionError("the broker did not let the listener in")

    def publish(self, topic: str, text: str, *, retain: bool = False) -> None:
        self._client.publish(topic, text, qos=1, retain=retain).wait_for_publish(120)

    def on(self, end: str) -> list[Heard]:
        """What was heard on topics that end so."""
        return [h for h in self.heard if h.topic.endswith(end)]

    def wait(self, end: str, text: str | None = None, count: int = 1) -> list[Heard]:
        """Wait until so many messages were heard there, with that text if one is given."""
        return wait_for(
            lambda: (
                found
                if len(found := [h for h in self.on(end) if text is None or h.text == text]) >= count
                else None
            )
        )

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
