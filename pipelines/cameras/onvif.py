"""The streams that a camera offers, by ONVIF's media service (version 10): what each is, and its address."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from xml.sax.saxutils import escape

from pipelines.cameras.soap import NO_ONVIF, Login, ask
from pipelines.cameras.switching import same_shape
from pipelines.cameras.trial import netloc
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

TIMEOUT_S = 10.0
MAX_STREAMS = 8
MAX_NAME = 60
MIN_SUB_HEIGHT = 240
"""Height in px of the smallest sub-stream that is worth its analysis: people are 80 px high at least."""
MAX_YEAR = 9999
"""The last year of datetime: a clock that stands there leaves no time to come."""
SERVICE_PATH = "/onvif/device_service"
"""Where the standard puts a camera's first service."""
_DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_MEDIA = "http://www.onvif.org/ver10/media/wsdl"
_T = "{http://www.onvif.org/ver10/schema}"
_M = f"{{{_MEDIA}}}"
_TIME = f'<GetSystemDateAndTime xmlns="{_DEVICE}"/>'
_CAPABILITIES = f'<GetCapabilities xmlns="{_DEVICE}"><Category>Media</Category></GetCapabilities>'
_PROFILES = f'<GetProfiles xmlns="{_MEDIA}"/>'
_URI = (
    f'<GetStreamUri xmlns="{_MEDIA}"><StreamSetup><Stream xmlns="{_T[1:-1]}">RTP-Unicast</Stream>'
    f'<Transport xmlns="{_T[1:-1]}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
    "<ProfileToken>{token}</ProfileToken></GetStreamUri>"
)


@dataclass(frozen=True, slots=True)
class CameraStream:
    """A stream that a camera offers. source: its address, without a login; 0 and "" for what is not told.

    width, height in px; fps frames a second; kbps kbit/s.
    """

    source: str
    name: str = ""
    width: int = 0
    height: int = 0
    fps: int = 0
    codec: str = ""
    kbps: int = 0


def sub_stream_beside(main: CameraStream, streams: Iterable[CameraStream]) -> CameraStream | None:
    """Return the stream that does for `sub_source` beside a main one; None where there is none.

    It has the same shape as far as the camera tells it, and half of the pixels at most; of several, the
    largest.
    """
    fitting = [
        one
        for one in streams
        if one.source != main.source
        and one.height >= MIN_SUB_HEIGHT
        and 2 * one.width * one.height <= main.width * main.height
        and same_shape((main.width, main.height), (one.width, one.height))
    ]
    return max(fitting, key=lambda one: one.width * one.height, default=None)


def find_streams(
    service: str, host: str, username: str = "", password: str = "", timeout_s: float = TIMEOUT_S
) -> list[CameraStream]:
    """Return the streams of the camera whose device service has this address, the largest first.

    host: what stands in the streams' addresses in place of what the camera calls itself, so that nothing
    leads to another machine. Raises BadInput with what to do about it.

    Example: ``find_streams("http://10.0.0.7/onvif/device_service", "10.0.0.7", "viewer", "secret")``
    """
    until = time.monotonic() + timeout_s
    login = Login(username, password)
    if username:
        login = replace(login, ahead_s=_ahead(ask(service, _TIME, Login(), until)))
    media = ask(service, _CAPABILITIES, login, until).findtext(f".//{_T}Media/{_T}XAddr")
    if media:
        service = _at_host_of(service, media)
    profiles = ask(service, _PROFILES, login, until).iter(f"{_M}Profiles")
    streams = []
    for profile in list(profiles)[:MAX_STREAMS]:
        body = _URI.format(token=escape(profile.get("token", "")))
        with contextlib.suppress(BadInput):  # a profile without a picture has no address
            uri = ask(service, body, login, until).findtext(f".//{_T}Uri") or ""
            streams.append(_stream(_rtsp_at(uri, host), profile))
    if not streams:
        raise BadInput(NO_ONVIF)
    return sorted(streams, key=lambda stream: -stream.width * stream.height)


def _ahead(answer: Element) -> float:
    """Return how far the camera's clock is ahead, in s; 0 where it does not say, or no clock goes there."""
    utc = answer.find(f".//{_T}UTCDateTime")
    if utc is None:
        return 0.0
    keys = ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    try:
        parts = [int(utc.findtext("/".join(_T + part for part in key.split("/"))) or "") for key in keys]
        there = datetime(*parts[:6], tzinfo=timezone.utc)  # type: ignore[misc, arg-type]
    except (ValueError, OverflowError):
        return 0.0
    ahead = (there - datetime.now(timezone.utc)).total_seconds()
    return ahead if 1970 <= there.year < MAX_YEAR else 0.0


def _at_host_of(service: str, other: str) -> str:
    """Return another service's address with its path and port, on the host that was asked."""
    mine = urlsplit(service)
    try:
        url = urlsplit(other.strip())
        port = url.port
    except ValueError:
        return service
    if url.scheme != mine.scheme or not url.hostname:
        return service
    return urlunsplit((mine.scheme, netloc(mine.hostname or "", port), url.path, url.query, ""))


def _rtsp_at(uri: str, host: str) -> str:
    try:
        url = urlsplit(uri.strip())
        port = url.port
    except ValueError:
        raise BadInput(NO_ONVIF) from None
    if url.scheme not in {"rtsp", "rtsps"} or not uri.isprintable() or "$" in uri:
        raise BadInput(NO_ONVIF)
    return urlunsplit((url.scheme, netloc(host, port), url.path, url.query, ""))


def _stream(source: str, profile: Element) -> CameraStream:
    encoder = f"{_T}VideoEncoderConfiguration"
    name = "".join(c for c in profile.findtext(f"{_T}Name") or "" if c.isprintable()).strip()[:MAX_NAME]

    def number(*keys: str) -> int:
        text = profile.findtext("/".join([encoder, *(_T + key for key in keys)])) or ""
        return min(int(text), 1_000_000) if text.isascii() and text.isdigit() else 0

    codec = "".join(filter(str.isalnum, profile.findtext(f"{encoder}/{_T}Encoding") or ""))[:12]
    return CameraStream(
        source,
        name,
        number("Resolution", "Width"),
        number("Resolution", "Height"),
        number("RateControl", "FrameRateLimit"),
        codec,
        number("RateControl", "BitrateLimit"),
    )
