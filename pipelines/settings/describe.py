"""`describe:` items without a visible brand, described by a vision model. Absent: off, nothing is sent."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator

from pipelines.settings.base import Section

GEMINI = "https://generativelanguage.googleapis.com/v1beta"
OPENAI = "https://api.openai.com/v1"
_LOCAL_NAMES = (".local", ".lan", ".internal", ".home.arpa", ".localhost")


def is_near(host: str) -> bool:
    """Return whether a host is this box or in its network, by its address or the form of its name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_LOCAL_NAMES)
    return address.is_private or address.is_loopback or address.is_link_local


def _service_url(value: str) -> str:
    wanted = "must be https://host/path, or http:// within the store's network"
    if "@" in value:
        raise ValueError("has a user or password in the URL; take it out and write `api_key:` beside it")
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        raise ValueError(wanted) from None
    if url.scheme not in ("https", "http") or not url.hostname or port == 0 or url.query or url.fragment:
        raise ValueError(wanted)
    if any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError(wanted)
    if url.scheme == "http" and not is_near(url.hostname):
        raise ValueError("would send pictures unencrypted beyond the store's network; use https://")
    return value


class DescribeConfig(Section):
    """The vision model that describes items, from crops of redacted frames only."""

    provider: Literal["gemini", "openai"] = Field(
        title="Provider",
        description="gemini: Google's service; openai: OpenAI, or any server that speaks like it.",
    )
    model: str = Field(
        title="Model",
        description="Name of a model that sees pictures, as the service knows it.",
        min_length=1,
        max_length=128,
    )
    url: Annotated[str, AfterValidator(_service_url)] | None = Field(
        default=None,
        title="Service",
        description="Address, such as http://127.0.0.1:11434/v1; absent: the provider's own.",
    )
    api_key: SecretStr | None = Field(
        default=None,
        title="Key",
        description="Key of the service; write ${NAME} and keep it out of this file.",
    )
    timeout_s: float = Field(
        default=8.0, title="Timeout", description="Longest wait for an answer, in seconds.", ge=1.0, le=60.0
    )
    per_hour: int = Field(
        default=60,
        title="Crops per hour",
        description="Most crops sent in one clock hour, over all cameras.",
        ge=1,
        le=10_000,
    )
    per_person: int = Field(
        default=2, title="Crops per person", description="Most crops sent of one person.", ge=1, le=20
    )
    after_ms: int = Field(
        default=3000,
        title="After",
        description="How long a person is in view before the first crop, in milliseconds.",
        ge=0,
        le=60_000,
    )
    longest_px: int = Field(
        default=384,
        title="Size",
        description="Longer side of a crop, in pixels; up to 384 it costs least with Gemini.",
        ge=128,
        le=1024,
    )
    votes: int = Field(
        default=2,
        title="Votes",
        description="How many looks an answer is worth; prices.confirm.min_votes confirm an item.",
        ge=1,
        le=100,
    )
    min_confidence: float = Field(
        default=0.6,
        title="Least confidence",
        description="Items of which the model is less sure are ignored, from 0 to 1.",
        ge=0.0,
        le=1.0,
    )

    @property
    def base(self) -> str:
        """The service's address."""
        return self.url or (GEMINI if self.provider == "gemini" else OPENAI)

    @property
    def encrypted(self) -> bool:
        """Whether crops travel encrypted."""
        return self._split.scheme == "https"

    @property
    def host(self) -> str:
        """The service's host name or address."""
        return self._split.hostname or ""

    @property
    def near(self) -> bool:
        """Whether the service is this box or in its network."""
        return is_near(self.host)

    @property
    def _split(self) -> SplitResult:
        return urlsplit(self.base)

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        key = "-" if value is None else value.get_secret_value()
        if not key or not key.isascii() or any(c.isspace() or not c.isprintable() for c in key):
            raise ValueError("must be one word of plain ASCII")
        return value
