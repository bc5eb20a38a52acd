"""A login without parameters, which no rtspsrc survives: the one inside nvurisrcbin must not see it."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from engines.paths import ROOT
from pipelines.deepstream.runtime.installed import installed
from tests.fakes.deepstream import FakeElementFactory
from tests.fakes.rtsp_replies import refusing_camera
from tests.pipelines.cpu.test_login_guard import METHODS, count_guards
from tests.pipelines.deepstream.running import running
from tests.pipelines.deepstream.stores import JETSON
from tests.waiting import wait_for


def test_no_such_login_ends_the_process() -> None:
    """In a process of its own: it was a segmentation fault, and all cameras went with it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.deepstream.runtime.test_bare_digest"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        *(f"{method} {'answer' if method == 'DESCRIBE' else 'auth'}" for method in METHODS),
        "no guard outlives its source",
    ]


def main() -> None:
    """Print what became of a camera for each method that it answers so, beside one that goes on."""
    alive: set[int] = set()
    kept = count_guards(alive)
    installed(FakeElementFactory(JETSON))  # as the program does before the platform is made
    for method in METHODS:
        with (
            refusing_camera(method, "401 Unauthorized\r\nWWW-Authenticate: Digest") as url,
            TemporaryDirectory() as folder,
            running(Path(folder), [url, "rtsp://127.0.0.2/live"], c0="calls") as run,
        ):
            run.platform.start()
            wait_for(lambda run=run: run.state("c0").endswith((":auth", ":answer")))  # type: ignore[misc]
            wait_for(lambda run=run: run.state("c1").startswith("live"))  # type: ignore[misc]
            print(method, run.state("c0").partition(":")[2])
            run.platform.remove("c1")
            wait_for(lambda: _are_gone(alive))
    print("no guard outlives its source")
    del kept


def _are_gone(alive: set[int]) -> bool:
    gc.collect()
    return not alive


if __name__ == "__main__":
    main()
