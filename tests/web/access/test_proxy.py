"""The page behind proxies as people set them up: each case is one that reports from the field hold."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest

from tests import plain_http
from tests.fakes.http_server import QuietHandler, serving
from tests.fakes.served_page import TOKEN, customer, served_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

SERVED = "api/people/entrance/k7f3-0001/served"


@contextmanager
def proxy(port: int, change: Callable[[str, dict[str, str]], str]) -> Iterator[str]:
    """A reverse proxy. change: gets path and headers, alters the headers and returns the path to ask for."""

    class Handler(QuietHandler):
        def pass_on(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            path = change(self.path, headers)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            upstream = HTTPConnection("127.0.0.1", port, timeout=300)
            upstream.request(self.command, path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = pass_on

    with serving(Handler) as server:
        yield server.url


def browser(address: str, origin: str, **headers: str) -> httpx.Client:
    """A browser on a page that it opened at an origin, signed in."""
    client = plain_http.Client(
        base_url=address,
        headers={"Origin": origin, "Host": origin.partition("://")[2], **headers},
    )
    client.headers["X-CSRF-Token"] = client.get("api/session").json()["csrf"]
    signed = client.post("api/session", json={"token": TOKEN})
    assert signed.status_code == 200, signed.text
    client.headers["X-CSRF-Token"] = signed.json()["csrf"]
    return client


def bare(port: int, strip: str = "") -> Callable[[str, dict[str, str]], str]:
    """What `proxy_pass http://127.0.0.1:PORT/` does by itself: Host is replaced, nothing is added."""

    def change(path: str, headers: dict[str, str]) -> str:
        headers["Host"] = f"127.0.0.1:{port}"
        return path.removeprefix(strip)

    return change


def test_a_proxy_that_replaces_host_works_by_name_and_says_what_is_missing_else(tmp_path):
    with served_page(tmp_path, token=TOKEN, more="hosts: [shop.example]") as page:
        page.floor.show(customer())
        with proxy(page.server.port, bare(page.server.port)) as address:
            client = browser(f"{address}/", "https://shop.example")
            assert client.post(SERVED).status_code == 204
            client.headers["Origin"] = "https://evil.example"
            refused = client.post(SERVED)
            assert refused.status_code == 403
            assert "header Host" in refused.json()["error"]["message"]
            client.headers["Sec-Fetch-Site"] = "cross-site"
            assert client.post(SERVED).status_code == 403
            client.headers["Sec-Fetch-Site"] = "same-origin"  # no script can say so for another site
            assert client.post(SERVED).status_code == 204


@pytest.mark.parametrize("stripped", [True, False])
def test_below_a_path(tmp_path, stripped):
    with served_page(tmp_path, token=TOKEN, more="hosts: [shop.example], base_path: /msh/") as page:
        page.floor.show(customer())
        with proxy(page.server.port, bare(page.server.port, "/msh" if stripped else "")) as address:
            client = browser(f"{address}/msh/", "https://shop.example")
            assert client.post(SERVED).status_code == 204
            assert {cookie.path for cookie in client.cookies.jar} == {"/msh"}
            for path in ("", "css/base.css", "js/main.js", "fonts/inter-latin.woff2", "favicon.svg"):
                assert client.get(path).status_code == 200, path
        if not stripped:
            assert plain_http.get(f"{page.url}/msh").headers["location"] == "/msh/"
        assert plain_http.get(f"{page.url}/mshx/").status_code == 404
        assert page.server.url.endswith("/msh/")


def test_no_address_of_the_page_begins_at_the_root():
    """Below a path such an address would be another application's."""
    from web.app import STATIC

    wrong = re.compile(r"""(fetch\(|href="|src="|url\("|EventSource\("|open\("POST", )["`]?/""")
    for file in [*STATIC.glob("js/*.js"), *STATIC.glob("css/*.css"), STATIC / "index.html"]:
        assert not wrong.search(file.read_text()), file.name


def addresses(page, count: int, **forwarded: str) -> int:
    """How many of so many requests are answered before the rate of one address is used up."""
    codes = [plain_http.get(f"{page.url}/api/session", headers=forwarded).status_code for _ in range(count)]
    return codes.count(200)


def test_the_headers_of_trusted_proxies_are_believed_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr("web.access.guard.BURST", 3)
    monkeypatch.setattr("web.access.guard.PER_S", 0.001)
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "shop.example"}
    for more, known in (
        ('proxies: ["127.0.0.0/8"], hosts: [shop.example]', True),
        ("proxies: [10.0.0.1]", False),
    ):
        folder = tmp_path / str(known)
        folder.mkdir()
        with served_page(folder, more=more) as page:
            assert addresses(page, 4, **forwarded) == 3
            assert addresses(page, 1) == (1 if known else 0), "the proxy itself has its own count"
            client = plain_http.Client(
                base_url=page.url, headers=forwarded | {"X-Forwarded-For": "203.0.113.10"}
            )
            answer = client.get("/api/floor", headers={"Origin": "https://shop.example"})
            assert answer.status_code == (200 if known else 403)


def test_named_origins_may_frame_it_and_others_may_not(tmp_path):
    more = 'https: true, frame_ancestors: ["https://home.example:8123"]'
    with served_page(tmp_path, more=more) as page:
        answer = plain_http.get(f"{page.url}/api/session")
        assert "frame-ancestors 'self' https://home.example:8123" in answer.headers["content-security-policy"]
        assert "x-frame-options" not in answer.headers
        cookie = answer.headers["set-cookie"]
        assert {"SameSite=none", "Secure", "Partitioned"} <= set(cookie.split("; "))
