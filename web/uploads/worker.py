"""The child process that decodes visitors' files: low priority, with limits, and replaceable.

Whatever a broken file makes of its decoder happens there and ends there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

from anyio import to_thread

from engines.own_models import FOLDER_VARIABLE, own_folder
from engines.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

MAX_MEMORY = 1_600_000_000
MAX_LINE = 4_000_000
START_S = 60.0
FRAME_S = 10.0
KEPT_NAMES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "XDG_CACHE_HOME",
    "MSH_COMPILED",
)
GONE = "the file could not be processed: its decoder gave up; try another format"


class WorkFailed(Exception):
    """An upload failed; the text is one line for the visitor."""


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
        self._too_much = False

    async def start(self, *arguments: str, keep: Sequence[BinaryIO] = ()) -> None:
        """Begin, without this program's environment, for secrets live there. keep: open files it has, too."""
        env = {name: os.environ[name] for name in KEPT_NAMES if name in os.environ}
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
        env |= {"MSH_WORKER_CPU_S": str(self._cpu_s), "TMPDIR": str(self._folder), "OMP_NUM_THREADS": "1"}
        env[FOLDER_VARIABLE] = str(own_folder())
        with _handed(await to_thread.run_sync(self._brands)) as brands:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=env | {"MSH_WORKER_BRANDS": str(brands.fileno())},
                pass_fds=(brands.fileno(), *(file.fileno() for file in keep)),
                # `-m` looks first in the current folder: the program's own, not the one the user stands in.
                cwd=ROOT,
                start_new_session=True,
                limit=MAX_LINE,
            )
        self._watch = asyncio.create_task(self._watch_memory(self._process.pid))

    async def lines(self, hear: Callable[[dict[str, Any]], None], timeout_s: float) -> dict[str, Any]:
        """Pass its reports on until `done`, and return that one. Raises WorkFailed."""
        try:
            return await asyncio.wait_for(self._read(hear), timeout_s)
        except (TimeoutError, asyncio.TimeoutError):
            raise WorkFailed(
                f"took longer than {timeout_s:g} s; send a shorter video, or a smaller one"
            ) from None

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
        """End it and all that it started, and wait for that."""
        if self._watch:
            self._watch.cancel()
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
                raise WorkFailed(str(said["error"]))
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
        return "needs more memory than an upload may have; send a smaller one" if self._too_much else GONE

    async def _watch_memory(self, pid: int) -> None:
        """Kill it above its memory limit: a limit of address space would say little of real use."""
        while (used := _resident(pid)) is not None:
            if used > MAX_MEMORY:
                self._too_much = True
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                return
            await asyncio.sleep(0.25)


def _handed(data: bytes) -> BinaryIO:
    """Return an open file with the bytes, in memory only, at its beginning."""
    file = os.fdopen(os.memfd_create("brands"), "r+b")
    file.write(data)
    file.flush()
    file.seek(0)
    return file


def _resident(pid: int) -> int | None:
    """Return the resident memory of a process, bytes; None where it has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file on a disk
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
