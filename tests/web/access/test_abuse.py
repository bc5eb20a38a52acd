import json
import select
import socket
import time

import httpx
import pytest

from tests import plain_http
from tests.fakes.served_page import JPEG, served_page, wait_long_for_pictures
from tests.waiting import wait_for
from web.access import body, guard, listener
from web.live import video


@pytest.fixture
def page(tmp_path):
    with served_page(tmp_path) as page:
        yield page


def connect(page) -> socket.socket:
    return socket.create_connection(("127.0.0.1", page.server.port), 120)


def closed(sockets, within_s: float = 120.0) -> bool:
    """Whether the server ends all these connections in time."""
    ends = time.monotonic() + within_s
    for one in sockets:
        one.settimeout(max(0.1, ends - time.monotonic()))
        try:
            while one.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
    return True


def answered(one) -> tuple[int, str]:
    """The status and what is said, once the server has closed."""
    answer = b""
    while part := one.recv(65536):
        answer += part
    head, _, written = answer.partition(b"\r\n\r\n")
    assert head, "closed without an answer"
    return int(head.split()[1]), written.decode()


def upload(page, framing: str, *, method: str = "POST", version: str = "1.1") -> bytes:
    """The head of an upload by somebody who has signed in."""
    client = page.client()
    return (
        f"{method} /api/jobs?name=a.jpg HTTP/{version}\r\nHost: localhost\r\n{framing}\r\n"
        f"Cookie: msh_session={client.cookies['msh_session']}\r\n"
        f"X-CSRF-Token: {client.headers['X-CSRF-Token']}\r\n\r\n"
    ).encode()


def works(page) -> bool:
    """Whether the page answers soon. Refused first: sent late, or others are leaving."""

    def answered() -> bool:
        try:
            return plain_http.get(f"{page.url}/api/floor").status_code == 200
        except httpx.TransportError:
            return False

    return wait_for(answered)


@pytest.mark.parametrize("head", [b"", b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_slow_heads_are_cut_off(page, monkeypatch, head):
    monkeypatch.setattr(listener, "HEAD_S", 0.5)
    slow = [connect(page) for _ in range(50)]
    for one in slow:
        one.sendall(head)
    assert works(page)
    assert closed(slow)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: "
            + b"a" * 20_000
            + b"\r\n\r\n",
            431,
        ),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"a" * 3_000_000 + b"\r\n\r\n", 431),
        (b"NONSENSE\r\n\r\n", 400),
    ],
)
def test_a_head_that_is_too_long_or_none_is_answered(page, sent, status):
    with connect(page) as one:
        one.sendall(sent)
        got, written = answered(one)
    assert got == status
    assert json.loads(written)["error"]["code"] == ("too_large" if status == 431 else "bad_request")
    assert works(page)


def test_a_head_that_never_ends_is_told_so_and_an_unused_connection_is_only_closed(page, monkeypatch):
    monkeypatch.setattr(listener, "HEAD_S", 0.5)
    with connect(page) as begun, connect(page) as unused:
        begun.sendall(b"POST /api/jobs HTTP/1.1\r\nHost: local")
        status, said = answered(begun)
        assert unused.recv(100) == b""
    assert (status, "came too slowly" in said) == (408, True)


@pytest.mark.parametrize("framing", ["Content-Length: 104", "Content-Length: 104\r\nConnection: close"])
def test_who_has_sent_all_and_says_so_is_answered(page, framing):
    """Programs that close their half of the connection still read; before, they got nothing."""
    with connect(page) as one:
        one.sendall(upload(page, framing) + JPEG)
        one.shutdown(socket.SHUT_WR)
        status, said = answered(one)
    assert (status, json.loads(said)["name"]) == (201, "a.jpg")


