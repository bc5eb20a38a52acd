"""A camera as the pipelines see it: where it is, what it gives, how it is lost. No GStreamer here."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from pipelines.errors import BadInput

if TYPE_CHECKING:
    from engines.image import I420
    from pipelines.cameras.states import Cause


class Transport(str, Enum):
    """How RTP packets travel: inside the RTSP connection, as datagrams, or datagrams and else inside."""

    TCP = "tcp"
    UDP = "udp"
    AUTO = "auto"


PROTOCOLS: Final = {
    Transport.TCP: "tcp+tls",
    Transport.UDP: "udp+udp-mcast+tls",
    Transport.AUTO: "udp+tcp+tls",
}
"""What rtspsrc's property `protocols` says for each."""
DEFAULT_PORT: Final = {"rtsp": 554, "rtsps": 322}


class SourceKind(str, Enum):
    """What a source's address leads to.

    >>> SourceKind.of("/dev/video0").live, SourceKind.of("door.mp4").live
    (True, False)
    """

    RTSP = "rtsp"
    V4L2 = "v4l2"
    CSI = "csi"
    FILE = "file"
    FOLDER = "folder"

    @classmethod
    def of(cls, source: str) -> SourceKind:
        """Return the kind of an address, a device or a path; a path that leads nowhere counts as a file."""
        if "://" in source:
            return cls.CSI if source.startswith("csi://") else cls.RTSP
        if is_device(source):
            return cls.V4L2
        return cls.FOLDER if Path(source).is_dir() else cls.FILE

    @property
    def live(self) -> bool:
        """Whether frames come when they happen, not when they are read; files and folders have an end."""
        return self not in (SourceKind.FILE, SourceKind.FOLDER)

    @property
    def local(self) -> bool:
        """Whether it is a camera that is plugged into this machine."""
        return self in (SourceKind.V4L2, SourceKind.CSI)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """All that is needed to read one camera.

    source: rtsp:// or rtsps:// address without credentials, a device, or path of a file or image folder.
    fps: upper limit for cameras and files, exact rate for image folders. loop: files and folders start over.
    rotate: degrees clockwise by which the picture is turned upright. track: of the video tracks in an RTSP
    session, from 1.
    """

    camera: str
    source: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    transport: Transport = Transport.TCP
    fps: float = 10.0
    stale_after_ms: int = 3000
    connect_timeout_ms: int = 10000
    reconnect_first_ms: int = 500
    reconnect_max_ms: int = 30000
    reconnect_jitter: float = 0.3
    loop: bool = False
    rotate: int = 0
    track: int = 1
    tls_verify: bool = True

    def __post_init__(self) -> None:
        if not self.fps > 0:
            raise BadInput(f"{self.camera}: fps must be above 0")
        if "://" not in self.source:
            return
        try:
            url = urlsplit(self.source)
            host, _ = url.hostname, url.port
        except ValueError:
            raise BadInput(
                f"{self.camera}: source is no valid address; write rtsp://host:port/path"
            ) from None
        if url.scheme == "csi":
            raise BadInput(f"{self.camera}: csi:// cameras need DeepStream on a Jetson; use /dev/video0 here")
        if url.scheme not in ("rtsp", "rtsps") or not host:
            raise BadInput(f"{self.camera}: source must be rtsp://, rtsps://, a device or a path")
        if "@" in url.netloc:
            raise BadInput(f"{self.camera}: source holds credentials; put them under credentials:")

    @property
    def kind(self) -> SourceKind:
        """What the address leads to."""
        return SourceKind.of(self.source)

    @property
    def address(self) -> str:
        """The source as it may be logged: without a query, where some cameras take passwords."""
        return self.source.split("?", 1)[0] if "://" in self.source else self.source

    @property
    def stale_after_s(self) -> float:
        """Seconds without a frame until the camera counts as stale; never less than two slow frames."""
        slowest = 2.5 / self.fps if self.kind is SourceKind.FOLDER else 0.0
        return max(self.stale_after_ms / 1000, slowest)


def is_device(source: str) -> bool:
    """Return whether a path is a device such as /dev/video0 or /dev/v4l/by-id/NAME.

    Everything under /dev counts, as a camera may be unplugged now; /dev/shm holds plain files.
    """
    if source.startswith("/dev/"):
        return not source.startswith("/dev/shm/")  # noqa: S108 compared, not written to
    return _is_character_device(Path(source))


def _is_character_device(path: Path) -> bool:
    try:
        return stat.S_ISCHR(path.stat().st_mode)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One decoded frame with pixels of its own, not yet redacted. captured_at: UTC ns, rising per camera.

    wanted: whether it is to be analysed; else it may be shown between two that are.
    """

    camera: str
    captured_at: int
    pixels: I420
    wanted: bool = True


class SourceLost(Exception):
    """A source gives no more frames. `detail` is for the log at level debug and holds no secret.

    answer: the camera's own words, cleaned, where a person should see them.
    """

    def __init__(self, cause: Cause, detail: str = "", *, answer: str = "") -> None:
        super().__init__(f"{cause.value}: {detail}")
        self.cause, self.detail, self.answer = cause, detail, answer


class Source(Protocol):
    """One connection to one camera, used by one thread."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for the next frame and return whether there is one. SourceLost where there will be none."""

    def take(self) -> I420:
        """Copy out the frame that `wait` found. SourceLost where it cannot be read."""

    def take_withheld(self) -> int:
        """Return how many pictures were withheld since the last call, because a part of them was lost."""

    def take_undecoded(self) -> int:
        """Return how many pictures were left out before the decoder, as asked, since the last call."""

    @property
    def answered(self) -> bool:
        """Whether the camera has begun to send video, decoded or not."""

    def close(self) -> None:
        """Give everything back. May hang with a broken driver: call it where that hurts nobody."""
