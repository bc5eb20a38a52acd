"""The end of a process with a thread inside native code, each in a process of its own."""

import os
import subprocess
import sys

import pytest

NATIVE = """
import ctypes, threading
from engines.native_threads import join_native
inside = threading.Event()
def work():
    inside.set()
    ctypes.CDLL(None).usleep(300_000)
    print("came back", flush=True)
thread = threading.Thread(target=work, daemon=True)
assert join_native(thread, 0.01), "it never began"
thread.start()
assert inside.wait(300), "the thread never came to its native call"
print("ended", join_native(thread, {timeout_s}) in (True, False), flush=True)
"""


@pytest.mark.parametrize("timeout_s", [0.001, 30])
def test_a_process_ends_after_a_thread_that_is_inside_native_code(timeout_s):
    code = NATIVE.format(timeout_s=timeout_s)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, ["came back", "ended True"])


def test_a_process_that_has_to_end_by_a_moment_does_so_with_what_it_has_written():
    code = """
import ctypes, logging, sys, threading, time
from engines.native_threads import exit_by, join_native
logging.basicConfig(stream=sys.stdout, format="%(message)s")
inside = threading.Event()
def work():
    inside.set()
    ctypes.CDLL(None).sleep(1000)
thread = threading.Thread(target=work, name="loads-models", daemon=True)
thread.start()
assert inside.wait(300)
join_native(thread, 0.001)
exit_by(time.monotonic() + 0.1)
print("the report")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    said = "the process ends without its threads that do not: loads-models"
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (1, ["the report", said], "")


@pytest.mark.parametrize("command", ["run", "annotate", "web", "bench"])
def test_numpy_multiplies_with_one_thread_in_every_command(command):
    code = (
        f"import os, scripts.msh, importlib; importlib.import_module('scripts.commands.{command}')\n"
        "import numpy; print(os.environ['OPENBLAS_NUM_THREADS'], len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert done.stdout.split() == [b"1", b"1"]
