"""`outputs.web:` the page: where it listens, who may open it, what stands in front of it."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from pipelines.settings.base import Address, FilePath, Listen, Section

LOOPBACK = ("127.0.0.1", "::1")
_64 = "[A-Za-z0-9+/]"
TOKEN_HASH = re.compile(f"scrypt:(?:{_64}{{4}})*(?:{_64}{{2}}==|{_64}{{3}}=)?:{_64}{{43}}=")
"""What the page takes for a hash at its start: a salt, and 32 bytes, both in base64."""


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be an address or a network such as 10.0.0.5 or 172.16.0.0/12") from None


def _origin(value: str) -> str:
    wanted = "must be an origin such as https://home.example:8123, without a path"
    try:
        url = urlsplit(value)
        port = f":{url.port}" if url.port is not None else ""
    except ValueError:
        raise ValueError(wanted) from None
    host = url.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    plain = re.fullmatch(r"[a-z0-9.:-]+", host) is not None
    if (
        url.scheme not in ("http", "https")
        or not plain
        or value.rstrip("/") != f"{url.scheme}://{shown}{port}"
    ):
        raise ValueError(wanted)
    return value.rstrip("/")


def _base_path(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*/?", value) or any(p in (".", "..") for p in value.split("/")):
        raise ValueError('must be a path such as "/msh", of letters, digits and . _ ~ -')
    return value.rstrip("/")


HostName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


def _hard_to_guess(value: SecretStr | None) -> SecretStr | None:
    text = None if value is None else value.get_secret_value()
    if text is not None and len(text) < 8:
        raise ValueError("is shorter than 8 characters; take a longer one")
    if text is not None and text.startswith("scrypt:") and not TOKEN_HASH.fullmatch(text):
        raise ValueError("begins with scrypt: but is no hash; make one: msh web --hash")
    return value


class TokensConfig(Section):
    """A token for each role. A role without a token cannot sign in."""

    viewer: Annotated[SecretStr | None, AfterValidator(_hard_to_guess)] = Field(
        default=None,
        title="Viewer",
        description="Opens floor, cameras and video, and changes nothing: ${NAME}.",
    )
    staff: Annotated[SecretStr | None, AfterValidator(_hard_to_guess)] = Field(
        default=None,
        title="Staff",
        description="Also marks people as served or as no customers, and sends in pictures: ${NAME}.",
    )
    manager: Annotated[SecretStr | None, AfterValidator(_hard_to_guess)] = Field(
        default=None, title="Manager", description="Also edits zones and masks: ${NAME}."
    )


class TlsConfig(Section):
    """Certificate and key: the page serves HTTPS itself. Renewed files are loaded within a minute."""

    cert: FilePath = Field(
        title="Certificate", description="PEM file: the certificate, and those that signed it."
    )
    key: FilePath = Field(title="Key", description="PEM key of the certificate, without a pass phrase.")


class WebConfig(Section):
    """The page for the store's staff."""

    listen: Listen = Field(
        default=Address("127.0.0.1", 8080),
        title="Listen",
        description="host:port of the page; absent: 127.0.0.1:8080.",
    )
    token: SecretStr | None = Field(
        default=None,
        title="Token",
        description="Secret that opens the page with every right, required where other machines can reach it:"
        " ${NAME}, holding at least 8 characters, or what `msh web --hash` makes of them.",
    )
    tokens: TokensConfig | None = Field(
        default=None, title="Tokens by role", description="Instead of one token: one for each role."
    )
    read_without_login: bool = Field(
        default=False,
        title="Read without login",
        description="true: floor, cameras and video need no token; all else does.",
    )
    hosts: tuple[HostName, ...] = Field(
        default=(),
        title="Host names",
        description="Names by which the page is opened; addresses and the machine's own name are known.",
        max_length=16,
    )
    https: bool = Field(
        default=False,
        title="HTTPS",
        description="true: a proxy in front of the page speaks HTTPS, and cookies travel by it alone.",
    )
    tls: TlsConfig | None = Field(
        default=None, title="TLS", description="Certificate and key: the page speaks HTTPS by itself."
    )
    proxies: tuple[Annotated[str, AfterValidator(_network)], ...] | None = Field(
        default=None,
        title="Proxies",
        description="Addresses or networks of proxies in front of the page, whose X-Forwarded-For, -Proto and"
        " -Host are believed; absent: this machine with `https: true`, else none.",
        max_length=16,
    )
    base_path: Annotated[str, AfterValidator(_base_path)] = Field(
        default="",
        title="Base path",
        description="Path below which a proxy shows the page, such as /msh; absent: at the root.",
        max_length=100,
    )
    frame_ancestors: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        default=(),
        title="Framed by",
        description="Origins that may show the page in a frame, such as https://home.example:8123.",
        max_length=16,
    )
    edit_areas: bool = Field(
        default=False,
        title="Edit areas",
        description="true: zones and masks drawn on the page are written into this file.",
    )
    edit_cameras: bool = Field(
        default=False,
        title="Edit cameras",
        description="true: cameras that a manager adds on the page are written into this file.",
    )
    edit_brands: bool = Field(
        default=False,
        title="Edit brands",
        description="true: brands that a manager adds on the page are written into brands.folder.",
    )
    uploads: bool = Field(
        default=False, title="Uploads", description="true: pictures may be sent in for annotation."
    )
    upload_mb: int = Field(
        default=200, title="Largest upload", description="Largest file, in megabytes.", ge=1, le=4000
    )
    upload_s: int = Field(
        default=600,
        title="Longest work",
        description="Longest time that one upload may take to be annotated, in seconds.",
        ge=10,
        le=7200,
    )
    keep_minutes: int = Field(
        default=30,
        title="Keep results",
        description="Minutes after which an upload's result is deleted.",
        ge=1,
        le=1440,
    )

    _token = field_validator("token")(_hard_to_guess)

    @field_validator("tokens")
    @classmethod
    def _one_way(cls, value: TokensConfig | None, info: ValidationInfo) -> TokensConfig | None:
        if value is not None and info.data.get("token") is not None:
            raise ValueError("stands beside `token`; keep one of them (`token` is the manager's)")
        given = [] if value is None else [secret for secret in vars(value).values() if secret is not None]
        if value is not None and not given:
            raise ValueError("names no token; write viewer, staff or manager")
        if len({secret.get_secret_value() for secret in given}) < len(given):
            raise ValueError("gives two roles the same token; each role needs its own")
        return value

    @property
    def secrets(self) -> dict[str, SecretStr]:
        """The tokens by role; empty where the page needs none."""
        if self.token is not None:
            return {"manager": self.token}
        return {role: secret for role, secret in vars(self.tokens).items() if secret} if self.tokens else {}

    @property
    def secure(self) -> bool:
        """Whether browsers reach the page by HTTPS."""
        return self.https or self.tls is not None

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Addresses and networks whose forwarded headers are believed."""
        return (LOOPBACK if self.https else ()) if self.proxies is None else self.proxies
