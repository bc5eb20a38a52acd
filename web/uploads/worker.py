"""The child process that decodes visitors' files: low priority, with limits, and replaceable.

Whatever a broken file makes of its decoder happens there and ends there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from anyio import to_thread

from engines.own_models import FOLDER_VARIABLE, own_folder
from engines.paths import ROOT
from probes.reason import Reason
from web.uploads.failures import GONE, TOO_MUCH, UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

MAX_MEMORY = 1_800_000_000
"""A phone's picture of 48 MP needs 1.2 GB, and 1.7 where the networks are compiled for it."""
MAX_LINE = 4_000_000
START_S, FRAME_S = 300.0, 60.0
"""How long a first picture, and each further one, may take: the process comes after the video, and where that
needs the whole machine, a picture takes many times its CPU time. A decoder in a loop ends by its CPU limit.
"""
ENDS_S = 1.0
"""How long a process may take to be seen as ended once its memory cannot be read."""
PASSED_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "STATE_DIRECTORY",
    "MSH_COMPILED",
)


class WorkFailed(Exception):
    """An upload failed; the text is one line for the visitor, mostly a `Reason`."""


class Worker:
    """One child process. `start`, then talk; `kill` from any state.

    brands: gives what the process reads from the open file whose number is in MSH_WORKER_BRANDS, so that it
    decodes and enrols no pictures of marks itself; it is in memory only.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, cpu_s: int, brands: Callable[[], bytes] = bytes
    ) -> None:
        self._brands = brands
        self._command, self._folder, self._cpu_s = tuple(command), folder, cpu_s
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._statm: BinaryIO | None = None
        self._killed: str | None = None
        self._ended = False

    async def start(self, *arguments: str, keep: Sequence[BinaryIO] = ()) -> None:
        """Begin, without this program's environment, for secrets live there. keep: open files it has, too."""
        env = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
        env |= {"MSH_WORKER_CPU_S": str(self._cpu_s), "TMPDIR": str(self._folder), "OMP_NUM_THREADS": "1"}
        env[FOLDER_VARIABLE] = str(own_folder())
        with _handed(await to_thread.run_sync(self._brands)) as brands, _gate() as (gate, opener):
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=env | {"MSH_WORKER_BRANDS": str(brands.fileno()), "MSH_WORKER_GATE": str(gate.fileno())},
                pass_fds=(brands.fileno(), gate.fileno(), *(file.fileno() for file in keep)),
                # `-m` looks first in the current folder: the program's own, not the one the user stands in.
                cwd=ROOT,
                start_new_session=True,
                limit=MAX_LINE,
            )
            if self._ended:  # by a `kill` that came before there was a process
                await self.kill()
                raise WorkFailed("stopped")
            self._statm = _statm(self._process.pid)
            if self._statm is not None:
                with contextlib.suppress(BrokenPipeError):  # it has ended
                    opener.write(b"1")
        self._watch = asyncio.create_task(self._watch_memory(self._process))

    async def lines(self, hear: Callable[[dict[str, Any]], None], timeout_s: float) -> dict[str, Any]:
        """Pass its reports on until `done`, and return that one. Raises WorkFailed."""
        try:
            return await asyncio.wait_for(self._read(hear), timeout_s)
        except (TimeoutError, asyncio.TimeoutError):
            text = f"took longer than {timeout_s:g} s; send a shorter video, or a smaller one"
            raise WorkFailed(Reason(text, why="upload_too_long", seconds=timeout_s)) from None

    async def frame(self, jpeg: bytes, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        """Send one picture; return its result and the annotated picture, which is empty if withheld."""
        process = self._running()
        try:
            process.stdin.write(struct.pack(">I", len(jpeg)) + jpeg)  # type: ignore[union-attr]  # it is a pipe
            return await asyncio.wait_for(self._frame_back(process), timeout_s)
        except (TimeoutError, asyncio.TimeoutError):
            raise WorkFailed("the picture took too long") from None
        except (OSError, EOFError, ValueError):
            raise WorkFailed(self._why()) from None

    async def kill(self) -> None:
        """End it and all that it started, and wait for that; one that is still to start ends then."""
        self._ended = True
        if self._watch:
            self._watch.cancel()
        if self._statm:
            self._statm.close()
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.stdin:
            process.stdin.close()
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), 5)

    async def _read(self, hear: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        process = self._running()
        while True:
            try:
                line = await process.stdout.readline()  # type: ignore[union-attr]  # it is a pipe
                said = json.loads(line) if line else None
            except ValueError:
                said = None
            if not isinstance(said, dict):
                raise WorkFailed(self._why())
            if "error" in said:
                raise WorkFailed(Reason.of(str(said["error"]), said.get("error_cause")))
            if "done" in said:
                return dict(said["done"])
            hear(said)

    async def _frame_back(self, process: asyncio.subprocess.Process) -> tuple[dict[str, Any], bytes]:
        if process.stdin is None or process.stdout is None:
            raise EOFError
        await process.stdin.drain()
        line = await process.stdout.readline()
        said = dict(json.loads(line)) if line else None
        if said is None:
            raise EOFError
        if "error" in said:
            raise WorkFailed(str(said["error"]))
        return said, await process.stdout.readexactly(min(int(said["bytes"]), MAX_LINE))

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise WorkFailed("stopped")
        return self._process

    def _why(self) -> str:
        return self._killed or GONE

    async def _watch_memory(self, process: asyncio.subprocess.Process) -> None:
        """Kill it above its memory limit: a limit of address space would say little of real use.

        One whose memory cannot be read is above it, too, unless it has ended.
        """
        while (used := _resident(self._statm)) is not None and used <= MAX_MEMORY:
            await asyncio.sleep(0.25)
        if used is None:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), ENDS_S)
            if process.returncode is not None:
                return
            logger.error("the memory of an upload's process cannot be read in /proc, so it is ended")
        self._killed = UNEXPECTED if used is None else TOO_MUCH
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _gate() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Give a pipe: the process waits at its one end until a byte is written to the other; then both close."""
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as gate, os.fdopen(write, "wb", buffering=0) as opener:
        yield gate, opener


def _handed(data: bytes) -> BinaryIO:
    """Return an open file with the bytes, in memory only, at its beginning."""
    file = os.fdopen(os.memfd_create("brands"), "r+b")
    file.write(data)
    file.flush()
    file.seek(0)
    return file


def _statm(pid: int) -> BinaryIO | None:
    """Open what says a process's memory; None where that cannot be.

    Once the process lets nobody dump it, `hidepid` (systemd: ProtectProc) hides it from its parent, too, so
    that it could no longer be opened. What is open stays readable.
    """
    try:
        return open(f"/proc/{pid}/statm", "rb", buffering=0)  # noqa: PTH123 - not a file on a disk
    except OSError:
        return None


def _resident(statm: BinaryIO | None) -> int | None:
    """Return the resident memory of a process, bytes; None where it has ended or cannot be read."""
    if statm is None:
        return None
    try:
        pages = int(os.pread(statm.fileno(), 200, 0).split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") or None
