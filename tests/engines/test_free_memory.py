"""Memory pools of glibc: all threads share two, so that what one gives back another can take."""

from __future__ import annotations

import gc
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13

from engines.free_memory import (
    ThreadMemory,
    drop_mapped_pages,
    limit_kernels,
    note_mapped,
    release_working_memory,
)
from engines.ocr.regions import RegionFinder
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


# Bytes that the C library has given out, after pictures of 30 sizes and after those of 30 others.
SIZES = """
import ctypes, itertools
from engines.manifest import read_manifest
from engines.openvino_runtime import Network
names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
Info = type("Info", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in names]})
mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info
network = Network(read_manifest()["centerface"], threads=1, any_size=True)
def find(sizes):
    info = mallinfo()
    before = info.uordblks + info.hblkhd
    for size in sizes:
        slot = network.take(size)
        slot.pixels[:] = 0
        slot.start()
        slot.result(120)
        network.give_back([slot])
    info = mallinfo()
    return info.uordblks + info.hblkhd - before
sizes = list(itertools.product(range(96, 352, 32), range(96, 352, 32)))[::-1][:60]
print(find(sizes[:30]), find(sizes[30:]))
"""


def test_memory_does_not_grow_with_each_size_of_picture() -> None:
    command = [sys.executable, "-c", SIZES]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=600)
    first, others = map(int, done.stdout.split())
    assert others < first / 2


class Compiled:
    """A compiled model of which only the working memory is asked about."""

    def __init__(self, error: Exception | None = None) -> None:
        self.given_back, self._error = 0, error

    def release_memory(self) -> None:
        if self._error:
            raise self._error
        self.given_back += 1


class Request:
    """A request of a model; as OpenVINO's, it makes a new object of the model each time it is asked."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled

    def get_compiled_model(self) -> Any:
        return SimpleNamespace(release_memory=self._compiled.release_memory)


def test_a_thread_may_keep_its_models_working_memory_until_it_rests() -> None:
    kept_there, large, busy, other = Compiled(), Compiled(), Compiled(RuntimeError("under work")), Compiled()
    seen: list[int] = []

    def work() -> None:
        kept = ThreadMemory()
        kept.begin()
        busy_request, kept_request = Request(busy), Request(kept_there)
        for request in (busy_request, kept_request, kept_request):
            release_working_memory(request)
        release_working_memory(Request(large), at_once=True)
        seen.append(kept_there.given_back)
        kept.release()
        kept.release()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    release_working_memory(Request(other))
    assert seen == [0]
    assert (kept_there.given_back, large.given_back, other.given_back) == (1, 1, 1)


def test_a_thread_that_never_rests_notes_a_model_once() -> None:
    picture = opset13.parameter([1, 3, 32, 32], np.float32)
    score = opset13.reduce_mean(picture, np.array([1]), keep_dims=True)
    model = ov.Core().compile_model(ov.Model([score], [picture]), "CPU", {"INFERENCE_NUM_THREADS": 1})
    finder = RegionFinder(model.create_infer_request())
    noted: list[object] = []

    def work() -> None:
        kept = ThreadMemory()
        kept.begin()
        for _ in range(100):
            finder.find(np.zeros((32, 32, 3), np.uint8))
        noted.extend(one for one in gc.get_objects() if isinstance(one, ov.CompiledModel))
        kept.release()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert 1 <= len(noted) < 50


def _resident_kb(path: Path) -> int:
    """Return how much of a mapped file is in this process's memory."""
    lines = iter(Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.endswith(str(path)):
            return next(int(one.split()[1]) for one in lines if one.startswith("Rss:"))
    raise AssertionError(f"{path} is not mapped")


def test_pages_of_mapped_files_are_given_back_and_come_again(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(range(256)) * 4096)
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    note_mapped(pages)
    assert sum(pages[::4096]) == 0
    assert _resident_kb(path) == 1024
    drop_mapped_pages()
    assert _resident_kb(path) == 0
    assert pages[:] == bytes(range(256)) * 4096
