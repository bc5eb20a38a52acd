"""`outputs:` where results go. A section that is absent is off."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator

from pipelines.settings.base import Address, FilePath, Listen, Section, Slug
from pipelines.settings.messengers import MessengerConfig  # noqa: TC001 pydantic reads the annotation
from pipelines.settings.mqtt import MqttConfig  # noqa: TC001 pydantic reads the annotation at run time
from pipelines.settings.traces import TracesConfig  # noqa: TC001 pydantic reads the annotation
from pipelines.settings.web import WebConfig  # noqa: TC001 pydantic reads the annotation at run time


def _path_template(value: str) -> str:
    if not value.startswith("/") or value.count("{camera}") != 1 or "{" in value.replace("{camera}", ""):
        raise ValueError('must begin with "/" and hold {camera} once, such as "/{camera}"')
    if any(c.isspace() or c in "?#" for c in value):
        raise ValueError('must be a plain path such as "/{camera}", without spaces, "?" or "#"')
    return value


class ViewerConfig(Section):
    """How viewers log in."""

    username: str = Field(
        title="User name", description="User name of the viewers.", pattern=r"^[^\s:\"]{1,64}$"
    )
    password: SecretStr = Field(
        title="Password", description="Password of the viewers; write ${NAME} and keep it out of this file."
    )

    @field_validator("password")
    @classmethod
    def _given(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value():
            raise ValueError("is empty; give the viewers a password")
        return value


class RtspConfig(Section):
    """The annotated streams; encoded only while someone watches."""

    listen: Listen = Field(
        default=Address("0.0.0.0", 8554),  # noqa: S104 the streams are for other machines, and redacted
        title="Listen",
        description="host:port of the RTSP server; absent: 0.0.0.0:8554, without credentials 127.0.0.1.",
    )
    path: Annotated[str, AfterValidator(_path_template)] = Field(
        default="/{camera}",
        title="Path",
        description="Path of a camera's stream; {camera} stands for its id.",
        max_length=100,
    )
    bitrate_kbit: int = Field(
        default=2500,
        title="Bit rate",
        description="Bit rate of a stream, in kilobits per second.",
        ge=100,
        le=50_000,
    )
    credentials: ViewerConfig | None = Field(
        default=None,
        title="Credentials",
        description="What viewers log in with; absent: streams are for programs on this machine only.",
    )

    @property
    def bound(self) -> Address:
        """Where the server really listens: without credentials on this machine's own address only."""
        is_as_set = self.credentials or self.listen.local
        return self.listen if is_as_set else Address("127.0.0.1", self.listen.port)

    @property
    def login(self) -> tuple[str, str] | None:
        """User name and password of the viewers, where they need them."""
        given = self.credentials
        return (given.username, given.password.get_secret_value()) if given else None


MaxHours = Annotated[
    float | None,
    Field(
        title="Longest time",
        description="Files are deleted so many hours after they were written, whatever room is left; absent:"
        " only max_mb bounds them.",
        gt=0.0,
        le=87_600.0,
    ),
]


MinFreeMb = Annotated[
    int,
    Field(
        title="Least free disk",
        description="Free space that is kept on the disk, in megabytes: below, the oldest files are deleted,"
        " whatever else fills it. 0: only max_mb and max_hours bound them.",
        ge=0,
        le=100_000_000,
    ),
]


class MetricsConfig(Section):
    """The Prometheus endpoint."""

    listen: Listen = Field(
        default=Address("127.0.0.1", 9464),
        title="Listen",
        description="host:port of /metrics and /healthz; absent: 127.0.0.1:9464.",
    )


class RecordConfig(Section):
    """Annotated video as MP4 files, faces masked."""

    folder: FilePath = Field(title="Folder", description="Where the files go, one folder a camera inside.")
    segment_s: int = Field(
        default=300, title="Segment", description="Length of one file, in seconds.", ge=1, le=86_400
    )
    max_mb: int = Field(
        default=2000,
        title="Most disk",
        description="Most disk for all files, in megabytes; the oldest are deleted first.",
        ge=1,
        le=100_000_000,
    )
    max_hours: MaxHours = None
    min_free_mb: MinFreeMb = 500
    bitrate_kbit: int = Field(
        default=2500,
        title="Bit rate",
        description="Bit rate of the video, in kilobits per second.",
        ge=100,
        le=50_000,
    )


class SnapshotsConfig(Section):
    """Annotated pictures as JPEG files, faces masked."""

    folder: FilePath = Field(title="Folder", description="Where the pictures go, one folder a camera inside.")
    interval_s: float = Field(
        default=60.0,
        title="Interval",
        description="Seconds between two pictures of a camera.",
        ge=0.1,
        le=86_400.0,
    )
    max_mb: int = Field(
        default=200,
        title="Most disk",
        description="Most disk for all pictures, in megabytes; the oldest are deleted first.",
        ge=1,
        le=100_000_000,
    )
    max_hours: MaxHours = None
    min_free_mb: MinFreeMb = 500
    quality: int = Field(default=85, title="Quality", description="JPEG quality, 1 to 100.", ge=1, le=100)


class MetadataConfig(Section):
    """What was seen, without pictures: places, items and prices, for `msh replay`."""

    file: FilePath = Field(
        title="File",
        description="The record, gzip; the one before and a full one become FILE.1. One that a kill broke"
        " off is gone on with.",
    )
    max_mb: int = Field(
        default=200, title="Largest size", description="Most disk for both, in megabytes.", ge=1, le=100_000
    )
    max_hours: float | None = Field(
        default=None,
        title="Longest time",
        description="No entry is kept longer than so many hours: the record begins anew twice in that time;"
        " absent: only max_mb bounds it.",
        gt=0.0,
        le=87_600.0,
    )


class OutputsConfig(Section):
    """Where results go. A section that is absent is off; `{}` turns it on with its defaults."""

    rtsp: RtspConfig | None = Field(
        default=None, title="RTSP", description="Annotated streams for players and recorders."
    )
    mqtt: MqttConfig | None = Field(default=None, title="MQTT", description="Events and status to a broker.")
    metrics: MetricsConfig | None = Field(default=None, title="Metrics", description="Prometheus endpoint.")
    web: WebConfig | None = Field(default=None, title="Web", description="The page for the store's staff.")
    record: RecordConfig | None = Field(
        default=None, title="Recording", description="Annotated video as MP4 files."
    )
    snapshots: SnapshotsConfig | None = Field(
        default=None, title="Snapshots", description="Annotated pictures as JPEG files."
    )
    messengers: dict[Slug, MessengerConfig] | None = Field(
        default=None,
        title="Messengers",
        description="Services that carry offers to telephones (Telegram, ntfy, e-mail), by a name of yours.",
        max_length=16,
    )
    traces: TracesConfig | None = Field(
        default=None, title="Traces", description="Where frames' time goes, to an OpenTelemetry collector."
    )
    metadata: MetadataConfig | None = Field(
        default=None, title="Metadata", description="What was seen, without pictures, for `msh replay`."
    )
