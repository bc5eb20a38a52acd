"""One connection to the MQTT broker, from the attempt to its end."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTT_ERR_SUCCESS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from pipelines.outputs.mqtt import faults
from pipelines.outputs.mqtt.broker import BrokerState
from pipelines.outputs.mqtt.broker_limits import NO_LIMIT
from pricing.news import news

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

    from pipelines.outputs.mqtt.broker import MqttSpec
    from pipelines.outputs.mqtt.broker_limits import BrokerLimits

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
_AUTH = {134, 135, 140}
"""Bad user name or password, not authorized, bad authentication method: MQTT 5, table 3-1."""
_UNSPECIFIED = 128
_TAKEN_OVER = 142
_HEADERS = 16
"""Bytes of a PUBLISH beside topic and payload, at the most: 5 of type and length, 2 + 2, 1 + 5 of expiry."""


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
        self.max_bytes = NO_LIMIT
        """Of a packet, as the broker announces it."""
        self.detail = ""
        self.was_up = False
        self.was_answered = False
        """Whether the broker acknowledged anything; set by who keeps account of the message ids."""
        self._reached = self._acknowledged = self._is_silent = False
        self._asked: set[int] = set()
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

    def ask(self, topics: Sequence[str]) -> None:
        """Have what the broker retains there come as messages; a broker that refuses says nothing."""
        with contextlib.suppress(ValueError, OSError):
            if (mid := self._client.subscribe([(topic, 1) for topic in topics])[1]) is not None:
                self._asked.add(mid)

    def takes(self, topic: str, payload: bytes) -> bool:
        """Return whether the broker accepts a packet of this size; one too large would end the session."""
        return _size(topic, payload) <= min(self.max_bytes, self.limits.max_bytes)

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
            self.detail = f"{faults.tls_fault(error, spec.host)} [{error.reason or type(error).__name__}]"
        except ConnectionResetError as error:
            self.detail = faults.NO_TLS_PERHAPS if spec.tls else error.strerror or str(error)
        except (OSError, ValueError) as error:
            self.detail = getattr(error, "strerror", None) or str(error)
        if self._is_silent:
            self.detail = faults.SILENT
        elif self.closed_unanswered:
            self.detail = faults.unanswered(tls=spec.tls, certificate=spec.client_cert is not None)
        # Cuts the circle of references: paho closes its wake-up sockets only when the client is freed.
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_message = None
        client.on_subscribe = None
        return self._why

    @property
    def closed_unanswered(self) -> bool:
        """Whether the broker took the connection and said nothing to the end, as one for MQTT 3.1.1 may."""
        return self._reached and not self._acknowledged

    def _stay(self, stopping: threading.Event) -> None:
        self._client.loop_start()
        if not self._answered.wait(ANSWER_S):
            self._is_silent = True
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
            self.detail = faults.in_words(reason, properties)
            self._why = BrokerState.AUTH_FAILED if reason.value in _AUTH else BrokerState.REFUSED
        elif self.limits.in_flight < self._in_flight:
            client.disconnect()  # paho takes no new limit while connected, and the broker would not bear more
        else:
            self.max_bytes = getattr(properties, "MaximumPacketSize", NO_LIMIT)
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
        self, client: Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        refused = next((one for one in reasons if one.is_failure), None)
        if refused is None or mid in self._asked:
            return
        before, self.limits = self.limits, self.limits.learnt(refused.value, None)
        if before.wildcards and not self.limits.wildcards:
            self._subscribe_all(client)
        else:
            text = "the MQTT broker lets no commands through to this device (%s)"
            logger.warning(text, refused, extra=news("no_commands"))

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self.was_cut = self.was_up and not self.detail and reason.value == _UNSPECIFIED
        # Code 128 without a word of the broker's is paho's own, for a connection that is gone.
        is_told = reason.value != _UNSPECIFIED or hasattr(properties, "ReasonString")
        self.detail = self.detail or (faults.in_words(reason, properties) if is_told else faults.LOST)
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


def _size(topic: str, payload: bytes) -> int:
    return len(topic.encode()) + len(payload) + _HEADERS
