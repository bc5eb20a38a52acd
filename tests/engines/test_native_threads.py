"""The end of a process with a thread inside native code, each in a process of its own."""

import os
import subprocess
import sys

import pytest

from tests.fakes.native_thread import end_inside


@pytest.mark.parametrize("timeout_s", [0.001, 30])
def test_a_process_ends_after_a_thread_that_is_inside_native_code(timeout_s):
    done = end_inside(
        f'print("ended", join_native(thread, {timeout_s}) in (True, False), flush=True)',
        before="from engines.native_threads import join_native\n"
        'assert join_native(thread, 0.01), "it never began"',
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["came back", "ended True"]


def test_a_process_that_has_to_end_by_a_moment_does_so_with_what_it_has_written():
    done = end_inside(
        'join_native(thread, 0.001)\nexit_by(time.monotonic() + 0.1)\nprint("the report")',
        before="import logging, sys, time\nfrom engines.native_threads import exit_by, join_native\n"
        'logging.basicConfig(stream=sys.stdout, format="%(message)s")',
        microseconds=1_000_000_000,
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
