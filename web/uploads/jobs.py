"""Uploads: received within limits, annotated one after another by a child process, and deleted."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from engines.file_type import HEAD_BYTES, TAKEN, FileType, other_group, other_kind, read_type, sniff
from pipelines.errors import BadInput
from pricing.news import news
from probes.events.messages import rfc3339
from probes.people.unworn import nobody
from probes.reason import cause
from web import views
from web.nameless import nameless, opened_path
from web.refusal import Code, Refused
from web.uploads.failures import UNEXPECTED
from web.uploads.worker import Worker, WorkFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import BinaryIO

    from web.backend import Backend
    from web.uploads.scratch import Scratch

logger = logging.getLogger(__name__)

MAX_JOBS = 24
MAX_EACH = 8
MAX_RECEIVING = 4
KEEP_FREE = 500_000_000
WRITE_AT = 1 << 20
EXPIRE_EVERY_S = 1.0


class State(str, Enum):
    """The state of an upload."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(eq=False)
class Job:
    """One upload; its result is in a folder of its own. Times are UTC ns.

    source: what was sent, open and without a name, so that it is gone with this process however that ends.
    keep_until: monotonic seconds, by which it is deleted, whatever becomes of the clock that people read.
    """

    id: str
    owner: str
    name: str
    what: FileType
    folder: Path
    source: BinaryIO
    created_at: int
    state: State = State.QUEUED
    progress: float | None = None
    expires_at: int | None = None
    keep_until: float | None = None
    error: str | None = None
    found: dict[str, Any] = field(default_factory=dict)
    result_bytes: int = 0

    @property
    def source_bytes(self) -> int:
        """Size of what was sent, as long as it is kept."""
        return 0 if self.source.closed else os.fstat(self.source.fileno()).st_size

    @property
    def result(self) -> Path:
        """Its annotated copy."""
        return self.folder / f"result{self.what.result_suffix}"


