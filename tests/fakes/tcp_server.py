"""A TCP server on this machine whose part of the talk a test writes."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def tcp_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yield the port of a server that calls `talk` with each connection, in a thread of its own.

    A connection is closed when `talk` returns or the other side has gone.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, talk), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, talk), daemon=True).start()


def _serve(client: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with client, suppress(OSError):
        talk(client)
