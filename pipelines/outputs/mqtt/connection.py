"""The connection to the MQTT broker: made, kept, made again. Knows nothing of what is sent over it."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTT_ERR_SUCCESS, Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from engines.errors import BadInput
from pipelines.outputs.mqtt.broker_limits import NO_LIMIT, BrokerLimits
from pipelines.outputs.mqtt.faults import SPEAKS_HTTP, in_words, speaks_http, tls_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
STABLE_S = 10.0
AGAIN = 3
"""So many short connections in a row that the broker cut are no accident of the network."""
_AUTH = {134, 135, 140}
"""Bad user name or password, not authorized, bad authentication method: MQTT 5, table 3-1."""
_UNSPECIFIED = 128
_TAKEN_OVER = 142
_HEADERS = 16
"""Bytes of a PUBLISH beside topic and payload, at the most: 5 of type and length, 2 + 2, 1 + 5 of expiry."""
CLOSES = "it closes the connection without an answer"


class BrokerState(str, Enum):
    """Where the connection stands, or why there is none."""

    CONNECTING = "connecting"
    ONLINE = "online"
    UNREACHABLE = "unreachable"
    AUTH_FAILED = "auth_failed"
    TLS_FAILED = "tls_failed"
    REFUSED = "refused"
    TAKEN_OVER = "taken_over"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class MqttSpec:
    """The broker and how to reach it. retry_*: milliseconds between attempts, doubling from first to max.

    auth_retry_s: after a refused password, certificate or client id, which no quick attempt will mend.
    protocol: auto tries MQTT 5 and takes 3.1.1 where the broker speaks no other. websocket: path of MQTT over
    WebSockets, None for plain MQTT. client_id, topic_prefix: None and msh/v1 unless the store file says more.
    """

    host: str
    port: int = 1883
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    keepalive_s: int = 10
    retry_first_ms: int = 500
    retry_max_ms: int = 30_000
    retry_jitter: float = 0.3
    auth_retry_s: float = 60.0
    connect_timeout_s: float = 5.0
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    websocket: str | None = None
    client_id: str | None = None
    topic_prefix: str = "msh/v1"


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Called from the link's threads: each must only take note and return.

    up, down: the broker accepted a session, it ended. ack: session, message id, whether the broker took it;
    of a message that goes with QoS 0: that it is written.
    message: topic, payload, whether it was retained. state: where the connection stands, and why in the
    system's words.
    """

    up: Callable[[Session], None]
    down: Callable[[Session], None]
    ack: Callable[[Session, int, bool], None]
    message: Callable[[str, bytes, bool], None]
    state: Callable[[BrokerState, str], None]


Subscriptions: TypeAlias = "Callable[[bool], Sequence[str]]"
"""Called with whether wildcards are allowed; returns topics."""


