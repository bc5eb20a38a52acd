"""Runs of webcam pictures: each has a process of its own while it lasts, and nothing touches a disk."""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from probes.people.unworn import NOBODY
from web import views
from web.refusal import Code, Refused
from web.uploads.worker import FRAME_S, START_S, Worker, WorkFailed

if TYPE_CHECKING:
    from web.backend import Backend
    from web.uploads.scratch import Scratch

logger = logging.getLogger(__name__)

MAX_RUNS = 2
MAX_BYTES = 512 * 1024
WIDTH = 640
IDLE_S = 60.0
"""A run that gets no picture for so long has ended; a browser on a busy machine may need many seconds."""
LONGEST_S = 600.0


@dataclass(eq=False)
class Run:
    """One visitor's webcam."""

    owner: str
    worker: Worker
    begun: float
    used: float
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    started: bool = False


class Webcams:
    """All runs. One per server; used in its event loop."""

    def __init__(self, backend: Backend, scratch: Scratch) -> None:
        self._backend, self._scratch = backend, scratch
        self._runs: dict[str, Run] = {}

    async def open(self, owner: str) -> dict[str, str]:
        """Begin a run; the visitor's earlier one ends. Refused where too many run."""
        for number in [number for number, run in self._runs.items() if run.owner == owner]:
            await self._end(number)
        if len(self._runs) >= MAX_RUNS:
            raise Refused(
                Code.BUSY, "other webcams are being tried now; wait a minute", headers={"Retry-After": "15"}
            )
        number, now = secrets.token_urlsafe(16), time.monotonic()
        backend = self._backend
        worker = Worker(backend.worker, self._scratch.path, int(LONGEST_S), backend.brands)
        run = Run(owner, worker, now, now)
        self._runs[number] = run
        try:
            await run.worker.start("webcam")
        except Exception as error:  # noqa: BLE001 whatever went wrong, no run may be left that nobody ends
            if number not in self._runs:  # a newer one of the same visitor came while this one started
                raise Refused(
                    Code.CONFLICT, "this webcam run has ended; begin a new one", reason="webcam_ended"
                ) from None
            await self._end(number)
            logger.warning("a webcam's process does not start: %s", error)
            raise Refused(
                Code.FAILED, "the webcam's process does not start; see the log", reason="webcam_start"
            ) from None
        return {"id": number}

    async def frame(self, owner: str, number: str, jpeg: bytes) -> dict[str, Any]:
        """Annotate one picture. Refused where it is none, or the last one is still at work."""
        run = self._find(owner, number)
        if not jpeg.startswith(b"\xff\xd8\xff"):
            raise Refused(Code.UNSUPPORTED, "send a JPEG picture", reason="webcam_failed")
        if run.busy.locked():
            raise Refused(Code.TOO_MANY, "the last picture is still at work; wait for its answer")
        async with run.busy:
            run.used = time.monotonic()
            try:
                said, picture = await run.worker.frame(jpeg, FRAME_S if run.started else START_S)
            except WorkFailed as error:
                await self._end(number)
                raise Refused(Code.FAILED, str(error), reason="webcam_failed") from None
            run.started, run.used = True, time.monotonic()
        persons = said.get("persons", [])
        return {
            "picture": base64.b64encode(picture).decode() if picture else None,
            "persons": [views.found(person, self._backend) for person in persons],
            "message": None if persons else NOBODY.format("image"),
        }

    async def close(self, owner: str, number: str) -> None:
        """End a run."""
        self._find(owner, number)
        await self._end(number)

    async def run(self) -> None:
        """End runs that nobody feeds, or that last too long, until cancelled."""
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            for number, run in list(self._runs.items()):
                idle = now - run.used > IDLE_S and not run.busy.locked()
                if idle or now - run.begun > LONGEST_S:
                    await self._end(number)

    async def stop(self) -> None:
        """End all."""
        for number in list(self._runs):
            await self._end(number)

    def _find(self, owner: str, number: str) -> Run:
        run = self._runs.get(number)
        if run is None or run.owner != owner:
            raise Refused(Code.NOT_FOUND, "this webcam run has ended; begin a new one", reason="webcam_ended")
        return run

    async def _end(self, number: str) -> None:
        run = self._runs.pop(number, None)
        if run is not None:
            await run.worker.kill()
