"""Questions to a device that does not mean well: its answer ends, in bytes and in time."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time

import pytest

from pipelines.cameras.soap import Login, ask
from pipelines.cameras.states import REMEDY, Cause
from pipelines.errors import BadInput

DIGEST = b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="c", nonce="n", qop="auth"\r\n'
LARGE = 64
MEGABYTE = bytes(1_000_000)


@contextlib.contextmanager
def device(head: bytes, parts, pause_s: float = 0.0):
    """Serve one connection; yield the URL, what was asked, and how many parts were sent in the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked, sent, done = bytearray(), [0], threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as channel:
            asked.extend(channel.recv(65536))
            channel.sendall(head)
            for part in parts:
                channel.sendall(part)
                sent[0] += 1
                if done.wait(pause_s):
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/onvif/device_service", asked, sent
        done.set()
        thread.join(120)


@pytest.mark.parametrize("login", [Login(), Login("viewer", "secret")])
@pytest.mark.parametrize("head", [DIGEST, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"])
def test_no_answer_is_read_to_an_end_that_may_never_come(head, login):
    whole = head + f"Content-Length: {LARGE * len(MEGABYTE)}\r\n\r\n".encode()
    with (
        device(whole, itertools.repeat(MEGABYTE, LARGE)) as (url, asked, sent),
        pytest.raises(BadInput, match="no ONVIF service answers there"),
    ):
        ask(url, "<a/>", login, time.monotonic() + 120)
    assert sent[0] < LARGE
    assert b"Accept-Encoding: identity" in asked


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"]
)
def test_an_answer_that_drips_ends_in_time(head):
    with device(head, itertools.repeat(b"a", 3000), 0.02) as (url, _, sent), pytest.raises(BadInput) as told:
        ask(url, "<a/>", Login(), time.monotonic() + 1)
    assert str(told.value) == REMEDY[Cause.TIMEOUT]
    assert sent[0] < 3000
