"""Where an RTSP camera sends its caller."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urljoin, urlsplit


def redirection_target(asked: str, location: str) -> str:
    """Return the whole address that a redirection means; nothing where it is none of a camera.

    >>> [redirection_target("rtsp://10.0.0.5/one", one) for one in ("/two", "http://10.0.0.5/")]
    ['rtsp://10.0.0.5/two', '']
    """
    try:
        target = urljoin(asked, location.strip())
        url = urlsplit(target)
        known = url.scheme in ("rtsp", "rtsps") and bool(url.hostname) and url.port != 0
    except ValueError:
        return ""
    return target if known and target.isascii() and target.isprintable() else ""


def may_have_login(asked: str, target: str) -> bool:
    """Return whether a login for one address may go to the other, to which its camera sends the caller.

    rtspsrc would answer whoever asks there, readable where that is by Basic. May ask for names: it blocks.

    >>> [may_have_login("rtsps://10.0.0.5/a", f"{one}/b") for one in ("rtsps://10.0.0.5:7", "rtsp://10.0.0.5")]
    [True, False]
    >>> may_have_login("rtsp://10.0.0.5/a", "rtsp://10.0.0.6/a")
    False
    """
    one, other = urlsplit(asked), urlsplit(target)
    if one.scheme == "rtsps" and other.scheme != "rtsps":
        return False
    return one.hostname == other.hostname or bool(_addresses(one.hostname) & _addresses(other.hostname))


def _addresses(host: str | None) -> set[str]:
    """Return the addresses of a host, for cameras that are asked by name send to their address."""
    with suppress(OSError, UnicodeError):
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    return set()
