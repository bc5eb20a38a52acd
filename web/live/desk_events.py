"""Server-sent events of the sales desk, for a phone and for the manager's view."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from probes.events.messages import rfc3339
from web.live.events import event
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

LOOK_S = 0.5
BEAT_S = 2.0
MAX_LISTENERS = 128


class DeskEvents:
    """Streams a state as it changes, and a beat while it does not. One per server; in its event loop."""

    def __init__(self, closing: asyncio.Event) -> None:
        self._closing = closing
        self._listeners = 0

    def enter(self) -> None:
        """Count a listener in; Refused where there are too many."""
        if self._listeners >= MAX_LISTENERS:
            raise Refused(Code.BUSY, f"{MAX_LISTENERS} phones are connected already; close some")
        self._listeners += 1

    def leave(self) -> None:
        """Count a listener out."""
        self._listeners -= 1

    async def listen(self, write: Callable[[], dict[str, Any] | None]) -> AsyncGenerator[bytes, None]:
        """Yield events until the listener leaves, the server stops, or `write` returns None: signed out."""
        yield b"retry: 1500\n\n"
        before: dict[str, Any] | None = None
        said_at = 0.0
        while not self._closing.is_set():
            state = write()
            if state is None:
                yield event("out", {})
                return
            now = time.monotonic()
            if state != before:
                before, said_at = state, now
                yield event("desk", {"at": rfc3339(time.time_ns()), **state})
            elif now - said_at >= BEAT_S:
                said_at = now
                yield event("beat", {"at": rfc3339(time.time_ns())})
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(self._closing.wait(), LOOK_S)
        yield event("bye", {})
