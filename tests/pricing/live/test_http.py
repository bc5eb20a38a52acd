from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pricing.live.http import Failure, HttpClient, parse_json
from tests.fakes.price_server import KEY, PriceServer

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = {"x-api-key": KEY}


@pytest.mark.parametrize(
    ("mode", "failure"),
    [
        ("slow", Failure.TIMEOUT),
        ("drip", Failure.TIMEOUT),
        ("429", Failure.LIMITED),
        ("401", Failure.REFUSED),
        ("403", Failure.REFUSED),
        ("500", Failure.BROKEN),
        ("302", Failure.REJECTED),
        ("400", Failure.REJECTED),
        ("huge", Failure.GARBAGE),
        ("bomb", Failure.GARBAGE),
        ("cut", Failure.GARBAGE),
        ("good", None),
        ("404", None),
    ],
)
def test_every_end_is_a_reply_in_time(mode: str, failure: Failure | None) -> None:
    with PriceServer(mode=mode) as server:
        begins = time.monotonic()
        client = HttpClient(1.0 if failure is Failure.TIMEOUT else 120.0)
        reply = client.get(server.url, {"q": "nike"}, HEADERS)
        assert reply.failure is failure
        assert failure is not Failure.TIMEOUT or time.monotonic() - begins < 60
        assert len(reply.body) < 2_000_000
        assert len(server.asked) == 1


def test_what_does_not_listen_is_unreachable() -> None:
    with PriceServer() as server:
        url = server.url
    assert HttpClient(120.0).get(url, {}, HEADERS).failure is Failure.UNREACHABLE
    assert HttpClient(120.0).get(url.replace("http", "https"), {}, {"x": "\n"}).failure is Failure.UNREACHABLE


def test_close_cuts_what_is_under_way() -> None:
    with PriceServer(mode="slow") as server:
        client = HttpClient(110.0)
        timer = threading.Timer(0.2, client.close)
        timer.start()
        begins = time.monotonic()
        assert client.get(server.url, {}, HEADERS).failure is Failure.TIMEOUT
        assert time.monotonic() - begins < 100
        assert client.get(server.url, {}, HEADERS).failure is Failure.TIMEOUT


def test_no_cookie_and_no_login_of_the_machine_goes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with PriceServer(headers={"Set-Cookie": "a=b"}) as server:
        client = HttpClient(120.0)
        client.get(server.url, {}, HEADERS)
        client.get(server.url, {}, HEADERS)
        assert not any({"cookie", "authorization"} & set(headers) for _, _, headers in server.asked)


@pytest.mark.parametrize("body", [b"", b"x", b"\xff", b"[" * 200_000, b'{"a": NaN}', b"[Infinity]"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 of json's own many kinds
        parse_json(body)


def test_an_unknown_certificate_is_refused_and_a_hanging_handshake_cut(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        begins = time.monotonic()
        assert HttpClient(0.5).get(url, {}, HEADERS).failure is Failure.TIMEOUT
        assert time.monotonic() - begins < 60
    with PriceServer() as server:
        server.use_tls(context)
        url = server.url.replace("http://", "https://")
        assert HttpClient(120.0).get(url, {}, HEADERS).failure is Failure.TLS
        assert server.asked == []
