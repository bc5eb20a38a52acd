"""HTTP GET with bounds for untrusted servers: total time, size, no redirects, no cookies."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, NoReturn, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_BYTES = 2_000_000
_CHUNK = 16_384


class Failure(str, Enum):
    """Why there is no answer. Nothing of a request or response is in it, so that it can be logged."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    REFUSED = "refused"
    LIMITED = "limited"
    BROKEN = "broken"
    REJECTED = "rejected"
    GARBAGE = "garbage"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response, or the failure to get one. status 0: none came. headers: names in lower case."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: Failure | None = None


class _Line(threading.local):
    """The sockets that the request of this thread opened, so that its watchdog can cut them."""

    def __init__(self) -> None:
        self.cut: _Cut | None = None


_line = _Line()


class _Cut:
    """Ends a request at its deadline, whatever it waits for: a server may send a byte a second for ever."""

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._socks: list[socket.socket] = []
        self.done = False
        self._timer = threading.Timer(seconds, self.now)
        self._timer.name, self._timer.daemon = "prices-watchdog", True

    def __enter__(self) -> _Cut:
        _line.cut = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _line.cut = None
        with self._lock:
            for sock in self._socks:
                sock.close()
            self._socks.clear()

    def watch(self, sock: socket.socket) -> None:
        """Take a socket of the request; a duplicate, as TLS takes the original away."""
        with self._lock:
            self._socks.append(sock.dup())
        if self.done:
            self.now()

    def now(self) -> None:
        """Cut."""
        self.done = True
        with self._lock:
            for sock in self._socks:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


def _watched(sock: socket.socket) -> socket.socket:
    if _line.cut is not None:
        _line.cut.watch(sock)
    return sock


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _watched(super()._new_conn())


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from adding a login of ~/.netrc."""
    return request


class HttpClient:
    """Asks one question after another, each on a connection of its own: they are minutes apart.

    timeout_s: for the whole of a question. `close` cuts the one that is under way. Proxies and certificates
    are those of the environment. One thread at a time, but for `close`.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._closed = False
        self._cut: _Cut | None = None

    @property
    def closed(self) -> bool:
        """Whether it answers no more."""
        return self._closed

    def get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """Return the response; network and server errors become `Reply.failure`."""
        with _Cut(self._timeout_s) as cut:
            self._cut = cut
            if self._closed:
                return Reply(failure=Failure.TIMEOUT)
            try:
                with requests.Session() as session:
                    return self._get(session, url, params, headers, cut)
            # The exceptions' texts are not kept: they hold headers and URLs.
            except requests.exceptions.SSLError:
                failure = Failure.TLS
            except requests.exceptions.Timeout:
                failure = Failure.TIMEOUT
            except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
                failure = Failure.GARBAGE
            except (requests.exceptions.RequestException, HTTPError, OSError, ValueError):
                failure = Failure.UNREACHABLE
            return Reply(failure=Failure.TIMEOUT if cut.done else failure)

    def close(self) -> None:
        """End the question under way, and answer none any more."""
        self._closed = True
        if self._cut is not None:
            self._cut.now()

    def _get(
        self,
        session: requests.Session,
        url: str,
        params: Mapping[str, str],
        headers: Mapping[str, str],
        cut: _Cut,
    ) -> Reply:
        session.mount("http://", _Adapter())
        session.mount("https://", _Adapter())
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        with session.get(
            url,
            params=params,
            headers={"Accept": "application/json", "User-Agent": "make-sales-happen", **headers},
            timeout=self._timeout_s,
            allow_redirects=False,  # a redirect would carry the key to another host
            stream=True,
            auth=_no_auth,
        ) as response:
            given = {name.lower(): value for name, value in response.headers.items()}
            failure = _failure(response.status_code)
            body = b""
            if failure is None:
                whole = self._read(response)
                body, failure = (whole, None) if whole is not None else (b"", Failure.GARBAGE)
            if cut.done:
                failure = Failure.TIMEOUT
            return Reply(response.status_code, given, body, failure)

    def _read(self, response: requests.Response) -> bytes | None:
        """Return the body, None where it is larger than any honest one, or shorter than announced."""
        body = bytearray()
        chunks = cast("Iterator[bytes]", response.iter_content(_CHUNK))
        for chunk in chunks:
            body += chunk
            if len(body) > MAX_BYTES:
                return None
        return bytes(body)


def _failure(status: int) -> Failure | None:
    if status in (401, 403, 407):
        return Failure.REFUSED
    if status == 429:
        return Failure.LIMITED
    if status >= 500:
        return Failure.BROKEN
    return None if status in (200, 404) else Failure.REJECTED


def parse_json(body: bytes) -> object:
    """Return the value of a JSON text; raises ValueError for anything else, NaN and too deep ones too.

    Numbers that are not whole are Decimal, with their digits as written.
    """

    def refuse(_: str) -> NoReturn:
        raise ValueError("no JSON")

    try:
        return json.loads(body, parse_constant=refuse, parse_float=Decimal)
    except RecursionError:
        raise ValueError("too deep") from None
