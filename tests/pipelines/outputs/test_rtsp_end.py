"""The end of an RTSP server whose clients talk on: no thread reads from a connection that another closed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engines.paths import ROOT

TALK = """
import socket, threading
OPEN
ASK = b"OPTIONS * RTSP/1.0\\r\\nCSeq: 1\\r\\n\\r\\n" * 20
def talk(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
            while client.recv(65536) if client.send(ASK) else False:
                talking.release()
    except OSError:
        pass
for _ in range(8):
    talking = threading.Semaphore(0)
    with opened() as server:
        clients = server._clients
        threads = [threading.Thread(target=talk, args=(server.port,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(40):
            talking.acquire()
    for thread in threads:
        thread.join()
    assert clients.wait_gone(120)
"""


OPEN = {
    "the output": "from tests.pipelines.outputs.rtsp_serving import serving as opened",
    "the demo's camera": """
from contextlib import contextmanager
from scripts.demo.cameras import VirtualCamera
@contextmanager
def opened():
    camera = VirtualCamera("door", [b"picture"])
    camera.restore()
    try:
        yield camera
    finally:
        camera.kill()
""",
    "the tests' camera": "from tests.fakes.rtsp_camera import RtspCamera as opened",
}


@pytest.mark.parametrize("server", OPEN)
def test_clients_that_talk_at_the_end_are_gone_then_and_break_nothing(server: str) -> None:
    """In a process of its own: what GStreamer did was a segmentation fault, or a thread that never ended."""
    done = subprocess.run(
        [sys.executable, "-c", TALK.replace("OPEN", OPEN[server])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert (done.returncode, done.stderr) == (0, "")
