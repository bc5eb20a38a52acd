"""A service without a home folder: what GLib cannot keep for it is not complained of in its log."""

from __future__ import annotations

import os
import subprocess
import sys

from engines.paths import ROOT
from tests.fakes.broker import free_port

CONNECT = """
import sys
from pipelines.cameras.source import SourceLost, SourceSpec
from pipelines.cpu.source import open_source

source = open_source(SourceSpec("door", sys.argv[1]))
try:
    while True:
        source.wait(1.0)
except SourceLost as lost:
    print(lost.cause.value)
source.close()
"""


def test_where_no_home_can_be_written_a_camera_is_called_without_a_complaint() -> None:
    """HOME=/ in a container; /dev/null is a home that root cannot write to either."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "GSETTINGS_"))}
    called = subprocess.run(
        [sys.executable, "-c", CONNECT, f"rtsp://127.0.0.1:{free_port()}/stream"],
        cwd=ROOT, env={**kept, "HOME": "/dev/null"}, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert (called.stdout.strip(), "dconf" in called.stderr) == ("refused", False), called.stderr
