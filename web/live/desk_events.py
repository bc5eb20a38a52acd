"""Server-sent events of the sales desk, for a phone and for the manager's view."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from probes.events.messages import rfc3339
from web.live.events import event
from web.refusal import Code, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

LOOK_S = 0.5
BEAT_S = 2.0
MAX_LISTENERS = 128
MAX_OF_ONE = 8
"""Streams of one name; a further one ends the oldest, which may be that of a phone that left the Wi-Fi."""


@dataclass(eq=False, slots=True)
class DeskListener:
    """One stream. who: on whose behalf."""

    who: str
    replaced: bool = False


class DeskEvents:
    """Streams a state as it changes, and a beat while it does not. One per server; in its event loop."""

    def __init__(self, closing: asyncio.Event) -> None:
        self._closing = closing
        self._listeners: list[DeskListener] = []

    def enter(self, who: str) -> DeskListener:
        """Count a listener in; Refused where there are too many of others."""
        own = [one for one in self._listeners if one.who == who and not one.replaced]
        if len(own) >= MAX_OF_ONE:
            own[0].replaced = True
        elif sum(not one.replaced for one in self._listeners) >= MAX_LISTENERS:
            raise Refused(Code.BUSY, f"{MAX_LISTENERS} phones are connected already; close some")
        listener = DeskListener(who)
        self._listeners.append(listener)
        return listener

    def leave(self, listener: DeskListener) -> None:
        """Count a listener out."""
        self._listeners.remove(listener)

    async def listen(
        self, listener: DeskListener, write: Callable[[], dict[str, Any] | None]
    ) -> AsyncGenerator[bytes, None]:
        """Yield events until the listener leaves, the server stops, or `write` returns None: signed out."""
        yield b"retry: 1500\n\n"
        before: dict[str, Any] | None = None
        said_at = 0.0
        while not (self._closing.is_set() or listener.replaced):
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
