"""Child processes that never outlive the demo: each in a session of its own, all stopped together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

PR_SET_PDEATHSIG = 1
GRACE_S = 10.0
PATIENCE_S = 120.0
"""How long a child may take to start."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartFailed(Exception):
    """A helper of the demo did not start; the text is one line that says which and why."""


class Children:
    """Starts processes; leaving the `with` block stops all, the last started first."""

    def __init__(self, *, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._libc = ctypes.CDLL(None)
        self._running: list[tuple[str, subprocess.Popen[str]]] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        folder: Path | None = None,
        log: Path | None = None,
    ) -> subprocess.Popen[str]:
        """Start a process; its standard error goes to `log`, its output into a pipe, or both to ours."""
        parent = os.getpid()

        def die_with_us() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        stderr: IO[str] | None = None
        # What a signal's handler raises is lost within a fork's own hooks: held until the child is noted.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
        try:
            stderr = log.open("w") if log is not None else None
            child = subprocess.Popen(
                command,
                env=dict(env) if env is not None else None,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if log is not None else None,
                stderr=stderr,
                text=True,
                start_new_session=True,
                preexec_fn=die_with_us,  # noqa: PLW1509 nothing here runs threads while children are started
            )
            self._running.append((name, child))
        except OSError as error:
            raise StartFailed(f"{name} cannot be started: {error}") from error
        finally:
            if stderr is not None:
                stderr.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return child

    def stop(self) -> None:
        """Ask every process to end, the last started first; kill what is left of its group after a grace."""
        while self._running:
            _name, child = self._running.pop()
            for number, patience in (
                (signal.SIGINT, self._grace_s),
                (signal.SIGTERM, 2.0),
                (signal.SIGKILL, 2.0),
            ):
                if child.poll() is not None:
                    break
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(patience)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            if child.stdout is not None:
                child.stdout.close()


def first_line(name: str, child: subprocess.Popen[str], log: Path) -> str:
    """Wait for a child's first line of output; StartFailed, with its last words, where none comes."""
    if child.stdout is None:
        raise ValueError("the child writes to our own output")
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        line = child.stdout.readline().strip() if selector.select(PATIENCE_S) else ""
    if line:
        return line
    words = log.read_text(errors="replace").strip().splitlines()
    raise StartFailed(f"{name} did not start: {words[-1] if words else f'silent for {PATIENCE_S:.0f} s'}")


def wait_for_port(name: str, child: subprocess.Popen[str], port: int, log: Path) -> None:
    """Wait until a child accepts connections on 127.0.0.1. Raises StartFailed if it ends or is too late."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    code = child.poll()
    waited = f"still starting after {PATIENCE_S:.0f} s" if code is None else f"ended with {code}"
    words = log.read_text(errors="replace").strip().splitlines()
    raise StartFailed(f"{name} did not open port {port}: {words[-1] if words else waited}")
