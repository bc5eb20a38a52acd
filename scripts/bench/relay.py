"""A TCP relay in front of a camera or broker, which can fail as networks do."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from scripts.demo.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

BLOCK = 65_536


class Relay:
    """Passes connections on to a port of this machine, on a thread of its own.

    port: where it listens, 0 while it is closed the first time. `cut` closes every connection and the port,
    `freeze` keeps them open and passes nothing on, `restore` passes on again.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._accepting: asyncio.Task[None] | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        self._thread.start()
        self._run(self._restore())

    def restore(self) -> None:
        """Pass everything on; the port is open again."""
        self._run(self._restore())

    def freeze(self) -> None:
        """Keep connections open without passing anything on."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def cut(self) -> None:
        """Close the port and every connection."""
        self._run(self._cut())

    def close(self) -> None:
        """End; idempotent."""
        if self._loop.is_closed():
            return
        self._run(self._cut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _restore(self) -> None:
        self._flows.set()
        if self._accepting is None:
            listener = socket.create_server((HOST, self.port))
            listener.setblocking(False)
            self.port = listener.getsockname()[1]
            self._accepting = asyncio.create_task(self._accept(listener))

    async def _cut(self) -> None:
        self._flows.set()
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        # Not asyncio's own server: one that closes just then forgets connections that it had taken.
        with listener:
            while True:
                near, _ = await self._loop.sock_accept(listener)
                task = asyncio.create_task(self._pass_on(near))
                self._passing.add(task)
                task.add_done_callback(self._passing.discard)

    async def _pass_on(self, near: socket.socket) -> None:
        with near, socket.socket() as far, suppress(OSError):
            far.setblocking(False)
            await self._loop.sock_connect(far, (HOST, self._target))
            pumps = [asyncio.create_task(self._pump(*ends)) for ends in ((near, far), (far, near))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: socket.socket, target: socket.socket) -> None:
        while block := await self._loop.sock_recv(source, BLOCK):
            await self._flows.wait()
            await self._loop.sock_sendall(target, block)
