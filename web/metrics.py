"""A small server for machines: `/metrics` for Prometheus, `/healthz` and `/readyz` for supervisors."""

from __future__ import annotations

import gzip
import io
import ipaddress
import json
import logging
import socket
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from prometheus_client.exposition import choose_encoder

from pipelines.errors import BadInput
from web.created import CreatedView

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from pipelines.health import Health

logger = logging.getLogger(__name__)

REQUEST_S = 5.0
"""For a whole request to arrive, and for a whole answer to leave; slow clients are cut off."""
MAX_HEAD = 8192
GZIP_LEVEL = 4
MAX_DISCARDED = 1_000_000
BORROWED = b"open it by this machine's address: a browser may not use another name\n"
TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ONLY_READ = b"only GET and HEAD are answered here: Prometheus fetches metrics, nobody sends any\n"
MAX_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer to a GET. encoding: of the body, empty for none."""

    status: int
    content_type: str
    body: bytes
    encoding: str = ""


def accepts_gzip(header: str) -> bool:
    """Return whether an Accept-Encoding header takes gzip.

    >>> accepts_gzip("deflate, gzip;q=0.5"), accepts_gzip("gzip;q=0"), accepts_gzip("*"), accepts_gzip("")
    (True, False, True, False)
    """
    weights = {}
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return weights.get("gzip", weights.get("*", False))


class MetricsServer:
    """Serves in threads of its own, at most 16 requests at once, each for ten seconds at most.

    health: whether the program does its work; 503 and the reasons where it does not. ready: whether it has
    started; the same. Both are called from the server's threads and must be quick.
    Raises BadInput at construction where the address cannot be used. Port 0 takes a free one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        *,
        health: Callable[[], Health],
        ready: Callable[[], Health],
    ) -> None:
        self._registry, self._created = registry, CreatedView(registry)
        self._checks = {"/healthz": health, "/readyz": ready}
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
            self._server = _Server((host, port), family, self._answer)
        except (OSError, OverflowError) as error:
            where = f"outputs.metrics.listen: {host}:{port}"
            why = getattr(error, "strerror", None) or str(error)
            raise BadInput(f"{where}: {why}; choose another port or address") from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="metrics", daemon=True
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; requests under way end by themselves within seconds."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()

    def _answer(self, path: str, accept: str, encodings: str) -> HttpAnswer:
        """Return the answer to a GET."""
        if path == "/metrics":
            encode, content_type = choose_encoder(accept)
            is_open = content_type.startswith("application/openmetrics-text")
            body = encode(self._created if is_open else self._registry)
            if accepts_gzip(encodings):
                return HttpAnswer(200, content_type, gzip.compress(body, GZIP_LEVEL), encoding="gzip")
            return HttpAnswer(200, content_type, body)
        if (check := self._checks.get(path)) is not None:
            found = check()
            body = json.dumps({"ok": found.ok, "reasons": list(found.reasons)}).encode() + b"\n"
            return HttpAnswer(200 if found.ok else 503, "application/json", body)
        return HttpAnswer(404, "text/plain; charset=utf-8", b"/metrics, /healthz and /readyz are here\n")


class _Server(ThreadingMixIn, TCPServer):
    """TCPServer with a bound on its connections; a connection too many is closed at once."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self,
        address: tuple[str, int],
        family: int,
        answer: Callable[[str, str, str], HttpAnswer],
    ) -> None:
        self.address_family = family
        self.answer = answer
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        logger.debug("a request for metrics was not finished", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Reads a whole head within its time before anything is parsed, answers, closes."""

    server: _Server
    server_version = "msh"
    sys_version = ""

    def setup(self) -> None:
        self.connection = self.request
        self._reply = io.BytesIO()
        self.wfile = self._reply
        self._is_unread = False
        try:
            head = _head(self.request)
        except OverflowError:
            head, self._is_unread = b"", True
            self._reply.write(TOO_LONG)
        self.rfile = io.BufferedReader(io.BytesIO(head))

    def finish(self) -> None:
        answer = self._reply.getvalue()
        self.connection.settimeout(REQUEST_S)
        self.connection.sendall(answer)
        if self._is_unread:  # closing while it still sends would reset the connection, unread
            self.connection.shutdown(socket.SHUT_WR)
            left, ends = MAX_DISCARDED, time.monotonic() + REQUEST_S
            while left > 0 and (rest_s := ends - time.monotonic()) > 0:
                self.connection.settimeout(rest_s)
                if not (part := self.connection.recv(65_536)):
                    break
                left -= len(part)

    def do_GET(self) -> None:
        """Answer with head and body."""
        path = self.path.partition("?")[0]
        if _borrowed(self.headers.get("Host", ""), self.headers.get("User-Agent", "")):
            answer = HttpAnswer(403, "text/plain; charset=utf-8", BORROWED)
        else:
            wanted = self.headers.get("Accept", ""), self.headers.get("Accept-Encoding", "")
            answer = self.server.answer(path, *wanted)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        if answer.encoding:
            self.send_header("Content-Encoding", answer.encoding)
        if path == "/metrics":
            self.send_header("Vary", "Accept, Accept-Encoding")
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def do_HEAD(self) -> None:
        """Answer with the head alone."""
        self.do_GET()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer in a line of text to what is no request, or asks for something other than to be read."""
        del message, explain  # they hold what was asked
        method = code == HTTPStatus.NOT_IMPLEMENTED
        body = ONLY_READ if method else f"{HTTPStatus(code).phrase}\n".encode()
        self.send_response(HTTPStatus.METHOD_NOT_ALLOWED if method else code)
        if method:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self._is_unread = True

    def log_message(self, *_: object) -> None:
        """Log nothing: there is a scrape every few seconds."""


def _borrowed(host: str, agent: str) -> bool:
    """Return whether a browser asks by a name that is not this machine's: a foreign site may borrow one.

    (DNS rebinding.) Prometheus and others may use any name: they run no foreign site's scripts.
    """
    if not agent.startswith("Mozilla/"):
        return False
    name = ""  # of no address at all, such as "["
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ipaddress.ip_address(name)
    except ValueError:
        return name not in ("localhost", socket.gethostname().lower())
    return False


def _head(connection: socket.socket) -> bytes:
    """Read up to the empty line. TimeoutError, ValueError: it does not come. OverflowError: too long."""
    deadline, head = time.monotonic() + REQUEST_S, b""
    while b"\r\n\r\n" not in head:
        if (left := deadline - time.monotonic()) <= 0:
            raise TimeoutError
        connection.settimeout(left)
        if not (part := connection.recv(MAX_HEAD)):
            raise ValueError("no request")
        if len(head) + len(part) > 2 * MAX_HEAD:
            raise OverflowError
        head += part
    return head
