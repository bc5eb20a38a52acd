"""`defaults:` and `cameras:` where pictures come from. A camera inherits the defaults."""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator

from pipelines.cameras.source import SourceKind, is_device
from pipelines.settings.area import MaskConfig, ZoneConfig
from pipelines.settings.base import PlainName, Section, Slug, folder_of, resolve_path

_CSI: Final = re.compile(r"csi://(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})")
_RTSP: Final = re.compile(r"rtsps?://", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_KINDS: Final = (
    "must be rtsp://host/path, rtsps://host/path, a device such as /dev/video0 or /dev/v4l/by-id/NAME, csi://0,"
    " a video file or a folder of pictures"
)


_ADDRESS: Final = re.compile(
    r"""(?ix) rtsps?[:/\\] | (?:[^/\\@]*@)? \d{1,3}(?:\.\d{1,3}){3} (?:[:/\\]|$)
    | [\w.-]+:\d{2,5}(?:/|$) | [^/\\@:]+:[^/\\@]*@"""
)
_BEFORE: Final = "has something before rtsp://, such as a space, a quote or a bracket; delete it"
_NO_SCHEME: Final = (
    "there is no such file or folder; a camera's address begins with rtsp://, and its login is written under"
    " `credentials:`"
)


def looks_like_address(source: str) -> bool:
    """Return whether a source without `://` is rather an address than a path: 10.0.0.11:554/stream2."""
    return _ADDRESS.match(source.strip()) is not None


def refuse_userinfo(url: str) -> None:
    """Raise ValueError, without the text, where a URL may hold a password: anything before an `@`."""
    if "@" in url:
        raise ValueError(
            "has a user or password in the URL; take it out and write"
            " `credentials: {username: ..., password: ...}`"
            ' (an "@" that belongs to the path is written %40)'
        )


def _source(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(_KINDS)
    if _CSI.fullmatch(value):
        return value
    scheme = _SCHEME.match(value)
    if scheme is None and "://" in value:
        raise ValueError(_BEFORE)
    if scheme is None and looks_like_address(value) and not os.path.lexists(folder_of(info) / value):
        raise ValueError(_NO_SCHEME)
    if scheme is None:
        return str(resolve_path(value, info))
    refuse_userinfo(value)
    if scheme[1].lower() not in ("rtsp", "rtsps"):
        raise ValueError(_KINDS)
    try:
        url = urlsplit(value)
        good = bool(url.hostname) and url.port != 0
    except ValueError:
        good = False
    if not good or any(c.isspace() or not c.isprintable() for c in value):
        raise ValueError("is not a complete URL; write rtsp://host:554/path")
    return value


def _sub_source(value: object, info: ValidationInfo) -> str:
    if not isinstance(value, str) or not _RTSP.match(value):
        raise ValueError("must be rtsp://host/path or rtsps://host/path, the camera's smaller stream")
    main = info.data.get("source")
    if main is not None and not _RTSP.match(main):
        raise ValueError("is only for cameras whose source is rtsp:// or rtsps://; remove it")
    if main == value:
        raise ValueError("is the same as source; name the camera's smaller stream, or remove it")
    return _source(value, info)


class CredentialsConfig(Section):
    """Login of a camera."""

    username: str = Field(
        title="User name", description="User name at the camera.", min_length=1, max_length=128
    )
    password: SecretStr = Field(
        title="Password", description="Password at the camera; write ${NAME} and keep it out of this file."
    )


class ReconnectConfig(Section):
    """How long to wait before a lost camera is tried again; doubled after each failure."""

    first_ms: int = Field(
        default=500,
        title="First wait",
        description="Wait before the first new try, in milliseconds.",
        ge=50,
        le=60_000,
    )
    max_ms: int = Field(
        default=30_000,
        title="Longest wait",
        description="Longest wait between tries, in milliseconds; not below first_ms.",
        ge=100,
        le=600_000,
    )
    jitter: float = Field(
        default=0.3,
        title="Jitter",
        description="Share of the wait that is random, 0 to 1, so that cameras do not return all at once.",
        ge=0.0,
        le=1.0,
    )

    @field_validator("max_ms")
    @classmethod
    def _not_below_first(cls, value: int, info: ValidationInfo) -> int:
        first = info.data.get("first_ms")
        if first is not None and value < first:
            raise ValueError(f"must not be below first_ms, which is {first}")
        return value


class CameraDefaultsConfig(Section):
    """What every camera has that says nothing else."""

    fps: float = Field(
        default=10.0,
        title="Frames per second",
        description="Most frames analysed per second.",
        ge=0.1,
        le=60.0,
    )
    min_person_px: int = Field(
        default=80,
        title="Smallest person",
        description="Height in pixels of the camera's picture of the smallest person that must be found and"
        " masked; smaller needs more computing in large pictures.",
        ge=40,
        le=1000,
    )
    transport: Literal["tcp", "udp", "auto"] = Field(
        default="tcp",
        title="Transport",
        description="How RTSP video travels: tcp is safe, udp quicker on good networks; auto: udp, else tcp.",
    )
    stale_after_ms: int = Field(
        default=3000,
        title="Stale after",
        description="Without a new frame for this long the camera counts as lost, in milliseconds;"
        " films and folders have 20 s at least.",
        ge=200,
        le=120_000,
    )
    reconnect: ReconnectConfig = Field(
        default=ReconnectConfig(), title="Reconnect", description="How a lost camera is tried again."
    )


class CameraConfig(CameraDefaultsConfig):
    """One camera, or a file that stands for one."""

    source: Annotated[str, BeforeValidator(_source)] = Field(
        title="Source",
        description="rtsp://host/path, rtsps://host/path, /dev/video0 or /dev/v4l/by-id/NAME, csi://0"
        " (Jetson), a video file or a folder of pictures.",
    )
    sub_source: Annotated[str, BeforeValidator(_sub_source)] | None = Field(
        default=None,
        title="Sub-stream",
        description="rtsp:// or rtsps:// address of the same picture in a smaller size and the same shape"
        " (both 16:9, or both 4:3), with the same login; analysed instead of source only while the machine is"
        " overloaded, before a camera is suspended. One of another shape is never analysed."
        " CPU platform only.",
    )
    name: PlainName | None = Field(
        default=None,
        title="Name",
        description="The camera's name as people say it, such as Kamera Süd; absent: made of its id.",
    )
    enabled: bool = Field(default=True, title="Enabled", description="false: the camera is left alone.")
    credentials: CredentialsConfig | None = Field(
        default=None, title="Credentials", description="User name and password of an RTSP camera."
    )
    rotate: Literal[0, 90, 180, 270] = Field(
        default=0,
        title="Rotate",
        description="By how many degrees clockwise the picture is turned so that people stand upright;"
        " zones and masks are those of the turned picture.",
    )
    track: int = Field(
        default=1,
        title="Track",
        description="Which video track of an RTSP session is the picture, counted from 1 in the order of its"
        " description. Most cameras have one.",
        ge=1,
        le=16,
    )
    priority: int = Field(
        default=5,
        title="Priority",
        description="1 to 10. Where the machine cannot even do few frames of each camera, those with a lower"
        " number are suspended first; equals take turns, those with nobody in view first.",
        ge=1,
        le=10,
    )
    loop: bool = Field(
        default=False, title="Loop", description="true: a file or folder starts again at its end."
    )
    zones: dict[Slug, ZoneConfig] = Field(
        default_factory=dict, title="Zones", description="Named areas whose visitors are counted and timed."
    )
    masks: dict[Slug, MaskConfig] = Field(
        default_factory=dict,
        title="Masks",
        description="Named areas blacked out before analysis and in every output.",
    )

    @property
    def kind(self) -> SourceKind:
        """What the source is; a path that is a folder now counts as one."""
        return SourceKind.of(self.source)

    @field_validator("credentials")
    @classmethod
    def _only_for_rtsp(
        cls, value: CredentialsConfig | None, info: ValidationInfo
    ) -> CredentialsConfig | None:
        source = info.data.get("source")
        if value is not None and source is not None and not _RTSP.match(source):
            raise ValueError("are only for rtsp:// and rtsps:// sources; remove them")
        return value

    @field_validator("track")
    @classmethod
    def _only_in_sessions(cls, value: int, info: ValidationInfo) -> int:
        source = info.data.get("source")
        if value > 1 and source is not None and not _RTSP.match(source):
            raise ValueError("is only for rtsp:// and rtsps:// sources; remove it")
        return value

    @field_validator("loop")
    @classmethod
    def _only_for_files(cls, value: bool, info: ValidationInfo) -> bool:
        source = info.data.get("source")
        if value and source is not None and (_SCHEME.match(source) or is_device(source)):
            raise ValueError("is only for files and folders; remove it")
        return value


def finite_cameras(cameras: Mapping[str, CameraConfig]) -> frozenset[str]:
    """Return those that are files or folders: they have an end."""
    return frozenset(name for name, camera in cameras.items() if not camera.kind.live)
