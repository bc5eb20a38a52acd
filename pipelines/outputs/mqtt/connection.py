"""The connection to the MQTT broker: made, kept, made again. Knows nothing of what is sent over it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from paho.mqtt.client import MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from pipelines.outputs.mqtt.broker import BrokerState
from pipelines.outputs.mqtt.broker_limits import BrokerLimits
from pipelines.outputs.mqtt.certificates import BrokerCertificates
from pipelines.outputs.mqtt.client import LenientClient
from pipelines.outputs.mqtt.faults import SPEAKS_HTTP, speaks_http
from pipelines.outputs.mqtt.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.outputs.mqtt.broker import MqttSpec
    from pipelines.outputs.mqtt.session import Callbacks, Subscriptions

STABLE_S = 10.0
AGAIN = 3
"""So many short connections in a row that the broker cut are no accident of the network."""


class BrokerConnection:
    """Keeps one session with the broker, with backoff, jitter and a will, in threads of its own.

    will: topic of a retained `offline`. subscribe: what to subscribe to, with or without wildcards.
    random: 0 to 1, spreads a fleet's attempts.
    Raises BadInput at construction for TLS files that cannot be used.
    """

    def __init__(
        self,
        spec: MqttSpec,
        client_id: str,
        will: str,
        subscribe: Subscriptions,
        callbacks: Callbacks,
        *,
        random: Callable[[], float],
    ) -> None:
        self._spec = spec
        self._client_id = spec.client_id or client_id
        self._will = will
        self._subscribe = subscribe
        self._callbacks = callbacks
        self._random = random
        self._certificates = BrokerCertificates(spec) if spec.tls else None
        self._stop = threading.Event()
        self._session: Session | None = None
        self.limits = BrokerLimits(v5=spec.protocol != "3.1.1")
        self._thread = threading.Thread(target=self._run, name="mqtt-link", daemon=True)

    def start(self) -> None:
        """Begin to connect, and keep at it until `stop`."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Disconnect without the will being sent; return after timeout_s at the latest."""
        self._stop.set()
        if (session := self._session) is not None:
            session.disconnect()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._thread.is_alive() and session is not None:
            session.abort()
            self._thread.join(0.5)

    def meets_http(self) -> bool:
        """Ask whether a web server answers at the broker's port. Blocks for connect_timeout_s at the most."""
        spec = self._spec
        tls = self._certificates.context() if self._certificates else None
        return spec.websocket is None and speaks_http(spec.host, spec.port, tls, spec.connect_timeout_s)

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            self._callbacks.state(BrokerState.CONNECTING, "")
            self._session = Session(self._client(), self._subscribe, self._callbacks, self.limits)
            began = time.monotonic()
            ended = self._session.run(self._spec, self._stop)
            if self._stop.is_set():
                break
            if self._relearn(self._session):
                continue
            if self._session.closed_unanswered and self.meets_http():
                self._session.detail = SPEAKS_HTTP
            stable = self._session.was_answered and time.monotonic() - began > STABLE_S
            failures = 0 if stable else failures + 1
            if self._session.was_cut and failures >= AGAIN:
                self._session.detail = f"cut again and again: is the client id {self._client_id} used twice?"
            self._callbacks.state(ended, self._session.detail)
            self._stop.wait(self._delay(ended, failures))
        self._callbacks.state(BrokerState.STOPPED, "")

    def _relearn(self, session: Session) -> bool:
        """Apply the limits learnt in this session; return whether an immediate retry may succeed."""
        before, self.limits = self.limits, session.limits
        if self._spec.protocol != "auto":
            self.limits = replace(self.limits, v5=before.v5)
        elif session.closed_unanswered and not session.was_up:
            self.limits = replace(self.limits, v5=not before.v5)
            return before.v5
        refused = (before.v5, before.retain, before.max_qos) != (
            self.limits.v5,
            self.limits.retain,
            self.limits.max_qos,
        )
        return (refused or self.limits.in_flight < before.in_flight) and not session.was_up

    def _delay(self, ended: BrokerState, failures: int) -> float:
        spec = self._spec
        delay = spec.auth_retry_s
        if ended in (BrokerState.UNREACHABLE, BrokerState.REFUSED):
            doubled = spec.retry_first_ms << min(max(failures - 1, 0), 16)
            delay = min(doubled, spec.retry_max_ms) / 1000
        return delay * (1 + spec.retry_jitter * (2 * self._random() - 1))

    def _client(self) -> LenientClient:
        """Make a client with the will set; a fresh one each time, so that nothing of a lost session stays."""
        # MQTT 5 for expiring messages and told reasons. No session is kept at the broker: a command given
        # while the box was away must not be obeyed hours later, or again after the restart it asked for.
        limits, path = self.limits, self._spec.websocket
        client = LenientClient(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            clean_session=None if limits.v5 else True,
            protocol=MQTTv5 if limits.v5 else MQTTv311,
            transport="tcp" if path is None else "websockets",
            reconnect_on_failure=False,
        )
        if path is not None:
            client.ws_set_options(path)
        client.connect_timeout = self._spec.connect_timeout_s
        client.max_inflight_messages_set(limits.in_flight)
        client.will_set(self._will, b"offline", qos=min(1, limits.max_qos), retain=limits.retain)
        if self._spec.username is not None:
            client.username_pw_set(self._spec.username, self._spec.password)
        if self._certificates is not None:
            client.tls_set_context(self._certificates.context())
        return client
