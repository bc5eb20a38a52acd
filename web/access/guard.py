"""Checks every request before any handler: host, rate, origin, sign-in; and adds headers to answers."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection

from web.access.headers import page_headers
from web.access.limits import Allowance, SlowLane
from web.access.listener import HEAD_TOO_LONG, MAX_HEAD_BYTES
from web.access.signin import COOKIE, PageRole, Right, SignInSessions, Token, Verified, Visitor
from web.refusal import Code, Refused, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOADS: Final = (
    "script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'"
)
BURST, PER_S = 400, 100.0
WRONG_BURST, WRONG_PER_S = 5, 5 / 60
SLOW_S, MAX_WAITING = 2.0, 8
"""After too many wrong tokens from an address each further one waits its turn, 2 s each, 8 at most.

None is refused unseen: all who come through a proxy that is not trusted have one address."""


class Gate:
    """Decides who a visitor is. One per server; used in its event loop."""

    def __init__(
        self,
        tokens: Mapping[PageRole, Token],
        *,
        read_open: bool,
        https: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """tokens: by role; where there are none, everybody may do everything."""
        self.login_required, self.read_open, self.https = bool(tokens), read_open, https
        self.sessions = SignInSessions(clock)
        self._verified = Verified(tokens)
        self._slow = SlowLane(SLOW_S, MAX_WAITING)
        self._requests = Allowance(BURST, PER_S, clock)
        self._wrong = Allowance(WRONG_BURST, WRONG_PER_S, clock)
        self._one_hash = CapacityLimiter(1)

    async def visitor(self, request: HTTPConnection) -> Visitor | None:
        """Return the visitor, by token or cookie; None for a stranger. Raises Refused for a wrong token."""
        header = request.headers.get("authorization")
        if header is not None:
            scheme, _, given = header.partition(" ")
            if scheme.lower() != "bearer" or not given.strip():
                raise Refused(Code.SIGN_IN, "send `Authorization: Bearer TOKEN`")
            role = await self.check(request, given.strip())
            return Visitor(f"token of {role.value}", role, by_token=True)
        cookie = request.cookies.get(COOKIE)
        return self.sessions.find(cookie) if cookie else None

    async def check(self, request: HTTPConnection, given: str) -> PageRole:
        """Return whose token this is; Refused where it is wrong.

        After too many wrong ones from an address it takes longer, and is refused where too many wait.
        """
        if not self.login_required:
            raise Refused(Code.WRONG_TOKEN, "this store has no token: sign in without one")
        if role := self._verified.knows(given):
            return role
        where = address(request)
        limited = self._wrong.wait_s(where) > 0
        self._wrong.spend(where)  # before the wait, so that guesses sent at once count too
        if limited and not await self._slow.turn(where):
            raise Refused(
                Code.TOO_MANY,
                "too many wrong tokens from this address; wait a little. Is it a proxy's? Name it under"
                " outputs.web.proxies",
                headers={"Retry-After": str(math.ceil(SLOW_S * MAX_WAITING))},
            )
        role = await to_thread.run_sync(self._verified.check, given, limiter=self._one_hash)
        if role is None:
            raise Refused(Code.WRONG_TOKEN, "that is not the token")
        return role

    def slow_down(self, request: HTTPConnection) -> None:
        """Count a request; Refused where its address sends too many."""
        if not self._requests.allows(address(request)):
            raise Refused(Code.TOO_MANY, "too many requests; slow down", headers={"Retry-After": "1"})

    def may(self, visitor: Visitor | None, right: Right) -> bool:
        """Return whether the visitor has this right."""
        if right is Right.NOTHING or not self.login_required or (right is Right.READ and self.read_open):
            return True
        role = visitor.role if visitor is not None else None
        return role is not None and right.value <= role.right.value

    async def admit(self, request: Request, right: Right) -> Visitor | None:
        """Return the visitor. Raises Refused where the right is missing, or for a request of another site."""
        visitor = await self.visitor(request)
        if not self.may(visitor, right):
            if visitor is not None and visitor.role is not None:
                needed = next(role for role in PageRole if right.value <= role.right.value)
                raise Refused(
                    Code.FORBIDDEN, f"this needs the token of the role {needed.value}", reason="role"
                )
            raise Refused(Code.SIGN_IN, "sign in first")
        if request.method not in SAFE and not (visitor and visitor.by_token):
            sent = request.headers.get("x-csrf-token", "")
            if visitor is None or not sent.isascii() or sent != visitor.csrf:
                raise Refused(
                    Code.CSRF,
                    "the header X-CSRF-Token is missing or old; reload the page",
                    reason="page_old",
                )
        return visitor


class Guard:
    """ASGI middleware: wrong hosts, foreign origins and floods get no further; every answer gets headers."""

    def __init__(
        self, app: ASGIApp, gate: Gate, hosts: Iterable[str], *, framed_by: Sequence[str] = (), hsts: bool
    ) -> None:
        """hosts: names that are the page's own. framed_by: origins that may frame it."""
        self._app, self._gate = app, gate
        self._hosts = frozenset(hosts) | {"localhost"}
        self._headers = page_headers(LOADS, framed_by)
        if hsts:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

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
        if sum(len(name) + len(value) for name, value in request.scope["headers"]) > MAX_HEAD_BYTES:
            raise Refused(Code.HEAD_TOO_LARGE, HEAD_TOO_LONG)
        host = request.headers.get("host", "")
        if not self._is_own_host(host):
            raise Refused(
                Code.BAD_REQUEST, "the page is not reached by this name; add it to outputs.web.hosts"
            )
        if request.scope["path"] not in ("/", "/index.html", "/staff"):
            self._check_origin(request.headers, host)
        if request.scope["path"] not in ("/healthz", "/readyz"):
            self._gate.slow_down(request)

    def _check_origin(self, headers: Headers, host: str) -> None:
        """Refuse requests that another site sends: Fetch Metadata decides, else Origin beside Host.

        An origin that the store file names under `hosts` is the page's own, for proxies replace Host.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site in ("cross-site", "same-site"):
            raise Refused(Code.CSRF, "requests from other sites are refused")
        if site in ("same-origin", "none") or origin is None:
            return
        name = origin.partition("://")[2].lower()
        if name == host.lower() or _hostname(name) in self._hosts - {"localhost"}:
            return
        raise Refused(
            Code.CSRF,
            "requests from other sites are refused. Is this the page's own address, behind a proxy? Let the"
            " proxy pass the header Host on, or add the name to outputs.web.hosts; see docs/proxy.md",
        )

    def _is_own_host(self, host: str) -> bool:
        """Return whether the host is ours. Addresses are: DNS rebinding works with names only."""
        name = _hostname(host)
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def address(request: HTTPConnection) -> str:
    """Return the client's address; an IPv6 /64 network counts as one."""
    host = request.client.host if request.client else "unknown"
    if ":" in host:
        return ":".join(host.split(":")[:4])
    return host
