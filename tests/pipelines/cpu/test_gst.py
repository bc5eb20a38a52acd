"""The start of GStreamer from many threads at once, as cameras do it."""

from __future__ import annotations

import subprocess
import sys

from engines.paths import ROOT

RACE = """
import threading
from pipelines.cpu import gst
go, made = threading.Barrier(8), []
def camera():
    go.wait()
    gst.init()
    made.append(gst.make("appsink"))
threads = [threading.Thread(target=camera) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(made))
"""


def test_every_thread_finds_every_element_whoever_comes_first():
    runs = [
        subprocess.Popen([sys.executable, "-c", RACE], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)
    ]
    assert [run.communicate(timeout=120)[0] for run in runs] == [b"8\n"] * 3
