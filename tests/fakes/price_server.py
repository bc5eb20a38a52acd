"""A price service over real HTTP: the wire format of OpenWeb Ninja and its gateway, and every way to fail."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http_server import LocalServer, QuietHandler

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

KEY = "ak_s3cret-key-of-the-shop"


def product(title: str, price: str | None = "$129.00", usual: Any = None, **more: Any) -> dict[str, Any]:
    """Return a product as /search-v2 sends it."""
    return {
        "product_id": "catalogid:1,gpcid:2,headlineOfferDocid:3",
        "product_title": title,
        "product_description": "",
        "product_photos": ["https://shop.example/1.jpg"],
        "product_rating": 4.5,
        "product_num_reviews": 12,
        "typical_price_range": usual,
        "product_attributes": {},
        "offer": {
            "offer_id": "9",
            "offer_title": title,
            "offer_page_url": "https://shop.example/1",
            "price": price,
            "original_price": None,
            "on_sale": False,
            "shipping": "Free delivery",
            "store_name": "Shop",
            "store_rating": "4.6 / 5",
            "product_condition": "NEW",
            **more,
        },
    }


@dataclass
class PriceServer:
    """Serves on a free port of this machine from `start` to `stop`.

    mode: "good"; a status as text ("429", "500", "401", "302", ...); "slow" (no answer), "drip" (a byte now
    and then), "garbage", "html", "nan", "deep", "huge", "bomb" (gzip), "cut" (half a body), "absurd",
    "empty", "wrong" (other brands).
    """

    price: str = "$129.00"
    mode: str = "good"
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = LocalServer(handler)
        self._stopping = threading.Event()

    def __enter__(self) -> PriceServer:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.stop()

    @property
    def url(self) -> str:
        return f"{self._server.url}/realtime-product-search"

    def use_tls(self, context: ssl.SSLContext) -> None:
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def wait(self, seconds: float) -> bool:
        """Wait, but for no longer than the server lives."""
        return self._stopping.wait(seconds)

    def good(self, path: str, query: dict[str, str]) -> Any:
        if path in self.answers:
            return self.answers[path]
        name = query.get("q", "thing").title()
        products = {"empty": [], "wrong": [product("Another Thing")]}.get(
            self.mode, [product(f"{name} {n}", self.price) for n in range(3)]
        )
        if self.mode == "absurd":
            # In the currency of good answers: where that has no rate, the price is not even looked at.
            products = [product(name, f"{self.price[0]}{amount}") for amount in ("999,999,999", "0.01")]
        return {
            "status": "OK",
            "request_id": "c0ffee",
            "data": {"products": products, "sponsored_products": []},
        }


class _Handler(QuietHandler):
    service: PriceServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.service.asked.append((url.path, query, headers))
        self.close_connection = True
        try:
            self._serve(url.path, query, headers)
        except OSError:
            return

    def _serve(self, path: str, query: dict[str, str], headers: dict[str, str]) -> None:
        mode = self.service.mode
        if mode == "slow":
            self.service.wait(120)
            return
        if mode == "drip":
            for byte in self._drip():
                self.wfile.write(byte)
                if self.service.wait(0.05):
                    return
        if mode.isdigit():
            self._error(int(mode))
        elif KEY not in (headers.get("x-api-key"), headers.get("x-rapidapi-key"), headers.get("x-shop-key")):
            self._error(401)
        else:
            self._send(200, self._body(mode, path, query))

    def _body(self, mode: str, path: str, query: dict[str, str]) -> bytes:
        odd = {
            "garbage": b"\x00\xff\xfe not json at all {{{",
            "html": b"<html><body>Please log in to the hotel network</body></html>",
            "nan": b'{"status": "OK", "data": {"products": NaN}}',
            "deep": b"[" * 200_000,
            "huge": b'{"data": "' + b"x" * 5_000_000 + b'"}',
        }
        return odd[mode] if mode in odd else json.dumps(self.service.good(path, query)).encode()

    @staticmethod
    def _drip() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-A: b\r\n"

    def _error(self, status: int) -> None:
        message = {401: "Invalid API key", 429: "You have exceeded the DAILY quota"}.get(status, "error")
        body = {"status": "ERROR", "error": {"message": f"{message} {KEY}", "code": status}}
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **self.service.headers}.items():
            self.send_header(name, value)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        if self.service.mode == "bomb":
            import gzip

            self.send_header("Content-Encoding", "gzip")
            body = gzip.compress(b"0" * 50_000_000)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.service.mode == "cut" else body)