@pytest.mark.parametrize("length", [20, None])
def test_an_upload_that_ends_early_is_told_so(page, length, caplog):
    with connect(page) as one:
        one.sendall((upload(page, "Content-Length: 5000") + JPEG)[:length])
        one.shutdown(socket.SHUT_WR)
        status, said = answered(one)
    assert (status, "ended before its end" in said) == (400, True)
    wait_for(lambda: not page.server._app._jobs._receiving)
    assert not caplog.records


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_a_body_that_is_no_http_is_answered_once_and_leaves_no_traceback(page, method, caplog):
    with connect(page) as one:
        one.sendall(upload(page, "Transfer-Encoding: chunked", method=method) + b"zz\r\n")
        status, said = answered(one)
    assert (status, "no HTTP request" in said) == (400, method == "POST")
    assert works(page)
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_proxy_that_still_sends_hears_why_an_upload_is_refused(page, version):
    """nginx asks for the end of the connection in each request, and reads when all is sent."""
    with connect(page) as one:
        head = upload(page, "Content-Length: 3000000\r\nConnection: close", version=version)
        one.sendall(head + b"%PDF-1.7" + bytes(100_000))
        assert select.select([one], [], [], 120)[0]
        for _ in range(28):
            one.sendall(bytes(100_000))
        status, said = answered(one)
    assert (status, "PDF" in said) == (415, True)


def test_a_head_that_trickles_gets_no_more_time(page, monkeypatch):
    monkeypatch.setattr(listener, "HEAD_S", 0.5)
    slow = connect(page)

    def refused() -> bool:
        try:
            slow.sendall(b"X")
        except OSError:
            return True
        return False

    wait_for(refused)


def test_a_body_that_stalls_is_refused(page, monkeypatch):
    client = page.client()
    monkeypatch.setattr(body, "SILENCE_S", 0.3)
    slow = connect(page)
    cookie, word = client.cookies["msh_session"], client.headers["X-CSRF-Token"]
    slow.sendall(
        b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        + f"Cookie: msh_session={cookie}\r\nX-CSRF-Token: {word}\r\n\r\n".encode()
        + JPEG
    )
    assert slow.recv(65536).startswith(b"HTTP/1.1 400 ")
    wait_for(lambda: not page.left())


def test_a_viewer_who_does_not_read_is_cut_off_and_holds_up_nobody(page, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    monkeypatch.setattr(listener, "MAX_STALL_S", 0.5)
    deaf = connect(page)
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(b"GET /api/cameras/entrance/video.mjpg?width=1280 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for(lambda: page.live.watched("entrance") == 1)
    with page.filming():
        wait_for(lambda: page.live.watched("entrance") == 0)
    assert works(page)


def test_two_hundred_viewers(page, monkeypatch):
    wait_long_for_pictures(monkeypatch)
    viewers = [connect(page) for _ in range(200)]
    for one in viewers:
        one.sendall(b"GET /api/cameras/entrance/video.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for(lambda: page.live.watched("entrance") == video.MAX_PER_CAMERA)
    begun = page.live.encoded
    page.shoot(20)
    assert page.live.encoded - begun <= 20
    statuses = [one.recv(12) for one in viewers]
    assert statuses.count(b"HTTP/1.1 200") == video.MAX_PER_CAMERA
    assert statuses.count(b"HTTP/1.1 503") == 200 - video.MAX_PER_CAMERA
    assert works(page)
    for one in viewers:
        one.close()
    wait_for(lambda: page.live.watched("entrance") == 0)


def test_connections_are_bounded(page, monkeypatch):
    monkeypatch.setattr(listener, "MAX_PER_ADDRESS", 20)
    many = [connect(page) for _ in range(60)]
    assert closed(many[20:])
    for one in many:
        one.close()
    assert works(page)


def test_a_flood_of_requests_is_told_to_slow_down(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "BURST", 40)
    monkeypatch.setattr(guard, "PER_S", 0.001)
    with served_page(tmp_path) as page:
        client = page.client()
        codes = [client.get("/api/session").status_code for _ in range(80)]
        assert set(codes) == {200, 429}
        assert plain_http.get(f"{page.url}/healthz").status_code == 503, "health is never limited"
        page.server._app.gate._requests._left.clear()
        assert works(page)


@pytest.mark.parametrize(
    "path",
    [
        "/../web/app.py",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "/static/../../pyproject.toml",
        "/....//app.py",
        "/%00",
        "/api/cameras/..%2f..%2fetc/picture.jpg",
        "/api/jobs/..%2f..%2f..%2fetc%2fpasswd/result",
        "/api/jobs/%2e%2e/result",
        "//etc/passwd",
    ],
)
def test_paths_lead_nowhere(page, path):
    with connect(page) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := raw.recv(65536):
            answer += part
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"import" not in answer


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(page, request_):
    with connect(page) as raw:
        raw.sendall(request_)
        raw.shutdown(socket.SHUT_WR)
        assert closed([raw])
    assert works(page)
