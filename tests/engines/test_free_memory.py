"""Memory pools of glibc: all threads share two, so that what one gives back another can take."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from engines.free_memory import limit_kernels
from engines.paths import ROOT

# Forty threads hold memory at once; malloc_info(3) names every pool that there is then.
POOLS = """
import ctypes, sys, threading
from engines.free_memory import share_arenas
print(share_arenas() if sys.argv[1] == "shared" else False)
gate = threading.Barrier(41)
def hold():
    blocks = [bytearray(50_000) for _ in range(40)]
    gate.wait()
    gate.wait()
for _ in range(40):
    threading.Thread(target=hold).start()
gate.wait()
libc, text, size = ctypes.CDLL(None), ctypes.c_char_p(), ctypes.c_size_t()
libc.open_memstream.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.open_memstream(ctypes.byref(text), ctypes.byref(size)))
libc.malloc_info(0, stream)
libc.fclose(stream)
print(text.value.count(b"<heap nr="))
gate.wait()
"""


@pytest.mark.parametrize(
    ("how", "variable", "said", "few"),
    [("shared", None, "True", True), ("own", None, "False", False), ("shared", "16", "False", False)],
)
def test_threads_share_two_pools(how: str, variable: str | None, said: str, few: bool) -> None:
    env = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    env |= {"MALLOC_ARENA_MAX": variable} if variable else {}
    command = [sys.executable, "-c", POOLS, how]
    done = subprocess.run(command, env=env, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    shown, pools = done.stdout.split()
    assert shown == said
    assert (int(pools) <= 2) is few


def test_kernels_are_limited_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    variable = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(variable, "7")
    limit_kernels()
    assert os.environ[variable] == "7"
    monkeypatch.delenv(variable)
    limit_kernels()
    assert os.environ[variable] == "64"
