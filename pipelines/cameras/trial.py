"""One look at a camera that is not in the store file yet: its first picture, or why there is none."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from pipelines.cameras.closing import close_within
from pipelines.cameras.source import SourceLost
from pipelines.cameras.states import REMEDY, Cause
from pipelines.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from engines.image import I420
    from pipelines.cameras.source import Source, SourceSpec

WAIT_S = 0.2
_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1")
_OWN = tuple(map(ipaddress.ip_network, _NETWORKS))


def first_frame(
    spec: SourceSpec, timeout_s: float, opener: Callable[[SourceSpec], Source]
) -> tuple[I420, float]:
    """Connect as a running store does; return the first picture and how long it took, in s.

    Raises SourceLost, and BadInput where the specification is wrong.
    """
    began = time.monotonic()
    source, answered = opener(spec), False
    try:
        while time.monotonic() < began + timeout_s:
            if source.wait(WAIT_S):
                return source.take(), time.monotonic() - began
            answered = source.answered
    finally:
        close_within(source, spec.camera)
    raise SourceLost(Cause.NO_PICTURE if answered else Cause.TIMEOUT, "no picture in time")


def near_address(source: str) -> str:
    """Return the address of a source's host; BadInput where one is not of this machine's own networks.

    Whoever connects takes this address: asked again, a name may stand for another one (DNS rebinding).
    So that the page cannot be made to ask other people's machines: private addresses (RFC 1918, RFC 4193),
    link-local ones of IPv6, and this machine's own. Those of 169.254.0.0/16 are where clouds keep secrets.
    """
    url = urlsplit(source)
    try:
        found = socket.getaddrinfo(url.hostname or "", url.port or 554, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise BadInput(REMEDY[Cause.UNREACHABLE]) from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not all(any(a in network for network in _OWN) for a in addresses):
        raise BadInput("only cameras of the store's own network are tried; write others into the store file")
    return str(found[0][4][0])


def pinned(url: str, address: str) -> str:
    """Return a URL with an address in place of its host's name.

    One with TLS keeps the name, which the camera's certificate must show.
    """
    parts = urlsplit(url)
    if parts.scheme == "rtsps":
        return url
    return urlunsplit((parts.scheme, netloc(address, parts.port), parts.path, parts.query, ""))


def netloc(host: str, port: int | None) -> str:
    """Return host and port as a URL has them."""
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


@dataclass(frozen=True, slots=True)
class CameraTrial:
    """What became of a try. jpeg: the masked picture; empty where this platform cannot mask a single one.

    cause: NONE where a picture came; size: of the camera's picture, px.
    """

    cause: Cause
    answer: str = ""
    size: tuple[int, int] = (0, 0)
    seconds: float = 0.0
    jpeg: bytes = b""

    @property
    def remedy(self) -> str:
        """What to do, for people."""
        return REMEDY[self.cause]
