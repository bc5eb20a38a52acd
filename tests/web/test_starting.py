"""The page's address while the store is built."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing

import pytest

from pipelines.errors import BadInput
from pipelines.health import Health
from pipelines.sales.phones import ACTIVE_S
from tests.fakes.broker import free_port
from tests.web.browsing import browser
from web.starting import DEAD_S, StartingPage, answer, listen

HEALTH = Health(False, ("starting: models",))


def get(port: int, path: str, method: str = "GET") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path)
    return connection.getresponse()


def test_it_says_starting_until_the_socket_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.starting.REQUEST_S", 120.0)  # a busy machine may send a request late
    starting = StartingPage(listen("127.0.0.1", 0), HEALTH)
    starting.start()
    port = starting._listener.getsockname()[1]
    ready = get(port, "/shop/readyz?x=1")
    assert (ready.status, json.loads(ready.read())) == (503, {"ok": False, "reasons": ["starting: models"]})
    page = get(port, "/")
    assert (page.status, page.headers["Retry-After"]) == (503, "1")
    assert b"The store is starting" in page.read()
    assert get(port, "/", "HEAD").read() == b""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as rude:
        rude.sendall(b"\x00" * 20_000)
    with starting.hand_over() as whole, socket.create_connection(("127.0.0.1", port), timeout=120) as waiting:
        client, peer = whole.accept()
        if peer != waiting.getsockname():  # who was rude may still have been in the queue
            client.close()
            client, _ = whole.accept()
        with client:
            client.sendall(b"page")
            assert waiting.recv(4) == b"page"


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux only")
def test_a_connection_whose_client_has_gone_ends_and_its_phone_counts_for_two_minutes_at_most() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        client, _ = listener.accept()
        with client:
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == DEAD_S * 1000
    assert DEAD_S + ACTIVE_S <= 120


@pytest.mark.parametrize("place", ["/", "/#/floor"])
def test_who_comes_early_need_not_come_again(place: str) -> None:
    starting = StartingPage(listen("127.0.0.1", 0), HEALTH)
    starting.start()
    url = f"http://127.0.0.1:{starting._listener.getsockname()[1]}{place}"
    with browser() as chrome, closing(starting):
        page, refused = chrome.new_page(), list[str]()
        page.on("console", lambda said: refused.append(said.text) if "Security Policy" in said.text else None)
        page.goto(url)
        with page.expect_response(lambda answer: answer.request.is_navigation_request(), timeout=300_000):
            pass
    assert refused == []


@pytest.mark.parametrize(
    ("framed_by", "denied", "framing"),
    [((), "DENY", "'none'"), (("https://home.example:8123",), None, "'self' https://home.example:8123")],
)
def test_other_sites_are_kept_away_as_later(
    framed_by: tuple[str, ...], denied: str | None, framing: str
) -> None:
    with closing(StartingPage(listen("127.0.0.1", 0), HEALTH, framed_by)) as starting:
        starting.start()
        now = get(starting._listener.getsockname()[1], "/").headers
    assert (now["X-Content-Type-Options"], now["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert now.get("X-Frame-Options") == denied
    policy = now["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "base-uri 'none'", f"frame-ancestors {framing}"} <= set(policy)


@pytest.mark.parametrize("started", [False, True])
def test_a_store_that_cannot_be_built_gives_the_address_back(started: bool) -> None:
    port = free_port()
    starting = StartingPage(listen("127.0.0.1", port), HEALTH)
    if started:
        starting.start()
    with pytest.raises(BadInput, match=f"outputs.web.listen: 127.0.0.1:{port}"):
        listen("127.0.0.1", port)
    starting.close()
    listen("127.0.0.1", port).close()


@pytest.mark.parametrize("head", [b"", b"\xff\xfe", b"GET", b"GET \xff HTTP/1.1\r\n\r\n"])
def test_whatever_is_asked_the_answer_is_whole(head: bytes) -> None:
    said, _, body = answer(head, HEALTH, {}).partition(b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 503 ")
    assert f"Content-Length: {len(body)}".encode() in said
