"""What every section of the store file shares: a strict base and the types of its values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

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


def parse_address(value: object) -> Address:
    """Read `host:port`; raises ValueError with a sentence for the user."""
    if isinstance(value, Address):
        return value
    wanted = "must be host:port in quotes or plain, such as 127.0.0.1:8080 or 0.0.0.0:8080"
    if not isinstance(value, str):
        raise ValueError(wanted)
    host, colon, port = value.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()):
        raise ValueError(wanted)
    bracketed = host.startswith("[") and host.endswith("]")
    if any(c.isspace() or c in "/@" for c in host) or (":" in host and not bracketed):
        raise ValueError(wanted)
    if len(port) > 5 or int(port) > 65535:
        raise ValueError("has a port above 65535")
    return Address(host.strip("[]"), int(port))


def resolve_path(value: object, info: ValidationInfo) -> Path:
    """Make a path absolute, relative ones from the store file's folder (validation context `folder`)."""
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("must be the path of a file or folder, as text")
    folder = (info.context or {}).get("folder", Path.cwd())
    return Path(folder) / value


Slug = Annotated[str, Field(pattern=SLUG)]
Listen = Annotated[
    Address,
    BeforeValidator(parse_address),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^.+:[0-9]{1,5}$", "examples": ["127.0.0.1:8080"]}),
]
FilePath = Annotated[Path, BeforeValidator(resolve_path), WithJsonSchema({"type": "string", "minLength": 1})]
