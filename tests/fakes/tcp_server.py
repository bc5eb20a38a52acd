"""A TCP server on this machine whose part of the talk a test writes."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def tcp_server(talk: Callable[[socket.socket], None], pem: Path | None = None) -> Iterator[int]:
    """Yield the port of a server that calls `talk` with each connection, in a thread of its own.

    A connection is closed when `talk` returns or the other side has gone. pem: certificate and key; with it
    all is encrypted, and `talk` hears nothing of a handshake that fails.
    """
    encrypted = _encrypted(talk, pem) if pem else talk
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, encrypted), daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def reset(client: socket.socket) -> None:
    """Close a connection by a reset, as a camera that restarts does. No other thread may read from it."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _encrypted(talk: Callable[[socket.socket], None], pem: Path) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def talk_by_tls(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as encrypted:
            talk(encrypted)

    return talk_by_tls


def _accept(server: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, talk), daemon=True).start()


def _serve(client: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with client, suppress(OSError):
        talk(client)
