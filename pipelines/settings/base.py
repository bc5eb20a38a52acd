"""What every section of the store file shares: a strict base and the types of its values."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

from pipelines.printable import printable

SLUG: Final = r"^[a-z0-9-]{1,32}$"


class Section(BaseModel):
    """A block of the store file: unknown keys are errors, values are never converted, nothing changes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        model_title_generator=lambda model: model.__name__.removesuffix("Config"),
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens. Port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Write it as in the file, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether only programs on this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


_WANTED: Final = "must be host:port in quotes or plain, such as 127.0.0.1:8080 or 0.0.0.0:8080"
_NUMERIC: Final = re.compile(r"[0-9.]+")
_LOGIN: Final = re.compile(r"[^/\\:]+:[^/\\]*@[^/\\]")
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")


def parse_address(value: object) -> Address:
    """Read `host:port` of a server; raises ValueError with a sentence for the user.

    >>> parse_address("127.0.0.1:8080")
    Address(host='127.0.0.1', port=8080)
    """
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise ValueError(_WANTED)
    host, colon, port = value.rpartition(":")
    if host == "*":
        raise ValueError('must not be "*"; write 0.0.0.0 for every address of this machine')
    if not colon or not host or not (port.isascii() and port.isdigit()):
        raise ValueError(_WANTED)
    if len(port) > 5 or int(port) > 65535:
        raise ValueError("has a port above 65535")
    if host.startswith("[") and host.endswith("]"):
        return Address(_bindable(host[1:-1], ipaddress.IPv6Address), int(port))
    if _NUMERIC.fullmatch(host):
        return Address(_bindable(host, ipaddress.IPv4Address), int(port))
    if not _HOST.fullmatch(host):
        raise ValueError(_WANTED)
    return Address(host, int(port))


def _bindable(host: str, kind: type[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> str:
    """Return an IP address on which a server can listen; raises ValueError with a sentence for the user."""
    try:
        address = kind(host)
    except ValueError:
        raise ValueError("is not an IP address; write one of this machine, or 0.0.0.0 for all") from None
    if address.is_multicast or host == "255.255.255.255":
        raise ValueError("is an address on which no server can listen; write one of this machine")
    return host


def plain_name(text: str) -> str:
    """Return the text if it is one line that can be shown; raises ValueError with a sentence for the user."""
    if printable(text) != text or text != text.strip():
        raise ValueError("must be one line of plain text, without spaces at its ends")
    return text


def holds_address(path: str) -> bool:
    """Return whether a path is rather an address, or holds a login: paths are shown, and logins are not."""
    return "://" in path or _LOGIN.search(path) is not None


def resolve_path(value: object, info: ValidationInfo) -> Path:
    """Make a path absolute, relative ones from the store file's folder (validation context `folder`)."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("must be the path of a file or folder, as text")
    if holds_address(value):
        raise ValueError("must be the path of a file or folder, not an address; mount it, or fetch it before")
    return folder_of(info) / value


def folder_of(info: ValidationInfo) -> Path:
    """Return the store file's folder, where relative paths begin."""
    return Path((info.context or {}).get("folder", Path.cwd()))


PlainName = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(plain_name)]
Slug = Annotated[str, Field(pattern=SLUG)]
Listen = Annotated[
    Address,
    BeforeValidator(parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^.+:[0-9]{1,5}$", "examples": ["127.0.0.1:8080"]}),
]
FilePath = Annotated[Path, BeforeValidator(resolve_path), WithJsonSchema({"type": "string", "minLength": 1})]
