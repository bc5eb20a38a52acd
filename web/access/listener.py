"""Connections: a bound on their number, and a time limit for slow ones."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, cast

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from web.refusal import ENDING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

HEAD_S = 10.0
"""For the head of a request to arrive."""
MAX_STALL_S = 20.0
"""For a client to take what is ready for it."""
LINGER_S, MAX_DISCARDED = 10.0, 300_000_000
"""For a client to read the refusal of a body that it still sends: browsers look only when all is sent."""
MAX_CONNECTIONS = 512
MAX_HEAD_BYTES = 16_384
"""For the head of a request: `Guard` refuses what came at once, h11 what did not."""
HEAD_TOO_LONG = "the headers of the request are too long; delete this site's cookies"
REFUSALS = {400: "this is no HTTP request", 431: HEAD_TOO_LONG}
CODES = {400: "bad_request", 408: "bad_request", 431: "too_large", 503: "busy"}
MAX_PER_ADDRESS = 256


class _PoliteTransport:
    """A transport that closes as its protocol says."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._transport, self.close = transport, close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with time limits for the head, the body, and for clients that do not read."""

    addresses: ClassVar[Counter[str]] = Counter()

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._address: str | None = None
        self._discarded = 0
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a connection, unless there are too many."""
        self._transport = transport
        super().connection_made(cast("asyncio.Transport", _PoliteTransport(transport, self._close)))
        address = self.client[0] if self.client else ""
        if len(self.connections) > MAX_CONNECTIONS or self.addresses[address] >= MAX_PER_ADDRESS:
            transport.abort()
            return
        self._address = address
        self.addresses[address] += 1
        self._arm("head", HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._address is not None:
            self.addresses[self._address] -= 1
            if not self.addresses[self._address]:
                del self.addresses[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that has begun must end in time, and a body that nobody wants too."""
        if self._refused or "linger" in self._timers:
            self._discarded += len(data)
            if self._discarded > MAX_DISCARDED:
                self.transport.abort()
                return
        if self._refused:
            return
        super().data_received(data)
        if self._refused:
            return
        if self.conn.their_state is h11.IDLE:
            self._arm("head", HEAD_S)
        else:
            self._disarm("head")
        if self.conn.their_state is not h11.SEND_BODY:
            self._disarm("linger")

    def eof_received(self) -> bool:  # type: ignore[override]  # as asyncio's
        """Answer whoever has sent all it will send, and still reads; True keeps the connection open for that.

        Whoever has left looks alike, so a picture or stream that is only asked for ends here.
        """
        if self._refused or not self.transport.can_write_eof():  # TLS
            return False
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if begun or self.conn.their_state is h11.SEND_BODY:
            self._refuse(400, "the request ended before its end; send it again")
            return False
        if self.cycle is None or self.cycle.response_started or self.scope["method"] in ("GET", "HEAD"):
            return False
        self.cycle.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        """Answer an invalid request or a head that is too long (RFC 6585: 431)."""
        hint = getattr(sys.exc_info()[1], "error_status_hint", 400)
        status = hint if hint in REFUSALS else 400
        self._refuse(status, REFUSALS[status])

    def shutdown(self) -> None:
        """Let an answer that is under way end; wait for no client that does not send or read."""
        super().shutdown()
        if self.conn.their_state is h11.SEND_BODY:
            self._refuse(503, ENDING)
            self._transport.close()
        # By TLS, closing waits for an answer of the client.
        is_deaf = self._transport.is_closing() and not self._transport.can_write_eof()
        if is_deaf or "stalled" in self._timers:
            self._transport.abort()

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: any visitor may ask for an upgrade, and nothing is amiss here."""

    def _refuse(self, status: int, message: str) -> None:
        """Answer in place of whoever works on the request, if nothing is answered yet.

        Closing at once would reset the connection, for the client still sends; it would see no answer.
        """
        self._refused = True
        self._disarm("head")
        is_asked = self.conn.our_state is h11.SEND_RESPONSE
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not is_asked and self.conn.our_state is not h11.IDLE:
            self.transport.close()
            return
        body = json.dumps({"error": {"code": CODES[status], "message": message}}).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        events: list[h11.Event] = [
            h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status])
        ]
        if not is_asked or self.scope["method"] != "HEAD":
            events.append(h11.Data(data=body))
        for event in (*events, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self._end_writing()

    def _close(self) -> None:
        """End the connection once what was answered can be read: not while the client still sends."""
        if self._refused or self.conn.their_state is not h11.SEND_BODY:
            self._transport.close()
            return
        self._refused = True
        self.flow.resume_reading()
        self._end_writing()

    def _end_writing(self) -> None:
        if not self._transport.can_write_eof():  # TLS
            self._transport.close()
            return
        with contextlib.suppress(OSError):  # the client has gone
            self._transport.write_eof()
        self._arm("linger", LINGER_S)

    def _head_is_late(self) -> None:
        """Answer a head that has begun and does not end; a connection that was never used is closed."""
        self._timers.pop("head", None)
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(408, "the request came too slowly; send it again")
        self.transport.close()

    def on_response_complete(self) -> None:
        """Note the end of an answer."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._arm("linger", LINGER_S)

    def pause_writing(self) -> None:
        """Note that the client reads too slowly."""
        super().pause_writing()
        self._arm("stalled", MAX_STALL_S)

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        super().resume_writing()
        self._disarm("stalled")

    def _arm(self, name: str, seconds: float) -> None:
        if name not in self._timers and not self.transport.is_closing():
            late = self._head_is_late if name == "head" else self.transport.abort
            self._timers[name] = self.loop.call_later(seconds, late)

    def _disarm(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()
