"""A TCP relay in front of a camera or broker, which can fail as networks and cameras do."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from scripts.demo.settings import HOST

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from random import Random
    from typing import Any

BLOCK = 65_536


class Relay:
    """Passes connections on to a port of this machine, on a thread of its own.

    port: where it listens, 0 while it is closed the first time. `cut` closes every connection and the port,
    `freeze` keeps them open and passes nothing on, `damage` changes bytes of what the target sends, `lead_to`
    closes every connection and takes new ones to another port, `restore` passes on again, unchanged.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._dice: Random | None = None
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

    def damage(self, dice: Random) -> None:
        """Change a few bytes of each block that the target sends."""
        self._loop.call_soon_threadsafe(setattr, self, "_dice", dice)

    def lead_to(self, target: int) -> None:
        """Close every connection; new ones go to another port of this machine."""
        self._run(self._lead_to(target))

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

    async def _lead_to(self, target: int) -> None:
        await self._cut()
        self._target = target
        await self._restore()

    async def _restore(self) -> None:
        self._dice = None
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
            ends = ((near, far), (far, near))
            pumps = [asyncio.create_task(self._pump(*pair, answers=pair[0] is far)) for pair in ends]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: socket.socket, target: socket.socket, *, answers: bool) -> None:
        while block := await self._loop.sock_recv(source, BLOCK):
            await self._flows.wait()
            if answers and self._dice is not None:
                block = _damaged(block, self._dice)
            await self._loop.sock_sendall(target, block)


def _damaged(block: bytes, dice: Random) -> bytes:
    changed = bytearray(block)
    for _ in range(1 + len(block) // 2000):
        changed[dice.randrange(len(block))] ^= 1 + dice.randrange(255)
    return bytes(changed)
