"""What an upload's process uses is watched also where systemd hides it, and never taken for fine unseen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from engines.paths import ROOT
from web.uploads import worker
from web.uploads.worker import Worker, WorkFailed

LARGE = "b = bytearray(600_000_000); print('{\"progress\": 1}', flush=True); time.sleep(600)"
BOMB = f"""
import sys, time
from web.uploads.child import is_watched, limit
is_watched() or sys.exit(1)
limit()
{LARGE}
"""
UNWATCHED = f"import time; {LARGE}"
HIDDEN = (
    *("unshare", "--mount", "sh", "-c"),
    # Group 0, which the mount excepts by itself, is seen as any other user would be.
    'mount -t proc -o hidepid=2,gid=65534 proc /proc && exec setpriv --bounding-set -sys_ptrace "$@"',
    *("sh", sys.executable, "-m", "tests.web.uploads.test_memory"),
)


def why(code: str, folder: Path) -> str:
    """Return what the visitor is told of a process that would wait for ten minutes."""

    async def ask() -> str:
        one = Worker((sys.executable, "-c", code), folder, 60)
        await one.start()
        try:
            await one.lines(lambda _: None, 300)
        except WorkFailed as error:
            return str(error)
        finally:
            await one.kill()
        return "done"

    return asyncio.run(ask())


def test_a_process_whose_memory_cannot_be_read_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "_resident", lambda _: None)
    assert why(UNWATCHED, tmp_path) == worker.UNEXPECTED
    assert "cannot be read" in caplog.text


def test_what_cannot_be_watched_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_statm", lambda _: None)
    code = (
        "import sys; from web.uploads.child import is_watched; print('{\"done\": {}}') if is_watched() else 0"
    )
    assert why(code, tmp_path) == worker.GONE


def test_one_that_ends_by_itself_is_not_told_as_too_large(tmp_path: Path) -> None:
    assert why("", tmp_path) == worker.GONE


def test_too_much_is_ended_where_processes_are_hidden(tmp_path: Path) -> None:
    """As our systemd unit does it: ProtectProc=invisible, and no rights."""
    try:
        done = subprocess.run(
            [*HIDDEN, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
        )
    except FileNotFoundError as error:
        pytest.skip(f"no {error.filename} here")
    if not done.stdout.startswith("hidden"):
        pytest.skip(f"processes cannot be hidden here: {done.stderr[-200:]}")
    assert done.stdout.splitlines() == ["hidden", worker.TOO_MUCH], done.stderr


def is_hidden() -> bool:
    """Return whether a child that nobody may dump is without an entry in /proc."""
    code = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()  # type: ignore[union-attr]  # it is a pipe
        return not Path(f"/proc/{child.pid}/statm").exists()


if __name__ == "__main__":
    if not is_hidden():
        sys.exit("a child that nobody may dump is seen")
    print("hidden", flush=True)
    worker.MAX_MEMORY = 300_000_000
    print(why(BOMB, Path(sys.argv[1])))
