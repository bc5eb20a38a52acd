"""The MQTT broker as the store file names it, how to reach it, and where the connection to it can stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path


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
