"""The page ends while clients hold it up: none that sends or reads nothing more is waited for."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.states import Cause
from pipelines.cameras.trial import CameraTrial
from tests.fakes.served_page import JPEG, served_page, wait_long_for_pictures
from tests.waiting import wait_for
from tests.web.access.test_certificate import signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fakes.served_page import Page


def begun(page: Page, request: str, framing: str, body: bytes) -> socket.socket:
    """Send the beginning of a request as somebody who has signed in, and nothing more."""
    client = page.client()
    head = (
        f"{request} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n"
        f"Cookie: msh_session={client.cookies['msh_session']}\r\n"
        f"X-CSRF-Token: {client.headers['X-CSRF-Token']}\r\n\r\n"
    )
    one = socket.create_connection(("127.0.0.1", page.server.port), 120)
    one.sendall(head.encode() + body)
    return one


def upload(page: Page) -> socket.socket:
    one = begun(page, "POST /api/jobs?name=a.jpg", "Content-Length: 500000", JPEG)
    wait_for(lambda: list(page.folder.rglob("uploads-*/*/")))  # it is being received
    return one


def words(page: Page) -> socket.socket:
    return begun(page, "POST /api/session", "Content-Length: 50\r\nContent-Type: application/json", b"{")


@pytest.fixture(autouse=True)
def nothing_else_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the connection to the end of the page: no time limit of its own comes before."""
    monkeypatch.setattr("web.server.STOP_S", 30)
    monkeypatch.setattr("web.access.body.SILENCE_S", 10_000.0)
    monkeypatch.setattr("web.access.listener.MAX_STALL_S", 10_000.0)
    monkeypatch.setattr("asyncio.constants.SSL_SHUTDOWN_TIMEOUT", 10_000.0)


@pytest.mark.parametrize("hold", [upload, words])
def test_a_request_that_stopped_coming_is_not_waited_for(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    hold: Callable[[Page], socket.socket],
) -> None:
    """The program printed that the event loop is closed, and that tasks were cancelled."""
    with served_page(tmp_path) as page, hold(page) as one:
        page.server.stop()
        answer = b""
        while part := one.recv(65536):
            answer += part
    head, _, said = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(said)["error"]["code"] == "busy"
    assert [one.getMessage() for one in caplog.records if one.levelname in ("WARNING", "ERROR")] == []
    assert capfd.readouterr().err == ""
    assert page.left() == []


def test_a_request_whose_work_takes_longer_is_answered_and_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that is tried may be silent for longer than an end takes; it was a traceback in the log."""
    monkeypatch.setattr("web.server.STOP_S", 1)
    asked, hold = threading.Event(), threading.Event()

    def attempt(*_: object) -> CameraTrial:
        asked.set()
        hold.wait(300)
        return CameraTrial(Cause.TIMEOUT)

    try:
        with served_page(tmp_path) as page:
            page.backend.try_camera = attempt
            camera = b'{"source": "rtsp://127.0.0.1:1/x"}'
            kind = f"Content-Type: application/json\r\nContent-Length: {len(camera)}"
            with begun(page, "POST /api/cameras/try", kind, camera) as one:
                assert asked.wait(300)
                page.server.stop()
                answer = b""
                while part := one.recv(65536):
                    answer += part
    finally:
        hold.set()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []


def test_a_client_that_does_not_read_its_video_is_not_waited_for(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait_long_for_pictures(monkeypatch)
    with served_page(tmp_path) as page:
        client = page.client()
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect(("127.0.0.1", page.server.port))
            cookie = f"msh_session={client.cookies['msh_session']}"
            path = "/api/cameras/entrance/video.mjpg"
            one.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())

            def is_stalled() -> bool:
                page.shoot(size=(1280, 720))
                connections = page.server._server.server_state.connections
                return any("stalled" in getattr(held, "_timers", ()) for held in connections)

            wait_for(is_stalled)
            page.server.stop()
    assert [one.getMessage() for one in caplog.records if one.levelname in ("WARNING", "ERROR")] == []
    assert capfd.readouterr().err == ""


def test_a_client_by_tls_that_has_fallen_asleep_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = signed(tmp_path)
    with served_page(tmp_path, more=f'tls: {{cert: "{cert}", key: "{key}"}}') as page:
        context = ssl.create_default_context(cafile=cert)
        plain = socket.create_connection(("127.0.0.1", page.server.port), 120)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as one:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(100)
            page.server.stop()
    assert [one.getMessage() for one in caplog.records if one.levelname in ("WARNING", "ERROR")] == []
