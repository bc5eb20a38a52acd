"""Why a camera with an rtsps:// address gives nothing, told as of one without encryption."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from pipelines.cameras.connection import tls_fault
from pipelines.cameras.play_check import silent_fault
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cameras.states import Cause
from pipelines.cpu.source import open_source
from tests.fakes.certificate import certificate, trusted
from tests.fakes.rtsp_camera import RtspCamera
from tests.fakes.rtsp_replies import refusing_camera
from tests.fakes.tcp_server import tcp_server
from tests.waiting import wait_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

SHA_256 = '401 Unauthorized\r\nWWW-Authenticate: Digest realm="x", nonce="1", algorithm=SHA-256'
UNTRUSTED = "a certificate that this machine does not trust"
OTHER_NAME = "a certificate for another name than 127.0.0.1"
NO_TLS = "RTSP without TLS on this port: write rtsp://"
TLS = "TLS on this port: write rtsps://"


def lost(url: str, password: str | None = None) -> tuple[Cause, str]:
    """Return how a camera is lost before its first picture."""
    name = "viewer" if password else None
    spec = SourceSpec("c", url, name, password, connect_timeout_ms=8000)
    with (
        pytest.raises(SourceLost) as told,
        contextlib.closing(open_source(spec)) as source,
    ):
        wait_for(lambda: source.wait(0.1))
    return told.value.cause, told.value.answer


@pytest.fixture
def pem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A certificate that this machine trusts."""
    made = certificate(tmp_path)
    with trusted(made, monkeypatch):
        yield made


@pytest.mark.parametrize(
    ("method", "status", "cause"),
    [
        ("DESCRIBE", "404 Not Found", Cause.NOT_FOUND),
        ("DESCRIBE", "453 Not Enough Bandwidth", Cause.BUSY),
        ("DESCRIBE", "551 Option Not Supported", Cause.ANSWER),
        ("DESCRIBE", SHA_256, Cause.DIGEST),
        ("DESCRIBE", "200 OK\r\nContent-Length: 1000000000", Cause.ANSWER),
        ("SETUP", "453 Not Enough Bandwidth", Cause.BUSY),
        ("PLAY", "405 Method Not Allowed", Cause.ANSWER),
    ],
)
def test_a_refusal_has_its_cause_and_its_words(pem: Path, method: str, status: str, cause: Cause) -> None:
    with refusing_camera(method, status, pem=pem) as url:
        found, answer = lost(url)
    assert found is cause
    assert cause not in {Cause.BUSY} or answer.endswith(status)


def test_a_camera_that_keeps_quiet_about_its_refusal_is_asked_by_tls(pem: Path) -> None:
    login = ("anna", 'Sommer 2026"ö')
    with refusing_camera("PLAY", "405 Method Not Allowed", login, pem=pem) as url:
        assert silent_fault(SourceSpec("c", url, *login), timeout_s=60) == "405 Method Not Allowed"


def test_a_login_goes_to_no_camera_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    heard: list[bytes] = []
    with tcp_server(lambda client: heard.append(client.recv(4096)), certificate(tmp_path)) as port:
        spec = SourceSpec("c", f"rtsps://127.0.0.1:{port}/x?key=secret", "anna", "secret")
        assert silent_fault(spec, timeout_s=60) == ""
        assert lost(spec.source, "secret") == (Cause.TLS, UNTRUSTED)
    assert not any(heard)


@pytest.mark.parametrize(
    ("path", "password", "cause"), [("", "wrong", Cause.AUTH), ("-no", "secret", Cause.NOT_FOUND)]
)
def test_a_wrong_password_and_a_wrong_path(pem: Path, path: str, password: str, cause: Cause) -> None:
    with RtspCamera(tls=str(pem), user="viewer", password="secret") as camera:
        assert lost(camera.url + path, password)[0] is cause


def test_a_camera_with_a_trusted_certificate_plays(pem: Path) -> None:
    with RtspCamera(tls=str(pem), user="viewer", password="secret") as camera:
        spec = SourceSpec("c", camera.url, "viewer", "secret", connect_timeout_ms=60_000)
        with contextlib.closing(open_source(spec)) as source:
            wait_for(lambda: source.wait(0.1))
        assert silent_fault(spec, timeout_s=60) == ""


@pytest.mark.parametrize(
    ("name", "known", "answer"),
    [
        ("IP:127.0.0.1", False, UNTRUSTED),
        ("DNS:camera.lan", True, OTHER_NAME),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, answer: str, *, known: bool
) -> None:
    made = certificate(tmp_path, name)
    machine = trusted(made, monkeypatch) if known else contextlib.nullcontext()
    with machine, RtspCamera(tls=str(made)) as camera:
        assert lost(camera.url) == (Cause.TLS, answer)


def test_a_certificate_that_has_expired_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificate(tmp_path, days=0)
    with trusted(made, monkeypatch), tcp_server(lambda _: None, made) as port:
        spec = SourceSpec("c", f"rtsps://127.0.0.1:{port}/x")
        assert tls_fault(spec, timeout_s=60) == "a certificate that has expired"


def test_rtsp_without_tls_behind_an_rtsps_address() -> None:
    with RtspCamera() as camera:
        assert lost(camera.url.replace("rtsp:", "rtsps:")) == (Cause.TLS, NO_TLS)


def test_rtsp_without_tls_from_who_waits_for_the_end_of_a_request() -> None:
    """A handshake has no empty line in it: such a camera says nothing to it."""
    with refusing_camera("DESCRIBE", "404 Not Found") as url:
        assert lost(url.replace("rtsp:", "rtsps:")) == (Cause.TLS, NO_TLS)


def test_tls_behind_an_rtsp_address(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    with RtspCamera(tls=str(made)) as camera:
        assert lost(camera.url.replace("rtsps:", "rtsp:")) == (Cause.ANSWER, TLS)
    with refusing_camera("DESCRIBE", "404 Not Found", pem=made) as url:
        assert lost(url.replace("rtsps:", "rtsp:")) == (Cause.ANSWER, TLS)


def test_a_web_server_by_tls(pem: Path) -> None:
    def talk(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    with tcp_server(talk, pem) as port:
        assert lost(f"rtsps://127.0.0.1:{port}/x")[0] is Cause.NOT_RTSP
