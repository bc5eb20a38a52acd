"""A program, in a process of its own, with a thread that is inside native code when the program ends."""

from __future__ import annotations

import sys
from subprocess import CompletedProcess, run

from engines.paths import ROOT

INSIDE = """
import ctypes, threading
inside = threading.Event()
def work():
    inside.set()
    ctypes.CDLL(None).usleep({microseconds})
    print("came back", flush=True)
thread = threading.Thread(target=work, name="loads-models", daemon=True)
{before}
thread.start()
assert inside.wait(300), "the thread never came to its native call"
"""


def end_inside(rest: str, *, before: str = "", microseconds: int = 300_000) -> CompletedProcess[str]:
    """Run a program whose `thread` is inside native code for so long. before, rest: its first, last lines."""
    code = INSIDE.format(before=before, microseconds=microseconds) + rest
    command = [sys.executable, "-c", code]
    return run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
