"""What every request passes before it reaches anything else: host, rate, origin, sign-in; and headers out."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection

from web.access.limits import Allowance
from web.access.signin import COOKIE, Right, SignInSessions, Token, Verified, Visitor
from web.refusal import Code, Refused, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), usb=(), payment=()",
}
BURST, PER_S = 400, 100.0
WRONG_BURST, WRONG_PER_S = 5, 5 / 60


class Gate:
    """Decides who a visitor is. One per server; used in its event loop."""

    def __init__(
        self,
        token: Token | None,
        *,
        read_open: bool,
        https: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token, self.read_open, self.https = token, read_open, https
        self.sessions = SignInSessions(clock)
        self._verified = Verified(token) if token else None
        self._requests = Allowance(BURST, PER_S, clock)
        self._wrong = Allowance(WRONG_BURST, WRONG_PER_S, clock)
        self._one_hash = CapacityLimiter(1)

    async def visitor(self, request: HTTPConnection) -> Visitor | None:
        """Return who asks, by token or cookie; None for a stranger. Raises Refused for a wrong token."""
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, given = header.partition(" ")
            if scheme.lower() != "bearer" or not given.strip():
                raise Refused(Code.SIGN_IN, "send `Authorization: Bearer TOKEN`")
            await self.check(request, given.strip())
            return Visitor("token", signed_in=True, by_token=True)
        cookie = request.cookies.get(COOKIE)
        return self.sessions.find(cookie) if cookie else None

    async def check(self, request: HTTPConnection, given: str) -> None:
        """Check a token; Refused where it is wrong, or too many wrong ones came from this address."""
        if self._verified is None:
            raise Refused(Code.WRONG_TOKEN, "this store has no token: sign in without one")
        if self._verified.knows(given):
            return
        where = address(request)
        if (wait := self._wrong.wait_s(where)) > 0:
            raise Refused(
                Code.TOO_MANY,
                f"too many wrong tokens; wait {math.ceil(wait)} seconds",
                headers={"Retry-After": str(math.ceil(wait))},
            )
        self._wrong.spend(where)  # before the wait, so that guesses sent at once count too
        if not await to_thread.run_sync(self._verified.check, given, limiter=self._one_hash):
            raise Refused(Code.WRONG_TOKEN, "that is not the token")

    def slow_down(self, request: HTTPConnection) -> None:
        """Count a request; Refused where its address sends too many."""
        if not self._requests.allows(address(request)):
            raise Refused(Code.TOO_MANY, "too many requests; slow down", headers={"Retry-After": "1"})

    def may(self, visitor: Visitor | None, right: Right) -> bool:
        """Tell whether the visitor has this right."""
        if right is Right.NOTHING or self.token is None or (right is Right.READ and self.read_open):
            return True
        return visitor is not None and visitor.signed_in

    async def admit(self, request: Request, right: Right) -> Visitor | None:
        """Return who asks; Refused where that one may not do this, or the page did not send it."""
        visitor = await self.visitor(request)
        if not self.may(visitor, right):
            raise Refused(Code.SIGN_IN, "sign in first")
        if request.method not in SAFE and not (visitor and visitor.by_token):
            sent = request.headers.get("x-csrf-token", "")
            if visitor is None or not sent.isascii() or sent != visitor.csrf:
                raise Refused(Code.CSRF, "the header X-CSRF-Token is missing or old; reload the page")
        return visitor


class Guard:
    """ASGI middleware: wrong hosts, foreign origins and floods get no further; every answer gets headers."""

    def __init__(self, app: ASGIApp, gate: Gate, hosts: Iterable[str]) -> None:
        self._app, self._gate = app, gate
        self._hosts = frozenset(hosts) | {"localhost"}
        self._headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000"} if gate.https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(HTTPConnection(scope))
        except Refused as refused:
            await answer(refused)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _check(self, request: HTTPConnection) -> None:
        host = request.headers.get("host", "")
        if not self._known(host):
            raise Refused(
                Code.BAD_REQUEST, "the page is not reached by this name; add it to outputs.web.hosts"
            )
        if _foreign(request.headers, host) and request.scope["path"] not in ("/", "/index.html"):
            raise Refused(Code.CSRF, "requests from other sites are refused")
        if request.scope["path"] not in ("/healthz", "/readyz"):
            self._gate.slow_down(request)

    def _known(self, host: str) -> bool:
        """Addresses are fine, for a foreign site can only borrow a name (DNS rebinding)."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _foreign(headers: Headers, host: str) -> bool:
    """Tell whether a browser says that another site sends this (Fetch Metadata, else Origin)."""
    if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return True
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != host.lower()


def address(request: HTTPConnection) -> str:
    """Return where the request comes from; all of an IPv6 network of 64 bits counts as one."""
    host = request.client.host if request.client else "unknown"
    if ":" in host:
        return ":".join(host.split(":")[:4])
    return host
