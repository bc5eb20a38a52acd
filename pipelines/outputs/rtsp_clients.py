"""The clients of an RTSP server, each of which GStreamer serves in a thread of its own."""

from __future__ import annotations

import threading
from typing import Any


class RtspClients:
    """Knows which clients are connected.

    Python must not end before the last is gone: a client that says TEARDOWN just then makes GStreamer call
    handlers of Python's, and the process ends with a segmentation fault.

    clients = RtspClients(server)
    ...  # remove all clients
    clients.wait_gone(5)
    """

    def __init__(self, server: Any) -> None:
        self._changed = threading.Condition()
        self._here: set[int] = set()
        server.connect("client-connected", self._connected)

    def wait_gone(self, timeout_s: float) -> bool:
        """Wait until no client is connected; return whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._here, timeout_s)

    def _connected(self, _server: object, client: Any) -> None:
        number = hash(client)
        with self._changed:
            self._here.add(number)
        client.connect("closed", self._closed, number)

    def _closed(self, _client: object, number: int) -> None:
        with self._changed:
            self._here.discard(number)
            self._changed.notify_all()