class Session:
    """One connection, from the attempt to its end. `publish` and `abort` neither block nor raise."""

    def __init__(
        self, client: Client, subscribe: Subscriptions, callbacks: Callbacks, limits: BrokerLimits
    ) -> None:
        self._client = client
        self.limits = limits
        self._in_flight = limits.in_flight
        self._largest = 0
        self._subscribe = subscribe
        self._callbacks = callbacks
        self._answered = threading.Event()
        self._ended = threading.Event()
        self._why = BrokerState.UNREACHABLE
        self._max_bytes = NO_LIMIT
        self.detail = ""
        self.was_up = False
        self.was_answered = False
        """Whether the broker acknowledged anything; set by who keeps account of the message ids."""
        self._reached = self._acknowledged = False
        self.was_cut = False
        """Whether it ended without a word after it was up, as where the broker gives its name to another."""
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe

    def publish(
        self, topic: str, payload: bytes, qos: int, *, retain: bool = False, expiry_s: int | None = None
    ) -> int | None:
        """Hand a message over; return its id, by which `ack` names it, or None where it cannot go."""
        properties = None
        if expiry_s is not None and self.limits.v5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # so paho left it
            properties.MessageExpiryInterval = max(1, expiry_s)
        try:
            qos, retain = min(qos, self.limits.max_qos), retain and self.limits.retain
            self._largest = max(self._largest, _size(topic, payload))
            sent = self._client.publish(topic, payload, qos, retain, properties)
        except (ValueError, OSError):
            return None
        return sent.mid if sent.rc == MQTT_ERR_SUCCESS else None

    def takes(self, topic: str, payload: bytes) -> bool:
        """Return whether the broker accepts a packet of this size; one too large would end the session."""
        return _size(topic, payload) <= min(self._max_bytes, self.limits.max_bytes)

    def abort(self, why: str = "") -> None:
        """Cut the connection, as the network would; the broker then sends the will. why: for the log."""
        self.detail = self.detail or why
        sock = cast("socket.socket | None", self._client.socket())
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._answered.set()
        self._ended.set()

    def disconnect(self) -> None:
        """Disconnect in good order; the will is not sent."""
        self._client.disconnect()

    def run(self, spec: MqttSpec, stopping: threading.Event) -> BrokerState:
        """Connect and stay until the connection ends; return why."""
        try:
            fresh = True if self.limits.v5 else MQTT_CLEAN_START_FIRST_ONLY
            self._client.connect(spec.host, spec.port, spec.keepalive_s, clean_start=fresh)
            self._reached = True
            self._stay(stopping)
        except ssl.SSLError as error:
            self._why = BrokerState.TLS_FAILED
            self.detail = f"{tls_fault(error, spec.host)} [{error.reason or type(error).__name__}]"
        except (OSError, ValueError) as error:
            self.detail = getattr(error, "strerror", None) or str(error)
        if self.closed_unanswered:
            self.detail = CLOSES
        # Cuts the circle of references: paho closes its wake-up sockets only when the client is freed.
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_message = None
        client.on_subscribe = None
        return self._why

    @property
    def closed_unanswered(self) -> bool:
        """Whether the broker took the connection and closed it without a word, as one for MQTT 3.1.1 may."""
        return self._reached and not self._acknowledged

    def _stay(self, stopping: threading.Event) -> None:
        self._client.loop_start()
        if not self._answered.wait(ANSWER_S):
            self.abort()
        while not self._ended.wait(1.0):
            if stopping.is_set():
                self.disconnect()
        self._client.loop_stop()
        if self.was_up:
            self._callbacks.down(self)

    def _on_connect(
        self,
        client: Client,
        _data: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._acknowledged = True
        self.limits = self.limits.learnt(reason.value, properties)
        if reason.is_failure:
            self.detail = in_words(reason, properties)
            self._why = BrokerState.AUTH_FAILED if reason.value in _AUTH else BrokerState.REFUSED
        elif self.limits.in_flight < self._in_flight:
            client.disconnect()  # paho takes no new limit while connected, and the broker would not bear more
        else:
            self._max_bytes = getattr(properties, "MaximumPacketSize", NO_LIMIT)
            self._subscribe_all(client)
            self.was_up = True
            self._callbacks.up(self)
        self._answered.set()

    def _subscribe_all(self, client: Client) -> None:
        topics = self._subscribe(self.limits.wildcards)
        if self.limits.v5:
            options = SubscribeOptions(1, False, True, SubscribeOptions.RETAIN_DO_NOT_SEND)
            client.subscribe([(topic, options) for topic in topics])
        else:
            client.subscribe([(topic, 1) for topic in topics])

    def _on_subscribe(
        self, client: Client, _data: object, _mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = next((one for one in reasons if one.is_failure), None)
        if refused is None:
            return
        before, self.limits = self.limits, self.limits.learnt(refused.value, None)
        if before.wildcards and not self.limits.wildcards:
            self._subscribe_all(client)
        else:
            logger.warning("the MQTT broker lets no commands through to this device (%s)", refused)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self.was_cut = self.was_up and not self.detail and reason.value == _UNSPECIFIED
        self.detail = self.detail or in_words(reason, properties)
        if self.was_up:
            self.limits = self.limits.learnt(reason.value, None, largest=self._largest)
        if self.was_up and reason.value == _TAKEN_OVER:
            self._why = BrokerState.TAKEN_OVER
        self._answered.set()
        self._ended.set()

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: object
    ) -> None:
        self._callbacks.ack(self, mid, not reason.is_failure)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._callbacks.message(message.topic, bytes(message.payload), bool(message.retain))


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
        self._tls = _tls(spec) if spec.tls else None
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
        return spec.websocket is None and speaks_http(spec.host, spec.port, self._tls, spec.connect_timeout_s)

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

    def _client(self) -> Client:
        """Make a client with the will set; a fresh one each time, so that nothing of a lost session stays."""
        # MQTT 5 for expiring messages and told reasons. No session is kept at the broker: a command given
        # while the box was away must not be obeyed hours later, or again after the restart it asked for.
        limits, path = self.limits, self._spec.websocket
        client = Client(
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
        if self._tls is not None:
            client.tls_set_context(self._tls)
        return client


def _size(topic: str, payload: bytes) -> int:
    return len(topic.encode()) + len(payload) + _HEADERS


def _tls(spec: MqttSpec) -> ssl.SSLContext:
    """Read the certificates; a key with a pass phrase is refused rather than asked for on a terminal."""
    try:
        context = ssl.create_default_context(cafile=spec.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"outputs.mqtt.ca_file: {spec.ca_file}: {error.strerror or error}") from None
    if spec.client_cert is not None:
        try:
            context.load_cert_chain(spec.client_cert, spec.client_key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            what = f"{spec.client_cert} with key {spec.client_key}"
            raise BadInput(f"outputs.mqtt.client_cert: {what}: {error.strerror or error}") from None
    return context
