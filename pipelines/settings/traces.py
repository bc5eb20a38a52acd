"""`outputs.traces:` where single frames' times go, as OpenTelemetry traces."""

from __future__ import annotations

import importlib.util
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from pipelines.extras import install_command
from pipelines.settings.base import Section
from pipelines.settings.urls import header_name, header_value, service_base

_EXAMPLE: Final = "http://collector.store.lan:4318/v1/traces"


def _installed() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ImportError:
        return False


def _collector(value: str) -> str:
    service_base(value, _EXAMPLE)
    if not _installed():
        raise ValueError(f"needs OpenTelemetry's packages; install them: {install_command('traces')}")
    return value


def _value(value: SecretStr) -> SecretStr:
    header_value(value.get_secret_value())
    return value


class TracesConfig(Section):
    """Where single frames' time went, in spans, to an OpenTelemetry collector (OTLP over HTTP)."""

    url: Annotated[str, AfterValidator(_collector)] = Field(
        title="URL",
        description=f"The collector, such as {_EXAMPLE}.",
        max_length=300,
    )
    headers: dict[
        Annotated[str, AfterValidator(header_name)], Annotated[SecretStr, AfterValidator(_value)]
    ] = Field(
        default={},
        title="Headers",
        description="Headers to send, such as a key; write secrets as ${NAME}.",
        max_length=16,
    )
    every_s: float = Field(
        default=10.0,
        title="Interval",
        description="Seconds between two frames of a camera that are traced.",
        ge=0.1,
        le=86_400.0,
    )
