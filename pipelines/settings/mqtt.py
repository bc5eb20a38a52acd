"""`outputs.mqtt:` the broker that gets events and status."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from pipelines.settings.base import FilePath, Section


def _mqtt_url(value: str) -> str:
    wanted = "must be mqtts://host:8883 or mqtt://host:1883, without a path, or wss://host/path"
    if "@" in value:
        raise ValueError(
            "has a user or password in the URL; take it out and write `username:` and `password:` beside it"
        )
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise ValueError(wanted) from None
    bare = not ((url.path.strip("/") and url.scheme[:2] != "ws") or url.query or url.fragment)
    if url.scheme not in ("mqtt", "mqtts", "ws", "wss") or not url.hostname or port == 0 or not bare:
        raise ValueError(wanted)
    if any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError(wanted)
    return value


class HomeAssistantConfig(Section):
    """Home Assistant's device discovery."""

    prefix: str = Field(
        default="homeassistant",
        title="Prefix",
        description="Home Assistant's discovery prefix.",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
    )
    pictures_s: float | None = Field(
        default=None,
        title="Pictures",
        description="Every so many seconds a masked picture of each camera goes to the broker, not retained;"
        " absent: no picture leaves by MQTT.",
        ge=2.0,
        le=3600.0,
    )


class MqttConfig(Section):
    """The broker that gets events and status."""

    url: Annotated[str, AfterValidator(_mqtt_url)] = Field(
        title="Broker",
        description="mqtts://host:port or mqtt://host:port, without a port 8883 or 1883; over WebSockets"
        " wss://host:port/path or ws://host:port/path, without a port 443 or 80.",
    )
    username: str | None = Field(
        default=None, title="User name", description="User name at the broker.", min_length=1, max_length=128
    )
    password: SecretStr | None = Field(
        default=None,
        title="Password",
        description="Password at the broker; write ${NAME} and keep it out of this file.",
    )
    ca_file: FilePath | None = Field(
        default=None,
        title="CA file",
        description="PEM file of the authority that signed the broker; absent: the system's.",
    )
    client_cert: FilePath | None = Field(
        default=None,
        title="Client certificate",
        description="PEM certificate by which this box shows who it is.",
    )
    client_key: FilePath | None = Field(
        default=None,
        title="Client key",
        description="PEM key of the client certificate, without a pass phrase.",
    )
    spool_mb: int = Field(
        default=64,
        title="Spool",
        description="Most disk for unsent messages, in megabytes.",
        ge=1,
        le=100_000,
    )
    keepalive_s: int = Field(
        default=10,
        title="Keep alive",
        description="Seconds of silence after which the connection is checked.",
        ge=5,
        le=3600,
    )
    protocol: Literal["auto", "5", "3.1.1"] = Field(
        default="auto",
        title="Protocol",
        description='Version of MQTT, "5" or "3.1.1" in quotes; auto: 5, and 3.1.1 where the broker speaks no'
        " other. With 3.1.1 messages do not expire at the broker.",
    )
    client_id: str | None = Field(
        default=None,
        title="Client id",
        description="Name of this box at the broker; absent: the store's id and the device's.",
        pattern=r"^[A-Za-z0-9_.:-]{1,64}$",
    )
    topic_prefix: str = Field(
        default="msh/v1",
        title="Topic prefix",
        description="What all topics begin with, before the store's id and the device's.",
        pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
        max_length=100,
    )

    home_assistant: HomeAssistantConfig | None = Field(
        default=None,
        title="Home Assistant",
        description="{}: the box, its cameras and rules show as a device in Home Assistant; absent: off.",
    )

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self._split.scheme in ("mqtts", "wss")

    @property
    def websocket(self) -> str | None:
        """The path of MQTT over WebSockets; None for plain MQTT."""
        return (self._split.path or "/") if self._split.scheme in ("ws", "wss") else None

    @property
    def host(self) -> str:
        """The broker's host name or address."""
        return self._split.hostname or ""

    @property
    def port(self) -> int:
        """The broker's port."""
        ports = {"mqtts": 8883, "mqtt": 1883, "wss": 443, "ws": 80}
        return self._split.port or ports[self._split.scheme]

    @property
    def _split(self) -> SplitResult:
        return urlsplit(self.url)

    @field_validator("password")
    @classmethod
    def _with_username(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and "username" in info.data and info.data["username"] is None:
            raise ValueError("needs a username beside it")
        return value

    @field_validator("ca_file", "client_cert", "client_key")
    @classmethod
    def _with_tls(cls, value: object, info: ValidationInfo) -> object:
        url = info.data.get("url")
        if value is not None and url is not None and not url.startswith(("mqtts:", "wss:")):
            raise ValueError("is only for mqtts:// and wss:// brokers; change the url or remove this")
        return value

    @field_validator("client_key")
    @classmethod
    def _with_certificate(cls, value: object, info: ValidationInfo) -> object:
        if value is not None and "client_cert" in info.data and info.data["client_cert"] is None:
            raise ValueError("needs client_cert beside it")
        return value
