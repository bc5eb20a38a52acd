"""What the page's address answers before the store is built: 503, and that it is starting."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

from pipelines.errors import BadInput
from web.access.headers import page_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelines.health import Health

POLL_S = 0.05
REQUEST_S = 1.0
SEND_AHEAD = 131_072
"""Most bytes of video that wait in the system for a viewer: more would only be older pictures."""
DEAD_S = 60
"""After this long without a sign of life from a client its connection ends: a phone that left the Wi-Fi."""
MAX_HEAD = 8192
SCRIPT = "setTimeout(() => location.reload(), 1000)"
"""A refresh by `meta` alone does not load the page again where its address ends with `#/floor`."""
STYLE = "p{font:18px sans-serif;margin:3em}"
PAGE = (
    "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<noscript><meta http-equiv=refresh content=1></noscript><title>Starting</title>"
    f"<script>{SCRIPT}</script><style>{STYLE}</style>"
    "<p>The store is starting. This page opens by itself.</p>"
)
CHECKS = ("/readyz", "/healthz")


class StartingPage:
    """Answers on a listening socket until `hand_over`, which gives the socket to the page's own server.

    One request after the other, each for a second at most: it answers for the seconds that models load.
    health: what `/readyz` and `/healthz` say, with 503. framed_by: origins that may frame the page.
    """

    def __init__(self, listener: socket.socket, health: Health, framed_by: Sequence[str] = ()) -> None:
        self._listener, self._health = listener, health
        loads = f"script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}"
        self._headers = page_headers(loads, framed_by)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="starting-page", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def hand_over(self) -> socket.socket:
        """End, within seconds where a client is slow; return the socket: it listens, who connects waits."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(3 * REQUEST_S + 1)
        return self._listener

    def close(self) -> None:
        """End, and give the address back."""
        self.hand_over().close()

    def _run(self) -> None:
        self._listener.settimeout(POLL_S)
        while not self._stop.is_set():
            with contextlib.suppress(OSError):  # nobody came, or a client went or sends nothing
                client, _ = self._listener.accept()
                with client:
                    client.settimeout(REQUEST_S)
                    client.sendall(answer(_request(client), self._health, self._headers))
        self._listener.settimeout(None)


def _request(client: socket.socket) -> bytes:
    """Return the head of a request, or what of it came within REQUEST_S."""
    head, ends = b"", time.monotonic() + REQUEST_S
    while b"\r\n\r\n" not in head and len(head) < MAX_HEAD and time.monotonic() < ends:
        more = client.recv(MAX_HEAD)
        if not more:
            break
        head += more
    return head


def _hash(inline: str) -> str:
    """Return the source expression of a policy by which an inline script or style of this text is taken."""
    return f"'sha256-{b64encode(sha256(inline.encode()).digest()).decode()}'"


def answer(head: bytes, health: Health, headers: Mapping[str, str]) -> bytes:
    """Return the whole answer to a request, with these headers besides.

    >>> from pipelines.health import Health
    >>> answer(b"GET /readyz HTTP/1.1", Health(False, ("starting",)), {}).splitlines()[-1]
    b'{"ok": false, "reasons": ["starting"]}'
    """
    words = head.split(b" ", 2)
    path = words[1].decode("ascii", "replace").split("?", 1)[0] if len(words) > 1 else ""
    if path.endswith(CHECKS):
        kind, body = "application/json", json.dumps({"ok": health.ok, "reasons": list(health.reasons)})
    else:
        kind, body = "text/html; charset=utf-8", PAGE
    coded = body.encode()
    lines = (
        "HTTP/1.1 503 Service Unavailable",
        f"Content-Type: {kind}",
        f"Content-Length: {len(coded)}",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Retry-After: 1",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + (b"" if words[0] == b"HEAD" else coded)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens for the page; BadInput where the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise _cannot(host, port, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SEND_AHEAD)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # the connections of this socket have it from here
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_S * 1000)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _cannot(host, port, error) from None
    return listener


def _cannot(host: str, port: int, error: Exception) -> BadInput:
    why = getattr(error, "strerror", None) or str(error)
    return BadInput(f"outputs.web.listen: {host}:{port}: {why}; choose another port or address")
