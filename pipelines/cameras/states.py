"""What a camera is doing and why: closed sets, because they are metric labels and status on MQTT."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CameraState(str, Enum):
    """What a camera is doing now."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    BACKOFF = "backoff"
    AUTH_FAILED = "auth_failed"
    NOT_FOUND = "not_found"
    DISABLED = "disabled"
    STOPPED = "stopped"


class Cause(str, Enum):
    """Why a camera is not live."""

    NONE = "none"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    TLS = "tls"
    CODEC = "codec"
    NO_VIDEO = "no_video"
    ENDED = "ended"
    STALLED = "stalled"
    LOSS = "loss"
    DECODE = "decode"
    DEVICE = "device"
    FILE = "file"
    STUCK = "stuck"
    DIGEST = "digest"
    BUSY = "busy"
    NOT_RTSP = "not_rtsp"
    ANSWER = "answer"
    NO_PICTURE = "no_picture"
    HANGS_UP = "hangs_up"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What is known of a camera. Times are UTC ns; `stuck` counts connections that never closed."""

    state: CameraState
    cause: Cause
    since: int
    last_frame_at: int | None
    frames_received: int
    connects: int
    stuck: int


REMEDY: dict[Cause, str] = {
    Cause.NONE: "nothing to do",
    Cause.REFUSED: "the camera answers but not on this port: check the port, and that RTSP is switched on",
    Cause.UNREACHABLE: "no way to the camera: check its name or address, its power and the network",
    Cause.TIMEOUT: "no answer in time: check address and firewall; if transport is udp, try tcp",
    Cause.AUTH: "the camera rejects user name or password: check the camera's credentials",
    Cause.NOT_FOUND: "the camera has no such stream: check the path in its address",
    Cause.TLS: "no trusted encryption: make this machine trust its certificate (docs/debugging.md), or use rtsp://",
    Cause.CODEC: "its video format cannot be read: use H.264 or H.265",
    Cause.NO_VIDEO: (
        "it sends no video: choose a stream or file that holds video, a track that it has, another transport"
    ),
    Cause.ENDED: "the stream has ended: a camera is called again, a file starts over only with loop",
    Cause.STALLED: "it stays connected but sends no frames: restart the camera, check its load and network",
    Cause.LOSS: "parts of its video are lost: use transport tcp, check cable and Wi-Fi, set more key frames",
    Cause.DECODE: "its video is damaged: check the network for loss, or the file by playing it",
    Cause.DEVICE: "the device cannot be read: check that it exists, is a camera, and is not in use",
    Cause.FILE: "the file or folder cannot be read: check that it exists, may be read, and is media",
    Cause.STUCK: "earlier connections do not close: restart the service, check the camera's driver",
    Cause.DIGEST: "it wants a login by another digest than MD5, such as SHA-256: allow MD5 in its settings",
    Cause.BUSY: "it serves all the viewers it can: close one, or allow more in the camera's settings",
    Cause.NOT_RTSP: "this port speaks HTTP: give the camera's RTSP port, mostly 554",
    Cause.ANSWER: "it answers as no camera should: check the address, restart the camera, renew its firmware",
    Cause.NO_PICTURE: (
        "it answers, but no picture can be decoded: set a key frame every 1 or 2 s, or choose another stream"
    ),
    Cause.HANGS_UP: (
        "it hangs up: close its other viewers, wait if a wrong password has locked it, check the port"
    ),
    Cause.UNKNOWN: "reason unknown: see the log at level debug",
}
"""One line per cause that tells a person what to do."""
