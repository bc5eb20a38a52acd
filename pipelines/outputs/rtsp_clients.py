"""The clients of an RTSP server, each of which GStreamer serves in a thread of its own."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import gi

gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, GstRtspServer  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Container

MAX_CLIENTS: Final = 128
"""Connections at a time: each costs a descriptor, of which a process has 1,024 where nobody gave it more."""
SILENT_S: Final = 60.0
"""A connection without a stream ends after this long; a camera without pictures lets one wait for 20 s."""
# Read before threads: see pipelines.cameras.login_guard.
_KEEP = GstRtspServer.RTSPFilterResult.KEEP


class RtspClients:
    """Knows which clients are connected, and disconnects those that have asked for no stream.

    GStreamer ends the sessions of who falls silent, but keeps a connection that never had one for ever.

    Python must not end before the last is gone: a client that says TEARDOWN just then makes GStreamer call
    handlers of Python's, and the process ends with a segmentation fault.

    clients = RtspClients(server)
    ...  # remove all clients
    clients.wait_gone(5)
    """

    def __init__(self, server: Any) -> None:
        self._changed = threading.Condition()
        self._here: dict[int, float] = {}
        server.connect("client-connected", self._connected)

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until no client is connected; return whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._here, timeout_s)

    def drop_silent(self, server: Any) -> None:
        """Disconnect who has asked for no stream for SILENT_S; called now and then on the server's loop."""
        since = time.monotonic() - SILENT_S
        silent = self._silent(server)
        disconnect(server, {number for number in silent if self._here.get(number, since) < since})

    def _connected(self, server: Any, client: Any) -> None:
        number = hash(client)
        with self._changed:
            self._here[number] = time.monotonic()
            over = len(self._here) - MAX_CLIENTS
        client.connect("closed", self._closed, number)
        if over > 0:
            disconnect(server, set(self._silent(server)[:over]))

    def _silent(self, server: Any) -> list[int]:
        """Return who has no stream, the longest connected first."""
        found: set[int] = set()

        def look(_server: object, client: Any) -> Any:
            if not client.session_filter(None):
                found.add(hash(client))
            return _KEEP

        server.client_filter(look)
        return [number for number in list(self._here) if number in found]

    def _closed(self, _client: object, number: int) -> None:
        with self._changed:
            self._here.pop(number, None)
            self._changed.notify_all()


def disconnect(server: Any, numbers: Container[int] | None = None) -> None:
    """Have those clients go, None: all, each in its own thread; called on the server's loop. Returns before.

    GStreamer's own way to remove one closes the connection here, while its thread may read from it: of some
    hundred such ends one was a segmentation fault. What is shut down is read to its end there.
    """

    def look(_server: object, client: Any) -> Any:
        if numbers is None or hash(client) in numbers:
            connection = client.get_connection()
            ways = (connection.get_read_socket(), connection.get_write_socket()) if connection else ()
            for socket in ways:
                with suppress(GLib.Error):  # the client has gone just now
                    socket.shutdown(True, True)
        return _KEEP

    server.client_filter(look)
