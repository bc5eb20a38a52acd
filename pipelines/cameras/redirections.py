"""Where an RTSP camera sends its caller."""

from __future__ import annotations

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
