"""The folder of a run goes with it, however that ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engines.paths import ROOT
from scripts.work_folder import work_folder

CODE = """
import time
from pathlib import Path
from scripts.work_folder import work_folder
with work_folder("test") as outer, work_folder("test") as inner:
    for folder in (outer, inner):
        (Path(folder) / "file").touch()
    print(outer, inner, sep="\\n", flush=True)
    time.sleep(1200)  # it is ended before
"""

AS_USUAL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
"""Where a shell runs the tests in its background, or under nohup, they inherit that it ignores these two."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_folder(tmp_path, number):
    command = [sys.executable, "-c", AS_USUAL + CODE]
    with subprocess.Popen(
        command, cwd=ROOT, env={"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            folders = [child.stdout.readline().strip() for _ in range(2)]
            assert sorted(map(str, tmp_path.iterdir())) == sorted(folders)
            child.send_signal(number)
            child.wait(120)
        finally:
            child.kill()
    assert child.returncode in (128 + number, -number)
    assert list(tmp_path.iterdir()) == []


def test_under_nohup_a_run_outlives_its_terminal(tmp_path):
    code = CODE.replace("time.sleep(1200)", "print(input(), flush=True)")
    with subprocess.Popen(
        ["nohup", sys.executable, "-c", code],
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            for _ in range(2):
                child.stdout.readline()
            child.send_signal(signal.SIGHUP)
            out, _ = child.communicate("on\n", timeout=120)
        finally:
            child.kill()
    assert (out, child.returncode) == ("on\n", 0)
    assert list(tmp_path.iterdir()) == []


def test_signals_are_as_before_afterwards():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with work_folder("test") as folder:
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before
