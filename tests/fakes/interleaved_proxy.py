"""A proxy before a real RTSP camera that sends what comes over TCP on other channels than the camera does."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.fakes.tcp_server import reset, tcp_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO


@contextmanager
def interleaved_proxy(
    url: str,
    channels: Mapping[int, int],
    told: Callable[[str], str] = lambda line: line,
    changed: Callable[[bytearray], object] = lambda _: None,
) -> Iterator[str]:
    """Yield the address. channels: the camera's -> those sent on; told: from a line of an answer's head.

    changed: writes into each packet of video.
    """
    camera = urlsplit(url)

    def talk(client: socket.socket) -> None:
        with socket.create_connection((camera.hostname or "", camera.port or 554)) as server:
            threading.Thread(target=_requests, args=(client, server), daemon=True).start()
            with server.makefile("rb") as sent:
                while part := _next(sent, channels, told, changed):
                    client.sendall(part)

    with tcp_server(talk) as port:
        yield f"rtsp://127.0.0.1:{port}{camera.path}"


@contextmanager
def cutting_proxy(url: str, cut: threading.Event) -> Iterator[str]:
    """Yield the address of a camera that resets its connections once `cut` is set."""
    camera = urlsplit(url)

    def talk(client: socket.socket) -> None:
        with socket.create_connection((camera.hostname or "", camera.port or 554)) as server:
            other = {client: server, server: client}
            while not cut.is_set():
                for one in select.select(list(other), (), (), 0.02)[0]:
                    if not (part := one.recv(65536)):
                        return
                    other[one].sendall(part)
        reset(client)

    with tcp_server(talk) as port:
        yield f"rtsp://127.0.0.1:{port}{camera.path}"


def _requests(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while part := client.recv(65536):
            server.sendall(part)
        server.shutdown(socket.SHUT_RDWR)


def _next(
    sent: BinaryIO,
    channels: Mapping[int, int],
    told: Callable[[str], str],
    changed: Callable[[bytearray], object],
) -> bytes:
    """Return the next packet or answer, changed; nothing at the end."""
    if (first := sent.read(1)) == b"$":
        channel, *size = sent.read(3)
        packet = bytearray(sent.read(int.from_bytes(size, "big")))
        if channel % 2 == 0:
            changed(packet)
        return bytes([0x24, channels.get(channel, channel), *size]) + packet
    lines = [first + sent.readline()]
    while lines[-1].strip():
        lines.append(sent.readline())
    length = next(
        (int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length")), 0
    )
    return b"".join(told(line.decode("latin-1")).encode("latin-1") for line in lines) + sent.read(length)
