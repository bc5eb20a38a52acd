"""Support of reverse proxies: forwarded headers of trusted proxies, and a base path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send


def behind_proxies(app: ASGIApp, proxies: Sequence[str], base_path: str) -> ASGIApp:
    """Return the application wrapped for reverse proxies.

    proxies: addresses and networks whose X-Forwarded-For, -Proto and -Host are believed; no other's are.
    base_path: taken off a request's path where the proxy has not done that already; empty or "/msh".
    """
    app = BasePath(app, base_path) if base_path else app
    if not proxies:
        return app
    trusting: ASGIApp = ProxyHeadersMiddleware(app, list(proxies))  # type: ignore[arg-type, assignment]
    return ForwardedHost(trusting, proxies)


class ForwardedHost:
    """ASGI middleware: X-Forwarded-Host of a trusted proxy replaces Host."""

    def __init__(self, app: ASGIApp, proxies: Sequence[str]) -> None:
        self._app = app
        self._trusted = ProxyHeadersMiddleware(app, list(proxies)).trusted_hosts  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope.get("client") and scope["client"][0] in self._trusted:
            named = [value for name, value in scope["headers"] if name == b"x-forwarded-host"]
            if named:
                headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
                nearest = named[-1].split(b",")[-1].strip()
                scope = {**scope, "headers": [*headers, (b"host", nearest)]}
        await self._app(scope, receive, send)


class BasePath:
    """ASGI middleware: strips the base path if the proxy did not."""

    def __init__(self, app: ASGIApp, base_path: str) -> None:
        self._app, self._base = app, base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the base path without its last slash is sent there."""
        if scope["type"] == "http":
            if scope["path"] == self._base:
                await RedirectResponse(f"{self._base}/", 308)(scope, receive, send)
                return
            if scope["path"].startswith(f"{self._base}/"):
                raw = scope.get("raw_path", b"")
                base = self._base.encode()
                scope = {
                    **scope,
                    "path": scope["path"][len(self._base) :],
                    "raw_path": raw[len(base) :] if raw.startswith(base) else raw,
                }
        await self._app(scope, receive, send)
