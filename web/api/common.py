"""What several handlers share: streams that count, and the parts of a request that need a check."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from web.access.guard import address
from web.access.signin import COOKIE, Right
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from pipelines.reload.report import ReloadReport
    from web.access.guard import Gate
    from web.access.signin import Visitor
    from web.backend import Backend

TICKET = re.compile(r"[A-Za-z0-9_-]{22}")
MAX_SIZE = 10_000
"""The largest width that may be asked for, px."""
RELOAD_S = 10.0
"""Less than the page waits; of what takes longer, `store_file` of `/api/system` tells the end."""


class TrackedStream(StreamingResponse):
    """A streaming answer. However it ends, its source is closed and `leave` is called, once."""

    def __init__(
        self,
        source: AsyncGenerator[bytes, None],
        leave: Callable[[], None],
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            source, media_type=media_type, headers={"X-Accel-Buffering": "no", **(headers or {})}
        )
        self._source, self._leave = source, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends or the client goes; to HEAD, the head alone: it would wait for an end."""
        try:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await send({"type": "http.response.body"})
                return
            await super().__call__(scope, receive, send)
        finally:
            self._leave()
            await self._source.aclose()


async def while_allowed(
    request: Request, gate: Gate, source: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """Pass a stream on until its visitor's sign-in ends: nobody watches on after that."""
    cookie = "" if "authorization" in request.headers else request.cookies.get(COOKIE, "")
    try:
        async for chunk in source:
            if cookie and not gate.may(gate.sessions.find(cookie), Right.READ):
                return
            yield chunk
    finally:
        await source.aclose()


def camera_of(request: Request, backend: Backend) -> str:
    """Return the camera in the request's path; Refused where the store has none of this name."""
    camera = str(request.path_params["camera"])
    if camera not in backend.settings.cameras:
        raise Refused(Code.NOT_FOUND, "there is no camera of this name", reason="camera_gone")
    return camera


async def taken_up(backend: Backend, camera: str) -> dict[str, Any]:
    """Have the running store reload its file, which brings a camera; return what the answer says of it.

    An answer may come later: `pending_since` is then the time of the reading before, and "" before the first.
    """
    if backend.reload is None:
        return {"restart_needed": True, "pending_since": None, "problem": None}
    before = backend.store_file()
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[ReloadReport] = loop.create_future()

    def set_result(report: ReloadReport) -> None:
        if not answer.done():
            answer.set_result(report)

    def on_report(report: ReloadReport) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(set_result, report)

    backend.reload(on_report)
    try:
        report = await asyncio.wait_for(answer, RELOAD_S)
    except (TimeoutError, asyncio.TimeoutError):
        since = before.payload()["at"] if before else ""
        return {"restart_needed": False, "pending_since": since, "problem": None}
    waits = bool(report.problems) or f"cameras.{camera}" in report.restart
    return {"restart_needed": waits, "pending_since": None, "problem": report.payload()["problem"]}


def owner_of(request: Request, visitor: Visitor | None) -> str:
    """Return whose uploads these are: a session's; without one (no token set), the address's."""
    return visitor.name if visitor is not None else f"at {address(request)}"


def ticket_of(request: Request, name: str) -> str:
    """Return the ticket in the request's path; Refused where it has another form."""
    ticket = str(request.path_params[name])
    if not TICKET.fullmatch(ticket):
        raise Refused(Code.NOT_FOUND, "there is nothing at this address")
    return ticket


def number_of(request: Request, name: str, default: int, highest: int) -> int:
    """Return a number of the query; Refused where it is none from 1 to `highest`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= highest:
        raise Refused(Code.INVALID, f"{name}: a whole number from 1 to {highest}")
    return int(text)
