"""Server-sent events: each state is serialised once for all listeners; slow ones get the newest only."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from pricing.outage import Outage
from web import views
from web.refusal import Code, Refused, json_bytes
from web.sales import DeskWriter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from web.backend import Backend

logger = logging.getLogger(__name__)

TICK_S = 0.25
FLOOR_S, CAMERAS_S, SYSTEM_S, DESK_S = 0.5, 1.0, 5.0, 0.5
MAX_LISTENERS = 100


def event(name: str, data: object) -> bytes:
    """Write one event (WHATWG HTML, server-sent events)."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), json_bytes(data))


class EventHub:
    """Polls the store only while someone listens. One per server; used in its event loop."""

    def __init__(
        self, backend: Backend, writers: dict[str, tuple[float, Callable[[], Any]]], closing: asyncio.Event
    ) -> None:
        """writers: what each event holds, and seconds between two."""
        self._backend, self._writers, self._closing = backend, writers, closing
        self._news = asyncio.Condition()
        self._written: dict[str, tuple[int, bytes]] = {}
        self._due: dict[str, float] = {}
        self._outages = {
            name: Outage(logger, f"the page is not told news: {name}", f"the page is told news again: {name}")
            for name in writers
        }
        self._floor_number = -1
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None

    async def listen(
        self, own: Callable[[], tuple[int, Any]] | None, *, manages: bool
    ) -> AsyncGenerator[bytes, None]:
        """Yield events until the listener leaves or the server stops.

        own: version and data of its jobs. manages: whether it may see the sales desk.
        """
        seen: dict[str, int] = {}
        yield b"retry: 2000\n\n"
        while not self._closing.is_set():
            parts = []
            for name, (version, data) in list(self._written.items()):
                if seen.get(name) != version and (manages or name != "desk"):
                    seen[name] = version
                    parts.append(data)
            if own is not None:
                version, jobs = own()
                if seen.get("jobs") != version:
                    seen["jobs"] = version
                    parts.append(event("jobs", jobs))
            if parts:
                yield b"".join(parts)
            async with self._news:
                await self._news.wait()
        yield event("bye", {})

    def enter(self) -> None:
        """Count a listener in; Refused where there are too many."""
        if self._listeners >= MAX_LISTENERS:
            raise Refused(Code.BUSY, f"{MAX_LISTENERS} pages are open already; close some")
        self._listeners += 1
        if self._task is None or self._task.done():
            self._look()
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self) -> None:
        """Count a listener out."""
        self._listeners -= 1

    async def stop(self) -> None:
        """Wake all listeners, once `closing` is set."""
        async with self._news:
            self._news.notify_all()
        if self._task:
            self._task.cancel()

    async def _run(self) -> None:
        while self._listeners > 0:
            await asyncio.sleep(TICK_S)
            self._look()
            async with self._news:
                self._news.notify_all()

    def _look(self) -> None:
        now = time.monotonic()
        for name, (every_s, write) in self._writers.items():
            if now < self._due.get(name, 0.0):
                continue
            if name == "floor":
                number = self._backend.floor.snapshot().number
                if number == self._floor_number and name in self._written and now < self._due[name] + 2:
                    continue
                self._floor_number = number
            self._due[name] = now + every_s - TICK_S / 2
            version, before = self._written.get(name, (0, b""))
            try:
                state = write()
                data = before if state is None else event(name, state)
            except Exception as error:  # noqa: BLE001 else every open page would stand still, and say nothing
                self._outages[name].fail(type(error).__name__, error=error)
                continue
            self._outages[name].recover()
            if data != before:
                self._written[name] = version + 1, data


def writers(
    backend: Backend,
    *,
    sizes: dict[str, tuple[int, int]],
    uploads: Callable[[], dict[str, Any]],
    started: float,
) -> dict[str, tuple[float, Callable[[], Any]]]:
    """Return what writes each event (None: nothing), and how many seconds lie between two.

    started: monotonic s.
    """
    rates, load = views.Rates(), views.Load()

    def desk() -> dict[str, Any] | None:
        if backend.desk is None or backend.settings.staff is None:
            return None
        return DeskWriter(backend, backend.desk).manager()

    return {
        "floor": (FLOOR_S, lambda: views.floor(backend, time.time_ns())),
        "cameras": (CAMERAS_S, lambda: views.cameras(backend, rates, sizes, time.time_ns())),
        "system": (
            SYSTEM_S,
            lambda: views.system(backend, load, uploads(), started, time.time_ns()),
        ),
        "desk": (DESK_S, desk),
    }
