"""Two programs of one store and state folder: the second is told in one line; a killed one is in no way."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from engines.paths import ROOT
from pipelines.errors import BadInput
from pipelines.state_lock import StateLock
from tests.pipelines.settings.store_file import MINIMAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import sys, os
from pathlib import Path
from pipelines.state_lock import StateLock
lock = StateLock(Path(sys.argv[1]), sys.argv[2])
if os.fork() == 0:  # what it starts keeps no lock
    print(os.getppid(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that runs the store `berlin`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "state"), "berlin"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == str(process.pid)
    yield process
    process.kill()
    process.communicate()


def test_the_second_program_of_a_store_is_told_in_one_line(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=f"^store.id berlin: process {holder.pid} runs this store") as told:
        StateLock(tmp_path / "state", "berlin", wait_s=0)
    assert "\n" not in str(told.value)
    StateLock(tmp_path / "state", "paris", wait_s=0).release()
    StateLock(tmp_path / "other", "berlin", wait_s=0).release()


def test_a_killed_program_is_in_nobodys_way_even_where_a_child_of_it_lives(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.kill()
    holder.wait(120)
    lock = StateLock(tmp_path / "state", "berlin", wait_s=300)
    assert (tmp_path / "state" / "run-berlin.lock").read_text().strip() == str(os.getpid())
    lock.release()


def test_a_folder_that_cannot_be_written_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    StateLock(tmp_path / "file" / "state", "berlin", wait_s=0).release()


def test_the_command_ends_with_status_2(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    (tmp_path / "store.yaml").write_text(MINIMAL)
    store = next(word for word in MINIMAL.replace(",", " ").split("id:")[1].split())
    lock = StateLock(tmp_path / "mine", store)
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path / "mine"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts.msh", "run", str(tmp_path / "store.yaml")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    lock.release()
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"process {os.getpid()} runs this store" in line