class Jobs:
    """All uploads. One per server; used in its event loop."""

    def __init__(self, backend: Backend, scratch: Scratch) -> None:
        self._backend, self._scratch = backend, scratch
        web = backend.settings.outputs.web
        self.max_bytes = (web.upload_mb if web else 1) * 1_000_000
        self.max_s = web.upload_s if web else 1
        self._keep_s = (web.keep_minutes if web else 1) * 60
        self._budget = max(1_000_000_000, 4 * self.max_bytes)
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._receiving: dict[str, tuple[str, int]] = {}
        self._wake = asyncio.Event()
        self._worker: Worker | None = None
        self._at_work: Job | None = None
        self.version = 0

    async def receive(
        self, owner: str, name: str, length: int | None, body: AsyncIterator[bytes]
    ) -> dict[str, Any]:
        """Take a file in, and queue it. Refused where it is no such file, or there is no room."""
        self._check_room(owner, length)
        ticket = secrets.token_urlsafe(16)
        self._receiving[ticket] = owner, length or self.max_bytes
        folder = self._scratch.path / ticket
        try:
            folder.mkdir(mode=0o700)
            what, source = await _store(body, folder)
        except BaseException as error:
            await to_thread.run_sync(_remove, folder)
            if isinstance(error, OSError):
                raise Refused(Code.BUSY, "the disk is full; try again later", reason="disk_full") from None
            raise
        finally:
            del self._receiving[ticket]
        job = Job(ticket, owner, name[:200], what, folder, source, time.time_ns())
        self._jobs[ticket] = job
        self._changed()
        self._wake.set()
        return self.write(job)

    def of(self, owner: str) -> dict[str, Any]:
        """Write the jobs of one visitor, the newest first."""
        return {"jobs": [self.write(job) for job in reversed(self._jobs.values()) if job.owner == owner]}

    def find(self, owner: str, ticket: str) -> Job:
        """Return one of the visitor's jobs; Refused where there is none."""
        job = self._jobs.get(ticket)
        if job is None or job.owner != owner:
            raise Refused(Code.NOT_FOUND, "there is no such upload; results are deleted after a while")
        return job

    async def delete(self, job: Job) -> None:
        """Stop a job, and remove all of it."""
        self._jobs.pop(job.id, None)
        self._changed()
        if job is self._at_work and self._worker:
            await self._worker.kill()
        job.source.close()
        await to_thread.run_sync(_remove, job.folder)

    def write(self, job: Job) -> dict[str, Any]:
        """Write a job as the API does."""
        waiting = [one for one in self._jobs.values() if one.state is State.QUEUED]
        persons = job.found.get("persons", [])
        done = job.state is State.DONE
        return {
            "id": job.id,
            "name": job.name,
            "kind": job.what.kind,
            "state": job.state.value,
            "position": waiting.index(job) + (self._at_work is not None) if job in waiting else None,
            "progress": job.progress,
            "created_at": rfc3339(job.created_at),
            "expires_at": None if job.expires_at is None else rfc3339(job.expires_at),
            "error": job.error,
            "error_cause": cause(job.error),
            "message": nobody(job.what.kind, job.found.get("unworn", ())) if done and not persons else None,
            "unworn": [{"brand": one["brand"], "type": one["type"]} for one in job.found.get("unworn", ())],
            "persons": [views.found(person, self._backend) for person in persons],
            "frames_withheld": job.found.get("withheld", 0),
            "notes": job.found.get("notes", []),
            "note_causes": job.found.get("note_causes", []),
            "result": {
                "url": f"/api/jobs/{job.id}/result",
                "type": job.what.result_media_type,
                "bytes": job.result_bytes,
            }
            if done
            else None,
        }

    def summary(self) -> dict[str, Any]:
        """Return the number of waiting and running jobs, and the disk that they use."""
        states = [job.state for job in self._jobs.values()]
        return {
            "enabled": bool(self._backend.worker),
            "waiting": states.count(State.QUEUED),
            "running": states.count(State.RUNNING),
            "disk_bytes": self._used(),
        }

    def _used(self) -> int:
        return self._scratch.used() + sum(job.source_bytes for job in self._jobs.values())

    async def run(self) -> None:
        """Process the queue until cancelled, one job at a time; delete expired ones meanwhile."""
        # Exceptions are returned: else this ends with the first of the two, and a process is left alone.
        await asyncio.gather(self._process(), self._expire(), return_exceptions=True)

    async def _process(self) -> None:
        while True:
            self._wake.clear()
            job = next((one for one in self._jobs.values() if one.state is State.QUEUED), None)
            if job is None:
                await self._wake.wait()
            else:
                await self._work(job)

    async def _work(self, job: Job) -> None:
        """Annotate one upload. Its end is published once the child has gone and the source is deleted."""
        self._at_work, job.state = job, State.RUNNING
        self._changed()
        worker = self._worker = Worker(self._backend.worker, job.folder, 4 * self.max_s, self._backend.brands)

        def hear(said: dict[str, Any]) -> None:
            job.progress = said.get("progress")
            self._changed()

        error: str | None = UNEXPECTED
        try:
            await worker.start("file", opened_path(job.source), str(job.result), keep=[job.source])
            job.found = await worker.lines(hear, self.max_s)
            job.result_bytes = job.result.stat().st_size
            error = None
        except Exception as caught:
            is_expected = isinstance(caught, (WorkFailed, BadInput))
            error = caught.args[0] if is_expected else UNEXPECTED
            if job.id in self._jobs:
                trace = None if is_expected or isinstance(caught, OSError) else caught
                extra = news("upload_failed", what=error)
                logger.warning("an upload was not processed: %s", error, exc_info=trace, extra=extra)
        finally:
            await worker.kill()
            job.source.close()
            job.expires_at = time.time_ns() + self._keep_s * 1_000_000_000
            job.keep_until = time.monotonic() + self._keep_s
            job.error, job.progress = error, None if error else 1.0
            job.state = State.FAILED if error else State.DONE
            self._worker = self._at_work = None
            self._changed()
        if job.id not in self._jobs:
            await to_thread.run_sync(_remove, job.folder)

    async def _expire(self) -> None:
        """Delete each result in its time, also while another upload is at work."""
        while True:
            await asyncio.sleep(EXPIRE_EVERY_S)
            now = time.monotonic()
            for job in [one for one in self._jobs.values() if one.keep_until and one.keep_until <= now]:
                await self.delete(job)

    def _check_room(self, owner: str, length: int | None) -> None:
        wanted = length or self.max_bytes
        if wanted > self.max_bytes:
            raise Refused(
                Code.TOO_LARGE, f"larger than {self.max_bytes / 1e6:g} MB, which is the most that is taken"
            )
        if len(self._receiving) >= MAX_RECEIVING:
            raise Refused(
                Code.BUSY, "several uploads are on their way already; try again", headers={"Retry-After": "5"}
            )
        owners = [job.owner for job in self._jobs.values()] + [one for one, _ in self._receiving.values()]
        if owners.count(owner) >= MAX_EACH:
            raise Refused(
                Code.TOO_MANY, f"you have {MAX_EACH} uploads here; delete one first", reason="uploads_full"
            )
        if len(owners) >= MAX_JOBS:
            raise Refused(Code.BUSY, "too many uploads wait; try again later", headers={"Retry-After": "60"})
        room = min(
            self._budget - self._used() - sum(size for _, size in self._receiving.values()),
            self._scratch.free() - KEEP_FREE,
        )
        if wanted > room:
            raise Refused(Code.BUSY, "no room for it now; try again later", headers={"Retry-After": "60"})

    def _changed(self) -> None:
        self.version += 1


async def _store(body: AsyncIterator[bytes], folder: Path) -> tuple[FileType, BinaryIO]:
    """Write a body into a file without a name; Refused as soon as its first bytes are of no known file."""
    what, waiting = None, bytearray()
    file = nameless(folder / "part")
    try:
        async for chunk in body:
            waiting += chunk
            if what is None and len(waiting) >= HEAD_BYTES:
                what = _type_of(bytes(waiting[:HEAD_BYTES]))
            if len(waiting) >= WRITE_AT:
                await to_thread.run_sync(file.write, bytes(waiting))
                waiting.clear()
        what = what or _type_of(bytes(waiting[:HEAD_BYTES]))
        await to_thread.run_sync(file.write, bytes(waiting))
        await to_thread.run_sync(file.flush)
        # Now it is known whether it is animated.
        return await to_thread.run_sync(read_type, Path(opened_path(file))) or what, file
    except BaseException:
        file.close()
        raise


def _type_of(head: bytes) -> FileType:
    what = sniff(head)
    if what is None:
        if other := other_kind(head):
            raise Refused(Code.UNSUPPORTED, f"this is {other}", reason=f"other_{other_group(head)}")
        raise Refused(
            Code.UNSUPPORTED,
            f"this is no file that can be annotated: {TAKEN} are",
            reason="not_media",
        )
    return what


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
